"""A review run, for the editor and for CI alike: units, streaming, filters, honest coverage."""
