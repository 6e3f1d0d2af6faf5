"""The handlers, thin: from the client's values, to the engine, and back."""
