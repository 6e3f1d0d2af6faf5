"""The signatures of what a file imports, by regular expressions: a baseline, not a parser."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from benchmarks.context.cases import WORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PYTHON_IMPORT = re.compile(
    r"^[ \t]*from[ \t]+(?P<module>[.\w]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n]+)",
    re.MULTILINE,
)
_SCRIPT_IMPORT = re.compile(
    r"""^import\s+(?:type\s+)?(?P<names>[^;'"]*?)\s*from\s*['"](?P<module>[^'"]+)['"]""",
    re.MULTILINE,
)
_PYTHON_DEFINITION = r"^(?:async[ \t]+)?(?:def|class)[ \t]+{name}\b[^\n]*|^{name}[ \t]*[:=][^\n]*"
_SCRIPT_DEFINITION = (
    r"^(?:export[ \t]+)?(?:declare[ \t]+)?(?:default[ \t]+)?(?:abstract[ \t]+)?(?:async[ \t]+)?"
    r"(?:const|let|var|function\*?|class|interface|type|enum|namespace)[ \t]+{name}\b[^\n]*"
)
_PYTHON_MEMBER = re.compile(r"^[ \t]+(?:(?:async[ \t]+)?def[ \t]+\w+[^\n]*|\w+[ \t]*:[^\n]*)")
_SCRIPT_MEMBER = re.compile(r"^[ \t]{1,4}[\w$][\w$? \t]*[(:<][^\n]*")
_SCRIPT_ENDINGS = (".ts", ".tsx", "/index.ts", "/index.tsx", ".js", "/index.js")
_UNUSED = 1_000_000
_MOST_HOPS = 5
_MOST_SIGNATURE_LINES = 12


def imported_signatures(
    texts: Mapping[str, str], file: str, prefix: str, suffix: str
) -> Iterator[tuple[str, str]]:
    """Yield (file, signature) of each imported definition, the one used nearest first.

    Args:
        texts: all files of the project, by their relative paths.
        file: the buffer's path.
        prefix: the buffer before the cursor.
        suffix: the buffer after it.
    """
    near: dict[str, int] = {}
    for place, line in enumerate(reversed(prefix.split("\n"))):
        for word in WORD.findall(line):
            near.setdefault(word, place)
    for place, line in enumerate(suffix.split("\n")):
        for word in WORD.findall(line):
            near[word] = min(near.get(word, _UNUSED), place + 5)
    imports = list(_imports(file, prefix + suffix))
    imports.sort(key=lambda each: near.get(each[0], _UNUSED))
    for _local, module, original in imports:
        found = _definition(texts, file, module, original, _MOST_HOPS)
        if found is not None and found[0] != file:
            yield found


def _imports(file: str, text: str) -> Iterator[tuple[str, str, str]]:
    """Yield (local name, module, name there)."""
    pattern = _PYTHON_IMPORT if file.endswith(".py") else _SCRIPT_IMPORT
    for match in pattern.finditer(text):
        names = re.sub(r"(?:#|//)[^\n]*", "", match["names"]).strip("(){}* \n")
        for part in re.split(r"[,{}]", names):
            words = [word for word in part.split() if word not in {"type", "as"}]
            if words:
                yield words[-1], match["module"], words[0]


def _definition(
    texts: Mapping[str, str], file: str, module: str, name: str, hops: int
) -> tuple[str, str] | None:
    """Return where a name of a module is defined, and its signature; follows re-exports."""
    place = _module_file(texts, file, module)
    if place is None:
        return None
    pattern = _PYTHON_DEFINITION if place.endswith(".py") else _SCRIPT_DEFINITION
    match = re.search(pattern.format(name=re.escape(name)), texts[place], re.MULTILINE)
    if match is not None:
        return place, _skeleton(texts[place], match.start(), place)
    if hops:
        for local, further, original in _imports(place, texts[place]):
            if local == name:
                return _definition(texts, place, further, original, hops - 1)
    return None


def _skeleton(text: str, start: int, file: str) -> str:
    """Return the signature that begins at an offset; of a class its members' too."""
    lines = text[start:].split("\n")
    if not file.endswith(".py"):
        taken = [lines[0]]
        if re.search(r"\b(?:class|interface|enum)\b", lines[0]) or lines[0].endswith("{"):
            taken += _members(lines, _SCRIPT_MEMBER)
        return "\n".join(taken)
    head = _head(lines)
    if lines[0].startswith("class"):
        return "\n".join([" ".join(head), *_members(lines[len(head) :], _PYTHON_MEMBER)])
    return " ".join(part.strip() for part in head)


def _head(lines: list[str]) -> list[str]:
    """Return the lines of a Python definition up to the colon that opens its body."""
    if not re.match(r"(?:async|def|class)\b", lines[0]):
        return lines[:1]
    for number, line in enumerate(lines[:_MOST_SIGNATURE_LINES]):
        if line.split("#")[0].rstrip().endswith(":"):
            return lines[: number + 1]
    return lines[:1]


def _members(lines: list[str], pattern: re.Pattern[str]) -> Iterator[str]:
    for line in lines[1:]:
        if line and not line[0].isspace():
            break
        if pattern.match(line) and len(line) - len(line.lstrip()) <= 4:
            yield line


def _module_file(texts: Mapping[str, str], file: str, module: str) -> str | None:
    folder = posixpath.dirname(file)
    if file.endswith(".py"):
        dots = len(module) - len(module.lstrip("."))
        for _ in range(dots - 1):
            folder = posixpath.dirname(folder)
        parts = [folder if dots else "", *module.lstrip(".").split(".")]
        stem = "/".join(part for part in parts if part)
        return next((p for p in (f"{stem}.py", f"{stem}/__init__.py") if p in texts), None)
    if not module.startswith("."):
        return None
    stem = re.sub(r"\.[cm]?[jt]sx?$", "", posixpath.normpath(posixpath.join(folder, module)))
    return next((stem + end for end in _SCRIPT_ENDINGS if stem + end in texts), None)
