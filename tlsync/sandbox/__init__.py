"""A local stand-in of the platform: the same wire on loopback, for tests and for people without a key.

It is a second reading of the contract, made without a look at `tlsync.api`, so that a misreading there
shows up in a test. It has no vision model: every text that it makes says "sandbox".
"""
