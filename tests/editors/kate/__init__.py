"""Kate, with a screen of its own."""
