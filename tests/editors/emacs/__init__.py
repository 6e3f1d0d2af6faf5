"""Emacs with eglot, in batch mode."""
