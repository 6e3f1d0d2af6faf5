"""Text that somebody else wrote, made safe to show: no escapes, no invisible characters."""

from __future__ import annotations

import re

from claude_lsp.text.unseen import INVISIBLE, visible_lines

_TERMINAL_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS and others: titles, links, clipboard
    r"|\x1b[ -/]*[0-~]?"  # two-character escapes and a lone ESC
    r"|\x9b[0-?]*[ -/]*[@-~]"  # CSI as one C1 character
)

_UNSEEN_CHARACTER = re.compile(f"[{INVISIBLE}]")
_COMMAND = re.compile(r"^[^\S\n]*:(?=:)|##(?=\[)", re.MULTILINE)
_LINK = re.compile(r"\]\(")
_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


def cleaned(text: str, limit: int) -> str:
    r"""Return prose without terminal escapes, control, bidi and invisible characters.

    Line breaks of every kind become `\n` and stay, as do tabs; blank ends are trimmed; what is
    longer than `limit` characters is cut and ends in "…".
    """
    text = _TERMINAL_ESCAPE.sub("", _LINE_BREAK.sub("\n", text))
    text = _UNSEEN_CHARACTER.sub("", text).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def cleaned_line(text: str, limit: int) -> str:
    """Return prose as one clean line; see `cleaned`."""
    return cleaned(" ".join(cleaned(text, limit * 4).split()), limit)


def escaped_json(text: str) -> str:
    r"""Return JSON text with unseen characters as `\uXXXX`, which JSON reads back the same."""
    return _UNSEEN_CHARACTER.sub(_json_escape, text)


def spoken(text: str) -> str:
    """Return a message for editors, some of which make links and buttons of "[label](address)"."""
    return _LINK.sub("] (", visible_lines(text))


def without_commands(text: str) -> str:
    """Return text whose lines are no commands to GitHub's runner, which reads every line of a log.

    It takes a line that begins with two colons, blanks aside, and "##[" anywhere.
    """
    return _COMMAND.sub(r"\g<0> ", text)


def _json_escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
