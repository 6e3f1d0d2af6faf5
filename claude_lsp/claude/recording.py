"""Answers kept in a folder, to be given again: a run without a network, or one that goes on.

An answer is found by what was asked: the model, the prompt and the form of the answer. Files hold
the service's own events and nothing of the prompt; as answers quote code, only the user may read
them.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_lsp.claude import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUFFIX = ".sse"
_NOT_OF_THE_QUESTION = frozenset(("max_tokens", "stream", "cache_control"))


def key_of(body: Mapping[str, Any]) -> str:
    """Return what a request is known by: 32 hexadecimal digits of its model, prompt and form."""
    asked = _question(body)
    text = json.dumps(asked, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _question(value: Any) -> Any:
    """Return what was asked, without how it was paid for or delivered."""
    if isinstance(value, dict):
        return {k: _question(v) for k, v in value.items() if k not in _NOT_OF_THE_QUESTION}
    return [_question(each) for each in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Recording:
    """A folder of answers.

    Attributes:
        folder: made when the first answer is kept.
        gives: answers that it holds are given instead of asking for them.
        sends: what it does not hold is sent, and the answer kept. Not both may be False.
    """

    folder: Path
    gives: bool = True
    sends: bool = True

    def find(self, body: Mapping[str, Any]) -> bytes | None:
        """Return the events of the answer to a request; None where it is to be sent.

        Reads a file: call it in a worker.

        Raises:
            ClaudeError: there is none and nothing may be sent (kind "not-recorded"), or it can't
                be read (kind "recording").
        """
        if self.gives:
            try:
                return self._path(body).read_bytes()
            except FileNotFoundError:
                pass
            except OSError as error:
                raise self._unusable(error) from error
        if not self.sends:
            raise errors.ClaudeError(errors.not_recorded(str(self.folder)))
        return None

    def keep(self, body: Mapping[str, Any], events: bytes) -> None:
        """Keep an answer that is complete; writes a file: call it in a worker.

        Raises:
            ClaudeError: the folder can't be written (kind "recording").
        """
        self.write(self._path(body).name, events)

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the folder, whole or not at all.

        Raises:
            ClaudeError: the folder can't be written (kind "recording").
        """
        path = self.folder / name
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Whoever reads it meanwhile finds all of it or nothing.
            handle, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
            try:
                with open(handle, "wb") as file:  # noqa: PTH123 - an open handle
                    file.write(content)
                os.replace(name, path)  # noqa: PTH105 - over an older one on every system
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._unusable(error) from error

    def _path(self, body: Mapping[str, Any]) -> Path:
        return self.folder / f"{key_of(body)}{_SUFFIX}"

    def _unusable(self, error: OSError) -> errors.ClaudeError:
        problem = error.strerror or str(error)
        return errors.ClaudeError(errors.recording(str(self.folder), problem))
