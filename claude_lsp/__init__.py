"""Claude in every editor that speaks the Language Server Protocol, and headless in CI."""

__version__ = "0.1.0"
