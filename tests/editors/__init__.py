"""Real editors against the installed server and the loopback Messages API.

Each editor has a folder here and a target `make test-NAME`; `make test` leaves them out, since they
install the editors first.
"""
