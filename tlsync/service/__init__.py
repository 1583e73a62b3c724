"""tlsync as a service of the system: what is written where, and who starts it."""
