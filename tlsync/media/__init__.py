"""The only code that opens media files. Everything here reads; nothing here writes beside the media."""
