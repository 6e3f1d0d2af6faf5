"""The symbol index: what a workspace defines, imports and mentions, and where."""
