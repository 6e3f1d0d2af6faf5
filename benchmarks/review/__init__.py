"""Reviews without a model: what becomes of the remarks of a reviewer who knows the truth."""
