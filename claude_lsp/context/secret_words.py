"""Secrets that are known by what stands beside them: a name, a header, a command, an address.

The value must then look like a secret itself, because code says `password = get_password()` far
more often than it says what the password is.
"""

from __future__ import annotations

import itertools
import math
import re
import string
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.context.secret_forms import span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.context.secret_forms import Span

_URL_PASSWORD = re.compile(
    r"(?<=://)(?P<user>[^\s:/@\"'`<>?#()\[\]]{0,80}):(?P<secret>[^\s/@\"'`<>]{1,200})@(?=[\w\[])"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_AUTHORIZATION = re.compile(
    r"authorization[\"']?\]?\s{0,3}(?:[:=,]|=>)\s{0,3}[fbru]{0,2}[\"'`]?"
    r"(?:(?:bearer|basic|token|apikey|bot|ssws)\s+)(?P<secret>[\w.~+/=-]{8,})",
    re.IGNORECASE,
)
_AWS_SECRET = re.compile(
    r"(?:secret|sk)[\w.-]{0,20}[\"'\]]{0,2}\s{0,4}(?:=>|:=|[:=])\s{0,4}[\"']?"
    r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    re.IGNORECASE,
)


class _Login(NamedTuple):
    """A command or call that is given a password without naming it; `literal` is lower-case."""

    literal: str
    pattern: re.Pattern[str]


def _login(literal: str, pattern: str) -> _Login:
    return _Login(literal, re.compile(pattern, re.IGNORECASE))


_LOGINS = (
    _login("curl", r"curl\b[^\r\n]{0,200}?\s(?:-u|--user|--proxy-user)[ =]\s?[\"']?"
           r"[^\s\"':$<]{1,80}:(?P<secret>[^\s\"'`<>]{4,200})"),
    _login("mysql", r"mysql(?:dump|admin|import)?\b[^\r\n]{0,200}?\s-p"
           r"(?P<secret>[^\s\"'`<>-][^\s\"'`<>]{4,100})"),
    _login("sshpass", r"sshpass\s+-p\s?[\"']?(?P<secret>[^\s\"'`<>]{4,100})"),
    _login("machine ", r"machine\s+\S{1,200}\s+login\s+\S{1,200}\s+password\s+"
           r"(?P<secret>[^\s<>]{4,200})"),
    _login("auth", r"\bauth\s?=\s?\(\s?[\"'][^\"'\r\n]{0,80}[\"'],\s?[\"']"
           r"(?P<secret>[^\"'\r\n<>]{4,200})[\"']"),
    _login("identified", r"identified\s+(?:with\s+\S+\s+)?by\s+'(?P<secret>[^'\r\n<>]{4,200})'"),
    _login("password '", r"\bpassword\s+'(?P<secret>[^'\r\n<>]{4,200})'"),
)  # fmt: skip

# Words that say a secret follows; "key" alone does not, so it must come with one of the others,
# and "pass" alone means something else in most languages.
_WORDS = ("passw", "passphrase", "pwd", "secret", "token", "credential", "key", "pass", "_pat")
_KEY_KINDS = (
    *("api", "access", "account", "admin", "app", "auth", "client", "deploy", "encryption"),
    *("hmac", "insights", "license", "master", "private", "sdk", "secret", "service", "shared"),
    *("signing", "ssh", "storage", "subscription", "webhook"),
)
_BEFORE_KEY = re.compile(rf"(?:{'|'.join(_KEY_KINDS)})[_. -]?\Z")
_BEFORE_PASS = re.compile(
    r"(?:[_-]|(?<![a-z])(?:db|user|admin|smtp|mail|root|sql|ftp|proxy|redis))\Z"
)
# From the word on: the rest of the name, a type in some languages, the sign, the value. The value
# may stand in an attribute or a key of its own, or be what is used where the name is not set.
_ASSIGNMENT = re.compile(
    r"(?P<word>passw(?:or)?d|passphrase|pwd|pass(?![a-z])|secret|token|credential|key|_pat(?![a-z]))s?"
    r"(?P<rest>[\w.-]{0,40})"
    r"(?P<close>\\?[\"'`]?\]?)"
    r"(?:\s{0,8}:\s{0,2}(?:&?'?(?:static\s)?)?(?:str|string|String|SecretStr|bytes|Final)"
    r"(?:\s\|\sNone)?(?=\s{0,4}=))?"
    r"(?P<sign>\s{0,12}(?::=|=>|===?|!==?|\|\||\?\?|[:=,])\s{0,4}|\s{0,1}\(\s{0,2}|>"
    r"|\s{1,40}value\s{0,3}[:=]\s{0,3}|\s{0,3}\{[^{}]{0,200}?\bdefault\s{0,12}=\s{0,3}"
    r"|[ ]{1,2}(?=[^\s=:|?]))"
    r"(?P<prefix>[fbruLB@]{0,2})"
    r"(?:(?P<quote>\\?[\"'`])(?P<quoted>[^\r\n\"'`<>\\]{4,200})(?=(?P=quote))"
    r"|(?P<bare>[^\s\"'`<>,;(){}\[\]\\]{6,200}))",
    re.IGNORECASE,
)
_PLACEHOLDER_WORDS = re.compile(
    r"example|sample|placeholder|change[_-]?me|replace|dummy|redacted|your[_-]|my[_-]?(?:secret|pass)"
    r"|insert|todo|x{4,}|\*{3,}|\.{3}|\bnone\b|\bnull\b|\btrue\b|\bfalse\b|undefined|not[_-]?set"
    r"|12345678|abcdef(?!\d)|process\.env|environ|secretkeyref",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r"\$\{|\{\{|\}\}|\$\(|%\(|%[sdr]\b|\{[\w.!:]*\}|^[$%<@&{\[]|<[^>]*>|#\{")
_DOTTED_NAME = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)*")
_WORDS_JOINED = re.compile(r"[A-Za-z]+\d{0,2}(?:[-_./:+ ][A-Za-z]+\d{0,2})*")
_SETTING_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_IN_NAMES = string.ascii_letters + string.digits + "_.$-"
# A name that ends so is not that of a secret.
_DESCRIBES = (
    *("file", "path", "url", "uri", "name", "type", "id", "field", "length", "label", "policy"),
    *("pattern", "format"),
)
_WEAK_URL_PASSWORDS = frozenset(
    {"password", "passwd", "pass", "pwd", "secret", "token", "pw", "p", "x-oauth-basic", "port"}
)
# What a value that stands alone may be followed by, from a quote to the next `name=value`.
_ENDS_LINE = re.compile(r"[ \t]*(?:[\r\n#;&\\]|\Z)|\s")
_NEXT_PAIR = re.compile(r"[ ]+[\w.-]+=")


def find_by_neighbours(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Yield where what tells of a secret begins, and the secret's start, end and kind."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters grow when they are lowered
        lowered = "".join(c.lower() if c.isascii() else c for c in text)
    for start in _places(lowered, "authorization"):
        match = _AUTHORIZATION.match(text, start)
        if match and (looks_random(match["secret"], 8) or _looks_like_password(match["secret"])):
            yield start, *span_of(match), "authorization"
    if "aws" in lowered:
        for start in _places(lowered, "secret"):
            if match := _AWS_SECRET.match(text, start):
                yield start, *span_of(match), "aws-secret-key"
    for login in _LOGINS:
        if login.literal in lowered:
            for match in login.pattern.finditer(text):
                secret = match["secret"]
                if _is_meant(secret) and (looks_random(secret, 8) or _looks_like_password(secret)):
                    yield match.start(), *span_of(match), "password"
    for word in _WORDS:
        before = {"key": _BEFORE_KEY, "pass": _BEFORE_PASS}.get(word)
        for start in _places(lowered, word):
            if before and not before.search(lowered[max(0, start - 14) : start]):
                continue
            match = _ASSIGNMENT.match(text, start)
            if match and (span := _secret_of(match, text)):
                yield start, *span, "password" if match["word"].lower()[0] == "p" else "secret"


def find_url_passwords(text: str) -> Iterator[Span]:
    """Yield the spans of passwords in addresses."""
    for match in _URL_PASSWORD.finditer(text):
        secret = match["secret"]
        if _TEMPLATE.search(secret) or secret.lower() in _WEAK_URL_PASSWORDS:
            continue
        if not secret.strip("*.x") or secret.startswith("$"):
            continue
        scheme = _SCHEME.search(text, max(0, match.start() - 43), match.start() - 3)
        is_web = scheme is not None and scheme.group().lower() in {"http", "https", "ftp", "git"}
        yield *span_of(match), "url-password" if is_web else "database-password"


def _is_meant(value: str) -> bool:
    """Whether a value stands for itself, not for what is put in its place."""
    return not (_TEMPLATE.search(value) or _PLACEHOLDER_WORDS.search(value) or "://" in value)


def _secret_of(match: re.Match[str], text: str) -> tuple[int, int] | None:
    """Return where the secret stands, None where the value next to a telling word is code."""
    group = "quoted" if match["quoted"] else "bare"
    value, start = match[group], match.start(group)
    is_password = match["word"].lower()[0] == "p"
    rest = match["rest"].lower().strip("_-.")
    if rest.endswith(_DESCRIBES):
        return None
    nearest = max(0, match.start() - 300)
    line_start = max(text.rfind(ending, nearest, match.start()) for ending in "\r\n") + 1
    before = text[max(line_start, nearest) : match.start()]
    if group == "bare":
        if before.rstrip(_IN_NAMES).endswith(("?", "&")):
            value = re.split(r"[&#]", value)[0]  # one of the parameters of an address
        value = value.rstrip(".:")
    if not _is_meant(value):
        return None
    if value.startswith(("/", "./", "../", "~", "-", ",")) and not _is_base64(value):
        return None
    if group == "quoted":
        secret = _is_quoted_secret(match, value, before, is_password=is_password)
    else:
        secret = _is_bare_secret(match, text, value, before, is_password=is_password)
    return (start, start + len(value)) if secret else None


def _is_quoted_secret(match: re.Match[str], value: str, before: str, *, is_password: bool) -> bool:
    sign = match["sign"].strip()
    if sign == ">" or (sign == "," and not match["close"]):
        return False
    if sign == "" and not before.lstrip().startswith("#define"):
        return False
    if " " in value.strip() or value.isspace():
        return False
    if match["prefix"].lower() == "f" and "{" in value:
        return False
    return _looks_like_password(value) if is_password else looks_random(value, 12)


def _is_bare_secret(
    match: re.Match[str], text: str, value: str, before: str, *, is_password: bool
) -> bool:
    """Decide about a value without quotes, which may as well be an expression."""
    sign = match["sign"].strip()
    end = match.start("bare") + len(value)
    if sign in {"(", ",", "==", "===", "!=", "!==", "||", "??"} or "{" in sign:
        return False
    if sign == ">":
        return text.startswith("</", match.end()) and looks_random(value, 8)
    is_option = "--" in before.rsplit(" ", 1)[-1]
    fits = _looks_like_password if is_password else _looks_like_key
    if sign == "":
        return is_option and fits(value)
    opening = before.rstrip(_IN_NAMES)
    key = before[len(opening) :] + match["word"] + match["rest"]
    # `KEY=value` without blanks is a setting, whatever follows, and so is what has others like it
    # beside it.
    is_setting = match["sign"] == "=" and bool(_SETTING_NAME.fullmatch(key))
    follows = text[end : end + 1]
    is_pair = match["sign"] == "=" and (
        opening.endswith(("?", "&", ";"))
        or bool(_NEXT_PAIR.match(text, end))
        or (follows != "" and follows in "\"'`&;" and not opening.endswith(("(", ", ")))
    )
    is_header = sign == ":" and follows != "" and opening.endswith(follows) and follows in "\"'"
    # In a line of a log, or in prose: no expression of a language looks like it.
    is_told = match["sign"] == "=" and is_password and not _DOTTED_NAME.fullmatch(value)
    if not (is_setting or is_pair or is_header or is_option or is_told):
        # Only a value that ends its line is a setting.
        behind = text[end : end + 2].lstrip(" \t")
        if behind and behind[0] not in "\r\n#;&\\" and ";" not in before:
            return False
    if is_pair and is_password:
        return _looks_like_password(value)
    if _DOTTED_NAME.fullmatch(value):
        # It could be a variable. In `KEY=value` without spaces it is not.
        if is_setting and is_password and _looks_like_password(value):
            return True
        return looks_random(value, 8 if is_setting or is_pair else 20)
    if any(c in value for c in "|&!?") and not is_password:
        return False
    if re.search(r"[\w)]\.[A-Za-z_]|[-+*/]=|::|->|&&|\|\|", value) and not _is_base64(value):
        return False
    return fits(value)


def _looks_like_key(value: str) -> bool:
    return looks_random(value, 12)


def _looks_like_password(value: str) -> bool:
    """Whether a quoted value next to "password" is one, not a label or the name of a field."""
    if len(value) < 6:
        return False
    if _WORDS_JOINED.fullmatch(value) and not value[-1].isdigit():
        return False
    if re.fullmatch(r"(?i)pass(?:word|wd)?\d{0,2}|[a-z]{1,4}[_-]?\d{1,3}|sha-?\d+|utf-?\d+", value):
        return False
    return _classes(value) >= 2 and any(c.isdigit() or not c.isalnum() for c in value)


def looks_random(value: str, shortest: int) -> bool:
    """Whether a value looks drawn at random: its kinds of characters mixed, hardly repeating."""
    if len(value) < shortest or _entropy(value) < min(3.0, math.log2(len(value)) - 0.8):
        return False
    # In CamelCase about every third character is of another kind than the one before it; in
    # letters and digits drawn at random more than every second one.
    if len(value) >= 20 and _is_mixed(value):
        return True
    if not any(c.isdigit() for c in value) or not any(c.isalpha() for c in value):
        return False
    if _WORDS_JOINED.fullmatch(value):
        return False
    switches = sum(
        first.isdigit() != second.isdigit()
        for first, second in itertools.pairwise(value)
        if second.isalnum()
    )
    return switches >= 3


def _is_mixed(value: str) -> bool:
    if not value.isalnum():
        return False
    kinds = [_kind(character) for character in value]
    changes = sum(first != second for first, second in itertools.pairwise(kinds))
    if changes >= 0.4 * len(value):
        return True
    longest = max(len(list(run)) for _, run in itertools.groupby(kinds))
    return changes >= 0.3 * len(value) and longest <= 5 and len(set(kinds)) == 3


def _is_base64(value: str) -> bool:
    """Whether a value that begins like a path or an option is thirty random bytes or so."""
    if not re.fullmatch(r"[A-Za-z0-9+/_-]{32,}={0,2}", value):
        return False
    bare = re.sub(r"[+/=_-]", "", value)
    return len(bare) >= 28 and _is_mixed(bare)


def _kind(character: str) -> str:
    return "digit" if character.isdigit() else "upper" if character.isupper() else "lower"


def _classes(value: str) -> int:
    tests = (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    return sum(any(test(c) for c in value) for test in tests)


def _entropy(value: str) -> float:
    """Return the Shannon entropy of a value's characters, in bits per character."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def _places(text: str, word: str) -> Iterator[int]:
    start = text.find(word)
    while start >= 0:
        yield start
        start = text.find(word, start + len(word))
