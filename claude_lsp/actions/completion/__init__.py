"""Completion at the cursor as pure functions: where it ends, what is cut, whether to ask."""
