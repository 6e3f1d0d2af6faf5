"""Vim with ALE."""
