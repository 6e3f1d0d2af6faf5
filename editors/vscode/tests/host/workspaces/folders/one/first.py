"""The first folder."""
