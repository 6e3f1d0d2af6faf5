"""What the nodes of each language's syntax tree mean, one module per family of languages."""
