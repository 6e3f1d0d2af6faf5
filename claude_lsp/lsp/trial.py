"""What edits would do to a document, tried on a copy before they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.text.edits import apply_edits
from claude_lsp.text.unseen import brought

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.text.edits import TextEdit
    from claude_lsp.text.snapshots import Snapshot


class Trial:
    """The edits of one answer, all made for the same text.

    Args:
        snapshot: that text.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._accepted: list[TextEdit] = []
        self._faults: int | None = None

    def accept(self, edit: TextEdit) -> None:
        """Take an edit as made."""
        self._accepted.append(edit)

    def unseen_in(self, edits: Sequence[TextEdit]) -> str:
        """Return what edits bring that a reader can't see, in words; "" for nothing."""
        old = "\n".join(self._snapshot.index.slice(edit.range) for edit in edits)
        return brought("\n".join(edit.text for edit in edits), old)

    def parses_with(self, edits: Sequence[TextEdit]) -> bool:
        """Whether the text has no more faults after some further edits than it had before.

        True where no grammar can tell. Parses, so call it in a worker.
        """
        from claude_lsp.workspace.index.grammars import faults

        language = self._snapshot.language
        if self._faults is None:
            self._faults = faults(self._snapshot.text, language)
        if self._faults is None:
            return True
        after = faults(apply_edits(self._snapshot.text, [*self._accepted, *edits]), language)
        return after is None or after <= self._faults
