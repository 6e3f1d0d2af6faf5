"""Findings: what a review remarks, where exactly, and how it is recognised again. No I/O."""
