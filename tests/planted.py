"""What tests plant where it must not leave from: each test that does so uses these.

`tests/evidence.py` looks for them in everything that the whole run has sent.
"""

from __future__ import annotations

GITHUB_TOKEN = "gh" + "p_aB3dE6fG9hJ2kL5mN8pQ1rS4tU7vW0xY3zA6"
AWS_KEY = "AK" + "IAQ3EGRMCN7PZLT2XB"
PASSWORD = "hT" + "7!kq92LmhT" + "7!kq92Lm"
IGNORED = "PLANTED_IN_IGNORED"
"""Stands in files that are ignored, and nowhere else."""

EVERYTHING = (GITHUB_TOKEN, AWS_KEY, PASSWORD, IGNORED)
