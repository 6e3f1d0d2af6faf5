"""Completions measured as an editor sees them, side by side with other language servers."""
