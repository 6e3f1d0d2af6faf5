"""Beside the code of a release: locks with hashes, an audit, packages that can be rebuilt."""
