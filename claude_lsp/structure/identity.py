"""The identity of a structural finding across runs."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def identity(rule: str, path: str, places: Iterable[str] = ()) -> str:
    """Return 16 hexadecimal digits that stay the same while lines and order change.

    Args:
        rule: the rule's id.
        path: the file or folder that the fact is about, relative to the workspace.
        places: the files or folders that make it this fact and no other, in any order. They
            are paths because a module's name may change when another project joins the
            workspace.
    """
    key = json.dumps(["v1", rule, path, *sorted(places)], ensure_ascii=False)
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
