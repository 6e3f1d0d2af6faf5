"""How right the module graph is, and how much of an architecture a map within a budget tells."""
