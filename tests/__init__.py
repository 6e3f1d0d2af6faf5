"""Tests of claude-lsp."""
