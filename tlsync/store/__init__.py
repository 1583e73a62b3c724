"""Local state: the catalog (SQLite) and the sidecars. The only code that writes either."""
