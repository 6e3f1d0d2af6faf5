"""The Messages API of a working day: what fits the request, and a fault now and then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.messages_api import Disconnect, Reply, Wait, replies

if TYPE_CHECKING:
    import random

    from benchmarks.soak.editor import Editor
    from tests.messages_api import ReceivedRequest

FAULTS_SHARE = 0.05
_SILENCE_S = 2.5


class Answers:
    """The Messages API of the day: what fits the request, and a fault now and then."""

    def __init__(self, editor: Editor, chance: random.Random) -> None:
        self.faults = 0
        self._editor, self._chance = editor, chance

    def __call__(self, request: ReceivedRequest) -> Reply:
        if self._chance.random() < FAULTS_SHARE:
            self.faults += 1
            return self._fault()
        schema = json.dumps((request.body or {}).get("output_config") or {})
        line, quote = self._quote()
        if '"findings"' in schema:
            found = {
                "path": self._editor.buffer.path.name,
                "line": line,
                "quote": quote,
                "rule": "review.correctness",
                "severity": "major",
                "title": f"About {quote.strip()[:40]}",
                "explanation": "It is wrong.",
                "confidence": 0.9,
                "replacement": None,
            }
            return replies.json_findings([found])
        if '"edits"' in schema:
            edit = {"line": line, "quote": quote, "replacement": f"{quote}  # looked at"}
            return replies.json({"edits": [edit]})
        return replies.text("<fill>measured = prepare(context)</fill>")

    def _quote(self) -> tuple[int, str]:
        lines = self._editor.buffer.index.lines
        number = self._chance.randrange(len(lines))
        near = [*range(number, len(lines)), *range(number)]
        place = next((each for each in near if lines[each].strip()), 0)
        return place + 1, lines[place].rstrip("\r\n")

    def _fault(self) -> Reply:
        return self._chance.choice(
            (
                replies.rate_limit(0.05),
                replies.overloaded(),
                replies.error(500),
                replies.html_error(502),
                replies.refusal(),
                replies.max_tokens("<fill>measured ="),
                replies.drop("<fill>mea"),
                replies.cut("<fill>mea"),
                replies.drop(None),
                replies.end_without_stop("<fill>mea"),
                replies.stream_error(),
                replies.corrupt_event("<fill>mea"),
                replies.invalid_utf8("<fill>mea"),
                replies.text("I can not do that."),
                replies.text(""),
                replies.partial("<fill>mea") + Wait(_SILENCE_S) + Disconnect(),
                Reply((Wait(_SILENCE_S), Disconnect())),
            )
        )
