"""What a working day costs, replayed: `make bench-cost`."""
