"""How well a bounded context serves a completion, measured without a model; docs/benchmarks.md."""
