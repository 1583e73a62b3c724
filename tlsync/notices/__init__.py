"""Tells others what happened: programs of the user (hooks), a web server (webhook), the desktop."""
