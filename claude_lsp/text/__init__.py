"""Text as values: snapshots, positions, line indexes, edits. Standard library only, no I/O."""
