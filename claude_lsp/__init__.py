"""claude-lsp: Claude in every editor that speaks the Language Server Protocol, and in CI."""

from __future__ import annotations

import os

__version__ = "0.1.0"

# The arrays of the index are small: more threads of the linear algebra library would only spin,
# and take the processor from the event loop. It reads this when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
