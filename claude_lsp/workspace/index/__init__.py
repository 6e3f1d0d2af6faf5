"""The symbol index: what a workspace defines, imports and mentions, and where."""

from __future__ import annotations

import os

# The arrays here are small: threads of the linear algebra library would only spin. It reads this
# when numpy is first imported, which is after this package.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
