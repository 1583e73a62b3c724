"""Decides what happens next to a file, and does it: watching, settling, uploading, indexing, enriching."""
