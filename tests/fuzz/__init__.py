"""Fuzzing of whatever reads what others wrote; `make fuzz`, and a short form in the suite."""
