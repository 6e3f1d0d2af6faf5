"""The second folder."""
