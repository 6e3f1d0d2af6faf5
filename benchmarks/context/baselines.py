"""What an assembler is held against: nothing, look-alikes in two ways, imports, and the answer.

All are small on purpose and read a project afresh for each root; their time is not tuned.
"""

# Every baseline has the whole signature of an assembler, and each uses other parts of it.
# ruff: noqa: ARG002

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from benchmarks.context import tokens
from benchmarks.context.cases import WORD, header_of
from benchmarks.context.import_signatures import imported_signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from benchmarks.context.assembler import Assembler
    from benchmarks.context.cases import Case

_ENDINGS = {".py", ".ts", ".tsx", ".js", ".jsx"}
_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_STOP_WORDS = frozenset(
    {
        *("def", "class", "return", "if", "else", "elif", "for", "while", "in", "is", "not", "and"),
        *("or", "import", "from", "as", "with", "try", "except", "finally", "raise", "pass"),
        *("None", "True", "False", "self", "cls", "const", "let", "var", "function", "export"),
        *("default", "new", "this", "type", "interface", "extends", "implements", "public"),
        *("private", "readonly", "static", "async", "await", "void", "string", "number"),
        *("boolean", "null", "undefined", "any"),
    }
)


class _Texts:
    """A baseline that knows the texts of the project that was read last."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def index(self, root: str) -> None:
        """Read all source files."""
        folder = Path(root)
        self.texts = {
            path.relative_to(folder).as_posix(): path.read_text("utf-8", "replace")
            for path in sorted(folder.rglob("*"))
            if path.suffix in _ENDINGS and not path.name.endswith(".d.ts") and path.is_file()
        }

    def update(self, root: str, file: str, text: str) -> None:
        """Take a buffer."""
        self.texts[file] = text


class Nothing:
    """No context at all."""

    def index(self, root: str) -> None:
        """Do nothing."""

    def update(self, root: str, file: str, text: str) -> None:
        """Do nothing."""

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return nothing."""
        return ""


class JaccardWindows(_Texts):
    """Windows of the nearest files, by the share of words that they have in common with the last
    lines before the cursor: what several editors do for completions.

    With its parameters as they are it fills the budget; `as_shipped` takes a popular product's.
    """

    def __init__(
        self, size: int = 30, files: int = 60, longest: int = 200_000, most: int | None = None
    ) -> None:
        super().__init__()
        self._size, self._files, self._longest, self._most = size, files, longest, most

    @classmethod
    def as_shipped(cls) -> JaccardWindows:
        """Return one with 60 lines, the 20 nearest files below 10,000 characters, 4 windows."""
        return cls(size=60, files=20, longest=10_000, most=4)

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return the most similar windows."""
        wanted = _plain_words("\n".join(prefix.split("\n")[-self._size :]))
        suffixes = PurePosixPath(file).suffix
        near = sorted(
            (
                other
                for other, text in self.texts.items()
                if other != file and other.endswith(suffixes) and len(text) < self._longest
            ),
            key=lambda other: (_distance(other, file), other),
        )
        found: list[tuple[float, str, str]] = []
        for other in near[: self._files]:
            windows = sorted(self._windows(other, wanted), reverse=True)
            # A product that sends few windows takes one from each file.
            found += windows if self._most is None else windows[:1]
        found.sort(reverse=True)
        best = found[: self._most] if self._most is not None else found
        return _filled(((other, text) for share, other, text in best if share > 0), budget)

    def _windows(self, file: str, wanted: set[str]) -> Iterator[tuple[float, str, str]]:
        lines = self.texts[file].split("\n")
        step = self._size if self._most is None else 1
        for start in range(0, max(1, len(lines) - self._size + 1), step):
            text = "\n".join(lines[start : start + self._size])
            words = _plain_words(text)
            yield len(words & wanted) / max(1, len(words | wanted)), file, text


class Bm25(_Texts):
    """Chunks of 40 lines, ranked by BM25 against the lines around the cursor."""

    _SIZE, _STEP = 40, 30
    _BEFORE, _AFTER = 25, 8
    _SATURATION, _LENGTH = 1.2, 0.75
    _MOST = 80

    def index(self, root: str) -> None:
        """Count the words of all chunks."""
        super().index(root)
        self._chunks: list[tuple[str, str]] = []
        self._postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self._sizes: list[int] = []
        for file, text in self.texts.items():
            lines = text.split("\n")
            for start in range(0, len(lines), self._STEP):
                chunk = "\n".join(lines[start : start + self._SIZE])
                counts = Counter(_code_words(chunk))
                for word, count in counts.items():
                    self._postings[word].append((len(self._chunks), count))
                self._chunks.append((file, chunk))
                self._sizes.append(counts.total())
        self._mean = sum(self._sizes) / max(1, len(self._sizes))

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return the best chunks."""
        lines = [*prefix.split("\n")[-self._BEFORE :], "", *suffix.split("\n")[: self._AFTER]]
        scores: defaultdict[int, float] = defaultdict(float)
        for word, times in Counter(_code_words("\n".join(lines))).items():
            postings = self._postings.get(word, ())
            others = len(self._chunks) - len(postings)
            weight = times * math.log(1 + (others + 0.5) / (len(postings) + 0.5))
            for chunk, count in postings:
                length = 1 - self._LENGTH + self._LENGTH * self._sizes[chunk] / self._mean
                scores[chunk] += weight * count / (count + self._SATURATION * length)
        best = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))[: self._MOST]
        chunks = (self._chunks[chunk] for chunk in best)
        return _filled((chunk for chunk in chunks if chunk[0] != file), budget)


class ImportSignatures(_Texts):
    """Signatures of what the buffer imports, nearest use first."""

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return the signatures."""
        return _filled(imported_signatures(self.texts, file, prefix, suffix), budget)


class GoldDefinitions(_Texts):
    """The very definitions that the held-out text uses, up to 40 lines of each."""

    _MOST_LINES = 40

    def reveal(self, case: Case) -> None:
        """Learn the answer."""
        self._case = case

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return the answer."""
        blocks = []
        for gold in self._case.golds:
            lines = self.texts[gold.file].split("\n")
            # Lines moved where something was held out above them.
            places = [
                number
                for number, line in enumerate(lines)
                if header_of(line).startswith(gold.header[:80])
            ]
            place = min(places, key=lambda n: abs(n - gold.line + 1), default=gold.line - 1)
            size = min(gold.end - gold.line + 1, self._MOST_LINES)
            head = f"class {gold.parent}:\n    " if gold.parent else ""
            blocks.append((gold.file, head + "\n".join(lines[place : place + size])))
        return _filled(blocks, budget)


BASELINES: Mapping[str, Callable[[], Assembler]] = {
    "nothing": Nothing,
    "Jaccard windows": JaccardWindows.as_shipped,
    "Jaccard windows, filled": JaccardWindows,
    "BM25": Bm25,
    "import signatures": ImportSignatures,
    "oracle": GoldDefinitions,
}


def _filled(blocks: Iterable[tuple[str, str]], budget: int) -> str:
    """Return as many (file, text) blocks as fit, in their order; the last one may be cut."""
    taken: list[str] = []
    left = budget
    for file, text in blocks:
        block = f"# {file}\n{text}\n"
        size = tokens.count(block)
        if size <= left:
            taken.append(block)
            left -= size
            continue
        lines = block.split("\n")
        while len(lines) > 3 and tokens.count("\n".join(lines)) >= left:
            lines = lines[: int(len(lines) * 0.8)]
        if len(lines) > 3:
            taken.append("\n".join(lines) + "\n")
        break
    return "".join(taken)


def _plain_words(text: str) -> set[str]:
    return {word for word in re.split(r"[^A-Za-z0-9]+", text) if word} - _STOP_WORDS


def _code_words(text: str) -> Iterator[str]:
    """Yield each identifier and, if it is made of several words, those too."""
    for word in WORD.findall(text):
        if word in _STOP_WORDS:
            continue
        yield word.lower()
        parts = _PARTS.findall(word.replace("_", " "))
        if len(parts) > 1:
            yield from (part.lower() for part in parts)


def _distance(one: str, other: str) -> int:
    """Return how many steps lead from one file to another through the folders."""
    parts, others = one.split("/"), other.split("/")
    shared = 0
    while shared < min(len(parts), len(others)) - 1 and parts[shared] == others[shared]:
        shared += 1
    return len(parts) + len(others) - 2 * shared
