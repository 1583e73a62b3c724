"""`python -m tlsync`: the same as the `tlsync` command."""

from tlsync.cli.main import main

if __name__ == "__main__":
    main()
