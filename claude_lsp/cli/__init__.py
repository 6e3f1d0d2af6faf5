"""The command line: one file per command. stdout is the report or the protocol."""
