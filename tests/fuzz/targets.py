"""The table of everything that is fuzzed.

A target is a function of bytes that returns nothing: it raises where one of the properties named
in its docstring does not hold. To add one, write it, put it here with the modules that it is
about, and give it a folder of cases in `corpus/`; `make fuzz` and the suite do the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.fuzz import answers, configured, documents

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = Path(__file__).parent / "corpus"


class Target(NamedTuple):
    """Something that is fuzzed.

    Attributes:
        run: takes an input, and raises where a property does not hold.
        about: the files of the product whose lines are counted as covered, without the ending.
        words: what is put into inputs, beside what stands in the corpus.
    """

    run: Callable[[bytes], None]
    about: tuple[str, ...]
    words: tuple[bytes, ...] = ()

    @property
    def name(self) -> str:
        """The name of the target and of its corpus."""
        return self.run.__name__

    @property
    def corpus(self) -> Path:
        """The folder of its cases."""
        return CORPUS / self.name

    def cases(self) -> list[Path]:
        """Return its cases; there is at least one."""
        return sorted(self.corpus.iterdir())


_JSON = (b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"null", b"true", b"1e999", b"NaN", b"-0")
_NUMBERS = (b"-1", b"0", b"1.5", b"9" * 25, b"9" * 4000, b"1e400", b'"x"', b"[]", b"{}")
_ODD = ("\r", "\x0b", "\x0c", "\x85", "\u2028", "\ufeff", "\u202e", "\0", "\x1b[31m", "é", "😀")
_LINES = (b"\n", b"\r\n", b"    ", b"\t", *(each.encode() for each in _ODD))
_CODE = (b"```", b"```python\n", b"<fill>", b"</fill>", b"(", b")", b'"""', b"#", b"//", b"/*")

TARGETS = {
    target.name: target
    for target in (
        Target(
            answers.finding_stream,
            ("findings/stream",),
            (*_JSON, *_LINES, b'"findings"', b"```json\n"),
        ),
        Target(
            answers.reviewed,
            (
                *("actions/finding_reader", "findings/claims", "findings/verify"),
                *("findings/anchor", "findings/searched_text", "findings/sanitize"),
            ),
            (*_JSON, *_LINES, b'"quote"', b'"line"', b'"replacement"', b"...", b"12| "),
        ),
        Target(
            answers.edits,
            ("actions/editing", "findings/anchor"),
            (*_JSON, *_LINES, b'"quote"', b'"line"', b'"replacement"', b"12| "),
        ),
        Target(
            answers.completions,
            tuple(
                f"actions/completion/{name}"
                for name in ("answer", "alternatives", "reader", "filters", "extent", "syntax")
            ),
            (*_LINES, *_CODE, b"</", b"<think>", b"</think>", b"Sorry, I can't.", b"{", b"}", b":"),
        ),
        Target(
            answers.judgements,
            ("findings/judgements", "findings/claims"),
            (*_JSON, b'"places"', b'"dependencies"', b'"from"', b'"to"', b'"shows"'),
        ),
        Target(
            answers.event_stream,
            ("claude/stream",),
            (*_JSON, *_NUMBERS, b"data: ", b"event: ", b"\n\n", b"\r\n\r\n", b'"index"'),
        ),
        Target(
            documents.diffs,
            ("text/diffs",),
            (b"\n", b"\r", b"+", b"-", b"@@ -1,2 +1,2 @@", b"@@@", b"\\ No newline", b"9" * 5000),
        ),
        Target(
            documents.sarif,
            ("findings/sarif_reader", "findings/again"),
            (*_JSON, *_NUMBERS, b'"region"', b'"startLine"', b'"index"', b'"snippet"', b'"rank"'),
        ),
        Target(
            documents.reports,
            ("findings/reporters/json_format", "findings/report"),
            (*_JSON, *_NUMBERS, b'"line"', b'"tokens"', b'"usd"', b"\\ud800"),
        ),
        Target(documents.baselines, ("findings/baseline",), (*_JSON, *_NUMBERS, b"\\ud800")),
        Target(
            documents.suppressions,
            ("findings/suppression",),
            (*_LINES, *_CODE, b"claude-lsp: ignore[", b"] reason", b"*/", b"-->", b"<!--", b"--"),
        ),
        Target(
            documents.instructions,
            ("actions/instruction",),
            (*_LINES, *_CODE, b"claude: do it", b"*/", b"-->", b"<!--", b"Claude:"),
        ),
        Target(
            documents.patterns,
            ("workspace/patterns",),
            (b"*", b"**", b"/", b"!", b"[", b"]", b"[!", b"[[:alpha:]]", b"\\", b"?", b"-", b"\n"),
        ),
        Target(
            documents.manifests,
            ("workspace/manifests",),
            (*_JSON, b"[project]\n", b"dependencies = [", b"[options]\n", b"==1.0", b"\n", b"="),
        ),
        Target(
            documents.conversations,
            ("text/conversation", "text/markdown"),
            (*_LINES, *_CODE, b"## You\n", b"## Claude\n", b"~~~", b"@file:a.py#L1-L2", b"#", b">"),
        ),
        Target(
            configured.toml_settings,
            ("configuration", "settings", "user_actions", "routing"),
            (*_JSON, *_NUMBERS, b"[actions.x]\n", b"[[arch.forbid]]\n", b"=", b"\n", b"1979-05-27"),
        ),
        Target(
            configured.json_settings,
            ("configuration", "settings", "user_actions", "routing"),
            (*_JSON, *_NUMBERS, b'"routes"', b'"actions"', b'"spend"', b'"suppress"'),
        ),
        Target(
            configured.frames,
            ("lsp/wire",),
            (b"\r\n", b"\n", b"Content-Length: ", b"content-length:2", b"0", b"-5", b"9" * 30),
        ),
    )
}
