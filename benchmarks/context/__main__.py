"""`python -m benchmarks.context`."""

from __future__ import annotations

from benchmarks.context.bench import main

if __name__ == "__main__":
    main()
