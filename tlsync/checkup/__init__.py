"""Looks whether everything that tlsync needs is in order, and says how to mend what is not."""
