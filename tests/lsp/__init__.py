"""Sessions of a client and the server in one process."""
