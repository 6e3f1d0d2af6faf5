"""A working day in minutes, against the real server: what grows, leaks, stalls or gets lost."""
