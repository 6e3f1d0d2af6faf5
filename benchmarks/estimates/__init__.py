"""How good estimates of tokens are, and what keeping limits costs."""
