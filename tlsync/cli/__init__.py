"""The command line: options, one call into the engine or the catalog, and printers."""
