"""tlsync: keeps folders of footage in step with the TwelveLabs video-understanding platform."""

__version__ = "0.1.0"
