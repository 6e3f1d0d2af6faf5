"""The Messages API: models and prices, routing, requests, streaming, errors, spending."""
