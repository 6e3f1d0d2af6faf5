"""What was spent, shown: as a page with plots, and as a text for an editor."""
