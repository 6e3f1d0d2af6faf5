"""Targets that read what a model, or whatever poses as one, has written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.outcomes import (
    Beginning,
    Drop,
    Insertion,
    Notice,
    Prose,
    Replacement,
    Unusable,
)
from claude_lsp.claude.stream import DamagedStreamError, Decoder
from claude_lsp.context.assemble import Context
from claude_lsp.context.redact import redact
from claude_lsp.context.sent import Sent
from claude_lsp.findings.claims import EXPLANATION_LIMIT, QUOTE_LIMIT, TITLE_LIMIT, Rejected
from claude_lsp.findings.finding import Finding
from claude_lsp.findings.judgements import judgement_from
from claude_lsp.findings.stream import OBJECT_LIMIT, ObjectStream, StreamEnd
from claude_lsp.text.edits import TextEdit, apply_edits
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot
from tests.fuzz.inputs import chosen, pieces, texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_lsp.actions.outcomes import Outcome

LANGUAGES = ("python", "typescript", "go", "rust", "c", "html", "yaml", "markdown", "ruby", "elm")


def finding_stream(data: bytes) -> None:
    """Objects come out of an answer whole, the same however it is cut into pieces."""
    (answer,) = texts(data, 1)
    found, end = _scanned([answer])
    again, again_end = _scanned(pieces(answer, data))
    assert again == found
    assert again_end.complete == end.complete
    for one in (end, again_end):
        assert len(one.leftover) <= 2 * OBJECT_LIMIT
        assert one.problem is None or len(one.problem) < 500
    wanted = _findings_of(answer)
    if wanted is not None:
        assert found == wanted
        assert end.complete


def _scanned(parts: Iterable[str]) -> tuple[list[dict[str, object]], StreamEnd]:
    stream = ObjectStream("findings")
    found = [each for part in parts for each in stream.feed(part)]
    return found, stream.finish()


def _findings_of(answer: str) -> list[Any] | None:
    """Return the findings as a parser of the whole has them; None for what has no such list."""
    try:
        value = json.loads(answer, object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError):
        return None
    found = value.get("findings") if isinstance(value, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        return None
    # What is bounded on purpose is not asked about.
    return found if len(answer) < 1000 and answer.count("[") + answer.count("{") < 90 else None


def _unambiguous(members: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in members]
    if len(set(names)) < len(names) or any(len(name) > 150 for name in names):
        raise ValueError("which of two members of one name counts is nobody's promise")
    return dict(members)


def reviewed(data: bytes) -> None:
    """Findings quote what stands in the document, and nothing in them can steer a screen."""
    document, answer = texts(data, 2)
    outcomes = _outcomes("review", document, [answer])
    assert _outcomes("review", document, pieces(answer, data)) == outcomes
    index = LineIndex(document)
    for finding in outcomes:
        if isinstance(finding, Drop | Unusable):
            continue
        assert isinstance(finding, Finding)
        assert finding.path == "code.py"
        _assert_within(finding.range, index)
        assert finding.quote == index.slice(finding.range)
        assert finding.quote.strip()
        assert len(finding.title) <= TITLE_LIMIT
        assert len(finding.explanation) <= EXPLANATION_LIMIT
        assert 0 <= finding.confidence <= 1
        assert not set("\x1b\x9b\u202e\u2028\r\0") & set(finding.title + finding.explanation)


def edits(data: bytes) -> None:
    """Edits lie in the document, do not overlap, and can be made whatever they say."""
    document, answer = texts(data, 2)
    outcomes = _outcomes("fix", document, [answer])
    assert _outcomes("fix", document, pieces(answer, data)) == outcomes
    index = LineIndex(document)
    made = []
    for outcome in outcomes:
        if isinstance(outcome, Replacement):
            _assert_within(outcome.range, index)
            made.append(TextEdit(outcome.range, outcome.text))
        else:
            assert isinstance(outcome, Notice | Unusable | Prose)
    changed = apply_edits(document, made)
    assert len(changed) <= len(document) + sum(len(edit.text) for edit in made)


def completions(data: bytes) -> None:
    """A suggestion fits its cursor, is never taken back, and does not depend on the pieces."""
    before, after, answer = texts(data, 3)
    text = before + after
    snapshot = Snapshot("file:///w/file", 1, text, chosen(before[:4].encode(), LANGUAGES))
    index = snapshot.index
    span = index.range_of(len(before), len(before))
    situation = Situation(snapshot, "file", span, suggestions=1 + len(data) % 3)
    whole = _completed(situation, [answer])
    cut = _completed(situation, pieces(answer, data))
    for insertions in (whole, cut):
        for insertion in insertions:
            assert insertion.at == span.start
            end = insertion.until or insertion.at
            assert insertion.at.line == end.line
            assert insertion.at.column <= end.column <= len(index.line(end.line))
            assert len(insertion.text) <= 2 * len(answer) + 100
    final = [one for one in whole if one.complete]
    assert [one for one in cut if one.complete] == final
    for growing in cut:
        if not growing.complete and final:
            assert final[0].text.startswith(growing.text)


def _completed(situation: Situation, parts: Iterable[str]) -> list[Insertion]:
    reader = ACTIONS["complete"].reader(situation, Context())
    outcomes: list[Outcome] = []
    for part in parts:
        if reader.satisfied:
            break
        outcomes += reader.feed(part)
    outcomes += reader.finish(complete=True)
    assert all(isinstance(one, Insertion | Beginning | Drop) for one in outcomes)
    return [one for one in outcomes if isinstance(one, Insertion)]


def judgements(data: bytes) -> None:
    """Whatever object comes as a judgement is one, with bounds, or is refused."""
    (answer,) = texts(data, 1)
    for entry in _scanned([answer])[0]:
        judgement = judgement_from(entry)
        if isinstance(judgement, Rejected):
            assert judgement.reason
            continue
        assert judgement.claim.title
        assert judgement.claim.replacement is None
        for claim in (judgement.claim, *judgement.others):
            assert claim.quote.strip()
            assert len(claim.quote) <= QUOTE_LIMIT
            assert claim.line is None or claim.line > 0
        assert len(judgement.notes) == len(judgement.others)


def event_stream(data: bytes) -> None:
    """The bytes of a stream give text and counters, or the one error; pieces do not matter."""
    answer = _decoded([data])
    assert _decoded(data[at : at + 7] for at in range(0, len(data), 7)) == answer
    if not isinstance(answer, str):
        text, usage, blocks, reason = answer
        assert len(text) <= 4 * len(data)
        assert all(count >= 0 for count in usage)
        assert len(blocks) <= len(data)
        assert reason is None or isinstance(reason, str)


def _decoded(parts: Iterable[bytes]) -> Any:
    decoder = Decoder()
    try:
        written = [text for part in parts for text in decoder.feed(part)]
    except DamagedStreamError as error:
        # Of two damages another may be met first.
        return str(error)[:0]
    answer = decoder.answer
    assert "".join(written) == answer.text
    assert answer.refusal is None or isinstance(answer.refusal, str)
    assert isinstance(answer.written, str)
    usage = answer.usage
    counts = (usage.input, usage.output, usage.cache_read, usage.cache_write_5m, usage.thinking)
    return answer.text, counts, answer.blocks, answer.stop_reason


def _outcomes(action: str, document: str, parts: Iterable[str]) -> list[Outcome]:
    snapshot = Snapshot("file:///w/code.py", 1, document, "python")
    redacted = redact(document)
    sent = Sent("code.py", redacted, 0, len(redacted.text), snapshot.index)
    context = Context(subject="code.py", documents={"code.py": (sent,)})
    situation = Situation(snapshot, "code.py", Range(Position(0, 0), Position(0, 0)))
    reader = ACTIONS[action].reader(situation, context)
    outcomes = [outcome for part in parts for outcome in reader.feed(part)]
    return [*outcomes, *reader.finish(complete=True)]


def _assert_within(span: Range, index: LineIndex) -> None:
    assert span.start <= span.end
    for place in span:
        assert index.position_at(index.offset_at(place)) == place
