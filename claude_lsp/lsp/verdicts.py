"""What is not shown in this session: dismissed by the user, or accepted by the project."""

from __future__ import annotations

import asyncio
import logging
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.findings.baseline import read
from claude_lsp.findings.suppression import is_over
from claude_lsp.reading import read_regular
from claude_lsp.review.dismissals import Dismissals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from claude_lsp.findings.baseline import Entry
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.settings import Settings

log = logging.getLogger(__name__)

_LARGEST_BASELINE = 50_000_000


class Verdicts:
    """The dismissals of the session's folders, and the baseline and the table of the project.

    The baseline tells by fingerprints alone here: what has moved is recognised by a whole run.

    Attributes:
        dismissed: fingerprints, as far as they have been read.
    """

    def __init__(self, server: ClaudeServer) -> None:
        self._server = server
        self._stores: dict[Path, Dismissals] = {}
        self._project: frozenset[str] = frozenset()
        self._changes = 0
        self._on_disk = asyncio.Lock()
        self._unwritten: list[tuple[Sequence[str], bool]] = []
        self.dismissed: set[str] = set()

    async def refresh(self) -> None:
        """Read everything again: another editor or a checkout may have changed it."""
        roots, settings = self._server.session.roots, self._server.session.configuration.settings
        stores = self._all_stores()
        async with self._on_disk:  # after what was said before
            dismissed, project = await asyncio.to_thread(_read, stores, roots, settings)
        self.dismissed, self._project = set(dismissed), project
        for fingerprints, dismisses in self._unwritten:
            change = self.dismissed.update if dismisses else self.dismissed.difference_update
            change(fingerprints)
        self._publish()

    def dismiss(self, entries: Sequence[Entry]) -> None:
        """Hide findings at once, and keep that for the next session."""
        fingerprints = [entry.fingerprint for entry in entries]
        self.dismissed.update(fingerprints)
        self._publish()
        self._keep(fingerprints, True, lambda store: store.dismiss(entries))

    def restore(self, fingerprints: Iterable[str]) -> int:
        """Take dismissals back; return how many there were."""
        taken = sorted(self.dismissed.intersection(fingerprints))
        self.dismissed.difference_update(taken)
        self._publish()
        if taken:
            self._keep(taken, False, lambda store: store.restore(taken))
        return len(taken)

    def _publish(self) -> None:
        self._server.published.accept(self.dismissed | self._project)

    def _keep(
        self, fingerprints: Sequence[str], dismisses: bool, change: Callable[[Dismissals], None]
    ) -> None:
        """Write to the store of every folder: a fingerprint does not tell which it is of.

        Until that is done, or for good where it can't be, what is read is corrected by it.
        """
        stores, word = self._all_stores(), (fingerprints, dismisses)
        self._unwritten.append(word)

        async def keep() -> None:
            try:
                # One after the other, as they came: the last word about a finding is what holds.
                async with self._on_disk:
                    for store in stores:
                        await asyncio.to_thread(change, store)
                self._unwritten = [each for each in self._unwritten if each is not word]
            except OSError as error:
                self._server.warn(f"the dismissal holds only until the editor ends: {error}")

        self._changes += 1  # each is a job of its own: none takes another's place
        self._server.upkeep.start(f"dismissal {self._changes}", keep())

    def _all_stores(self) -> list[Dismissals]:
        """Return that of every folder, or the one for sessions without any."""
        roots = self._server.session.roots or (Path(),)
        return [self._stores.setdefault(root, Dismissals(root)) for root in roots]


def _read(
    stores: Sequence[Dismissals], roots: Sequence[Path], settings: Settings
) -> tuple[frozenset[str], frozenset[str]]:
    dismissed = frozenset[str]().union(*(store.read() for store in stores))
    today = date.today().isoformat()
    accepted = {key for key, entry in settings.suppress.items() if not is_over(entry, today)}
    if roots and settings.review.baseline:
        path = roots[0] / settings.review.baseline
        try:
            if not path.resolve().is_relative_to(roots[0].resolve()):
                log.warning("the baseline %s is outside of the project and not read", path)
            else:
                text = read_regular(path, _LARGEST_BASELINE).data.decode()
                accepted |= {entry.fingerprint for entry in read(text)}
        except (OSError, ValueError) as error:
            log.warning("the baseline %s can't be read: %s", path, error)
    return dismissed, frozenset(accepted)
