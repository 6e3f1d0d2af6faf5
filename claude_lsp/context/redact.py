"""Secrets out of a text, before it goes anywhere.

Two kinds of rules. Tokens with a fixed beginning are found by it: the beginning is searched as
plain text, and only where it stands does a regular expression run. Everything else is found by
the word next to it (`password = "..."`), and then the value must look like a secret, because
code says `password = get_password()` far more often.

A secret becomes `<redacted:kind>`; line breaks within it stay, so lines keep their numbers.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class Secret(NamedTuple):
    """One secret that was found.

    Attributes:
        kind: what it is, such as `github-token`.
        start: offset of its first character in the original text.
        end: offset behind its last character.
        line: the line it starts on, 0-based.
    """

    kind: str
    start: int
    end: int
    line: int


class Redacted(NamedTuple):
    """A text without its secrets.

    Attributes:
        text: the text, with as many lines as the original.
        found: the secrets, in the order they stand.
        names: what stands in the place of each.
        secrets: what each name stands for.
    """

    text: str
    found: tuple[Secret, ...]
    names: tuple[str, ...] = ()
    secrets: Mapping[str, str] = MappingProxyType({})

    def to_original(self, offset: int) -> int:
        """Turn an offset of the redacted text into the original's; inside a name: its start."""
        shift = 0
        for secret, name in zip(self.found, self.names, strict=True):
            start = secret.start + shift
            if offset <= start:
                break
            if offset < start + len(name):
                return secret.start
            shift += len(name) - (secret.end - secret.start)
        return offset - shift

    def to_redacted(self, offset: int) -> int:
        """Turn an offset of the original text into the redacted one's; inside a secret: its end."""
        shift = 0
        for secret, name in zip(self.found, self.names, strict=True):
            if offset <= secret.start:
                break
            shift += len(name) - (secret.end - secret.start)
            if offset < secret.end:
                return secret.end + shift
        return offset + shift

    def restore(self, text: str) -> str:
        """Put the secrets of this text back where an answer kept their names."""
        for name, secret in self.secrets.items():
            text = text.replace(name, secret)
        return text


class _Rule(NamedTuple):
    """A secret known by its form; `literals` are what it must contain, as plain text."""

    kind: str
    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    needs_digit: bool = False


def _rule(kind: str, literals: str, pattern: str, *, needs_digit: bool = False) -> _Rule:
    return _Rule(kind, tuple(literals.split()), re.compile(pattern), needs_digit)


# The forms are those that the services document, or that their own scanners' rules publish.
# In each pattern the group `secret` is what is taken out, the whole match where there is none.
_RULES: tuple[_Rule, ...] = (
    # A key may be cut off at either end by a window: what is left of it is a secret still.
    _rule(
        "private-key",
        "PRIVATE",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:(?!-----)[^<>])*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        r"|(?:\\[rn]|[\sA-Za-z0-9+/=\"',:+-])*[A-Za-z0-9+/=])",
    ),
    _rule(
        "private-key",
        "PRIVATE",
        r"(?<![^\s\"'])(?:[A-Za-z0-9+/=]{16,}[ \t\"'+,;\\]*(?:\r\n|\n|\\n)[ \t\"'+]*)+"
        r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----",
    ),
    _rule("anthropic-key", "sk-ant-", r"\bsk-ant-[\w-]{16,}"),
    _rule("openai-key", "sk-proj- sk-svcacct- sk-admin- sk-or-v1-",
          r"\bsk-(?:proj|svcacct|admin|or-v1)-[\w-]{20,}"),
    _rule("openai-key", "sk-", r"\bsk-(?!ant-|proj-)[A-Za-z0-9]{32,}", needs_digit=True),
    _rule("aws-access-key", "AKIA ASIA ABIA ACCA",
          r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _rule("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{30,}"
          r"(?:[._-][A-Za-z0-9_-]{20,})*", needs_digit=True),
    _rule("github-token", "github_pat_", r"github_pat_\w{22,}", needs_digit=True),
    _rule("gitlab-token", "glpat- glptt- gldt- glrt- glcbt- glft- glsoat- glagent- glimt- gloas-",
          r"\bgl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt|oas)-[\w=-]{16,}(?:\.\w+)*"),
    _rule("slack-token", "xox xapp-", r"\bx(?:ox[abeoprs]|app)(?:\.xox[bp])?-[A-Za-z0-9-]{10,}",
          needs_digit=True),
    _rule("slack-webhook", "hooks.slack.com",
          r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/_+-]{20,})"),
    _rule("stripe-key", "sk_live_ sk_test_ rk_live_ rk_test_",
          r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _rule("stripe-key", "whsec_", r"\bwhsec_[A-Za-z0-9+/]{24,}={0,2}"),
    _rule("google-key", "AIza", r"(?<![\w-])AIza[\w-]{35}(?![\w-])"),
    _rule("google-key", "GOCSPX- ya29.", r"\b(?:GOCSPX-[\w-]{24,}|ya29\.[\w-]{20,})"),
    _rule("npm-token", "npm_", r"\bnpm_[A-Za-z0-9]{36,}", needs_digit=True),
    _rule("pypi-token", "pypi-", r"\bpypi-[\w-]{50,}"),
    _rule("huggingface-token", "hf_ api_org_", r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    _rule("sendgrid-key", "SG.", r"\bSG\.[\w-]{16,}\.[\w-]{32,}"),
    _rule("twilio-key", "SK AC", r"\b(?:SK|AC)[0-9a-f]{32}\b", needs_digit=True),
    _rule("azure-key", "AccountKey= SharedAccessKey=",
          r"\b(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{32,}={0,2})"),
    _rule("azure-key", "sig=", r"[?&]sig=(?P<secret>[A-Za-z0-9%+/]{40,}(?:%3[dD]|=)*)"),
    _rule("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", r"\bdo[por]_v1_[0-9a-f]{64}"),
    _rule("telegram-token", ":AA", r"\b\d{8,10}:AA[\w-]{33}(?![\w-])"),
    _rule("vault-token", "hvs. hvb. hvr.", r"\bhv[sbr]\.[\w-]{24,}"),
    _rule("linear-key", "lin_api_", r"\blin_api_[A-Za-z0-9]{32,}"),
    _rule("jwt", "eyJ", r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]{8,}|\.)?"),
    _rule("age-key", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}"),
)  # fmt: skip

_URL_PASSWORD = re.compile(
    r"(?<=://)(?P<user>[^\s:/@\"'`<>?#()\[\]]{0,80}):(?P<secret>[^\s/@\"'`<>]{1,200})@(?=[\w\[])"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_AUTHORIZATION = re.compile(
    r"authorization[\"']?\]?\s{0,3}(?:[:=,]|=>)\s{0,3}[fbru]{0,2}[\"'`]?"
    r"(?:(?:bearer|basic|token|apikey|bot)\s+)(?P<secret>[\w.~+/=-]{8,})",
    re.IGNORECASE,
)
_AWS_SECRET = re.compile(
    r"(?:secret|sk)[\w.-]{0,20}[\"'\]]{0,2}\s{0,4}(?:=>|:=|[:=])\s{0,4}[\"']?"
    r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    re.IGNORECASE,
)

# Words that say a secret follows; "key" alone does not, so it must come with one of the others.
_WORDS = ("passw", "passphrase", "pwd", "secret", "token", "credential", "key")
_KEY_KINDS = (
    *("api", "access", "account", "auth", "client", "deploy", "encryption", "license", "master"),
    *("private", "secret", "service", "shared", "signing", "ssh", "storage", "subscription"),
)
_BEFORE_KEY = re.compile(rf"(?:{'|'.join(_KEY_KINDS)})[_. -]?\Z")
# From the word on: the rest of the name, a type in some languages, the sign, the value.
_ASSIGNMENT = re.compile(
    r"(?P<word>passw(?:or)?d|passphrase|pwd|secret|token|credential|key)s?(?P<rest>[\w.-]{0,40})"
    r"(?P<close>\\?[\"'`]?\]?)"
    r"(?:\s{0,8}:\s{0,2}(?:&?'?(?:static\s)?)?(?:str|string|String|SecretStr|bytes|Final)"
    r"(?:\s\|\sNone)?(?=\s{0,4}=))?"
    r"(?P<sign>\s{0,12}(?::=|=>|===?|!==?|[:=,])\s{0,4}|\s{0,1}\(\s{0,2}|>|[ ]{1,2}(?=[^\s=:]))"
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
_SETTING_NAME = re.compile(r"(?:export\s+|ENV\s+|set\s+)?[A-Z][A-Z0-9_]*")
_WEAK_URL_PASSWORDS = frozenset(
    {"password", "passwd", "pass", "pwd", "secret", "token", "pw", "p", "x-oauth-basic", "port"}
)


# With each key the same pieces of other files are sent again, beside a document that has changed.
_KEPT = 256
_LONGEST_KEPT = 10_000


class Redactor:
    """Redacts the texts of one request: the same secret gets the same name in all of them."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()

    def redact(self, text: str) -> Redacted:
        """Return the text without its secrets, and where they stood."""
        spans = _kept_spans(text) if len(text) <= _LONGEST_KEPT else _spans(text)
        return self._replace(text, spans) if spans else Redacted(text, ())

    def _replace(self, text: str, spans: Sequence[tuple[int, int, str]]) -> Redacted:
        parts: list[str] = []
        found: list[Secret] = []
        names: list[str] = []
        secrets: dict[str, str] = {}
        position, line = 0, 0
        for start, end, kind in spans:
            secret = text[start:end]
            line += _line_breaks(text[position:start])
            name = self._name(kind, secret)
            names.append(name + "".join(re.findall(r"\r\n|\n|\r", secret)))
            secrets[names[-1]] = secret
            parts += (text[position:start], names[-1])
            found.append(Secret(kind, start, end, line))
            line += _line_breaks(text[start:end])
            position = end
        parts.append(text[position:])
        return Redacted("".join(parts), tuple(found), tuple(names), secrets)

    def _name(self, kind: str, secret: str) -> str:
        name = self._names.get((kind, secret))
        if name is None:
            self._counts[kind] += 1
            number = f"-{self._counts[kind]}" if self._counts[kind] > 1 else ""
            name = self._names[kind, secret] = f"<redacted:{kind}{number}>"
        return name


def redact(text: str) -> Redacted:
    """Return one text without its secrets. Redacting the result again changes nothing."""
    return Redactor().redact(text)


def without_torn(text: str) -> str:
    """Return a text that can be cut between any two lines and redacted afterwards.

    From the middle of a key, or without the name that stands on the line above, nobody can tell a
    secret any more. Those are taken out here; all others are left.
    """
    torn = [
        (start, end, kind)
        for first, start, end, kind in _find_by_word(text)
        if _line_breaks(text[first:end])
    ]
    if "PRIVATE" in text:
        torn += [
            (*_span(match), rule.kind)
            for rule in _RULES
            if rule.kind == "private-key"
            for match in rule.pattern.finditer(text)
        ]
    return Redactor()._replace(text, _merged(torn)).text if torn else text


@lru_cache(_KEPT)
def _kept_spans(text: str) -> list[tuple[int, int, str]]:
    return _spans(text)


def _spans(text: str) -> list[tuple[int, int, str]]:
    """Return where secrets stand: those, too, that show only once their neighbours are out."""
    spans = _merged(_find(text))
    before: list[tuple[int, int, str]] = []
    while spans != before:
        before = spans
        draft = Redactor()._replace(text, spans)  # a trial: it uses up no names
        more = [
            (draft.to_original(start), draft.to_original(end), kind)
            for start, end, kind in _find(draft.text)
        ]
        spans = _merged([*spans, *more])
    return spans


def _find(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the spans of secrets; the first rule to claim a place names it."""
    for rule in _RULES:
        if _has_one_of(text, rule.literals):
            for match in rule.pattern.finditer(text):
                if not rule.needs_digit or any(c.isdigit() for c in match.group()):
                    yield *_span(match), rule.kind
    if "://" in text:
        yield from _find_url_passwords(text)
    for _, start, end, kind in _find_by_word(text):
        yield start, end, kind


def _has_one_of(text: str, literals: Iterable[str]) -> bool:
    # Faster than a generator for `any`, which would take most of the time of a text without any.
    for literal in literals:  # noqa: SIM110
        if literal in text:
            return True
    return False


def _find_url_passwords(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _URL_PASSWORD.finditer(text):
        secret = match["secret"]
        if _TEMPLATE.search(secret) or secret.lower() in _WEAK_URL_PASSWORDS:
            continue
        if not secret.strip("*.x") or secret.startswith("$"):
            continue
        scheme = _SCHEME.search(text, max(0, match.start() - 43), match.start() - 3)
        is_web = scheme is not None and scheme.group().lower() in {"http", "https", "ftp", "git"}
        yield *_span(match), "url-password" if is_web else "database-password"


def _find_by_word(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Yield where the word begins, and where the secret that it tells of stands."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters grow when they are lowered
        lowered = "".join(c.lower() if c.isascii() else c for c in text)
    for start in _places(lowered, "authorization"):
        match = _AUTHORIZATION.match(text, start)
        if match and (_looks_random(match["secret"], 8) or _looks_like_password(match["secret"])):
            yield start, *_span(match), "authorization"
    if "aws" in lowered:
        for start in _places(lowered, "secret"):
            if match := _AWS_SECRET.match(text, start):
                yield start, *_span(match), "aws-secret-key"
    for word in _WORDS:
        for start in _places(lowered, word):
            if word == "key" and not _BEFORE_KEY.search(lowered[max(0, start - 14) : start]):
                continue
            match = _ASSIGNMENT.match(text, start)
            if match and _is_secret(match, text):
                group = "quoted" if match["quoted"] else "bare"
                kind = "password" if match["word"].lower()[0] == "p" else "secret"
                yield start, match.start(group), match.end(group), kind


def _is_secret(match: re.Match[str], text: str) -> bool:
    """Decide whether the value next to a telling word is a secret or code."""
    value = match["quoted"] or match["bare"]
    is_password = match["word"].lower()[0] == "p"
    sign = match["sign"].strip()
    rest = match["rest"].lower().strip("_-.")
    if _TEMPLATE.search(value) or _PLACEHOLDER_WORDS.search(value) or "://" in value:
        return False
    if rest.endswith(("file", "path", "url", "uri", "name", "type", "id", "field", "length")):
        return False
    if value.startswith(("/", "./", "../", "~", "-", ",")) or value.isspace():
        return False
    if match["quoted"]:
        if sign in {"", ">"} or (sign == "," and not match["close"]):
            return False
        if " " in value.strip():
            return False
        if match["prefix"].lower() == "f" and "{" in value:
            return False
        return _looks_like_password(value) if is_password else _looks_random(value, 12)
    return _is_bare_secret(match, text, value, sign, is_password=is_password)


def _is_bare_secret(
    match: re.Match[str], text: str, value: str, sign: str, *, is_password: bool
) -> bool:
    """Decide about a value without quotes, which may as well be an expression."""
    value = value.rstrip(".:")
    nearest = max(0, match.start() - 300)
    line_start = max(text.rfind(ending, nearest, match.start()) for ending in "\r\n") + 1
    before = text[max(line_start, nearest) : match.start()]
    if sign in {"(", ","} or sign in {"==", "===", "!=", "!=="}:
        return False
    if sign == ">":
        return text.startswith("</", match.end()) and _looks_random(value, 8)
    if sign == "":
        return "--" in before.rsplit(" ", 1)[-1] and _looks_random(value, 12)
    # Only a value that ends its line is a setting; `--name=value` may stand anywhere.
    behind = text[match.end() : match.end() + 2].lstrip(" \t")
    is_option = "--" in before.rsplit(" ", 1)[-1]
    if behind and behind[0] not in "\r\n#;&\\" and not is_option and ";" not in before:
        return False
    if _DOTTED_NAME.fullmatch(value):
        # It could be a variable. In `KEY=value` without spaces it is not.
        key = (before + match["word"] + match["rest"]).strip()
        is_setting = match["sign"] == "=" and _SETTING_NAME.fullmatch(key)
        return _looks_random(value, 8 if is_setting else 20)
    if any(c in value for c in "|&!?") and not is_password:
        return False
    if re.search(r"[\w)]\.[A-Za-z_]|[-+*/]=|::|->|&&|\|\|", value):
        return False
    return _looks_like_password(value) if is_password else _looks_random(value, 12)


def _looks_like_password(value: str) -> bool:
    """Whether a quoted value next to "password" is one, not a label or the name of a field."""
    if len(value) < 6:
        return False
    if _WORDS_JOINED.fullmatch(value) and not value[-1].isdigit():
        return False
    if re.fullmatch(r"(?i)pass(?:word|wd)?\d{0,2}|[a-z]{1,4}[_-]?\d{1,3}|sha-?\d+|utf-?\d+", value):
        return False
    return _classes(value) >= 2 and any(c.isdigit() or not c.isalnum() for c in value)


def _looks_random(value: str, shortest: int) -> bool:
    """Whether a value looks drawn at random: its kinds of characters mixed, hardly repeating."""
    if len(value) < shortest or _entropy(value) < min(3.0, math.log2(len(value)) - 0.8):
        return False
    # In CamelCase about every third character is of another kind than the one before it; in
    # letters and digits drawn at random more than every second one.
    changes = sum(_kind(first) != _kind(second) for first, second in itertools.pairwise(value))
    if len(value) >= 20 and changes >= 0.4 * len(value) and value.isalnum():
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


def _span(match: re.Match[str]) -> tuple[int, int]:
    return match.span("secret") if "secret" in match.re.groupindex else match.span()


def _merged(found: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Join overlapping spans: nothing that any rule claimed may stay."""
    ordered = [(start, order, end, kind) for order, (start, end, kind) in enumerate(found)]
    spans: list[tuple[int, int, int, str]] = []
    for start, order, end, kind in sorted(ordered):
        if spans and start < spans[-1][2]:
            first, known, last, name = spans[-1]
            spans[-1] = (first, min(known, order), max(last, end), name if known < order else kind)
        else:
            spans.append((start, order, end, kind))
    return [(start, end, kind) for start, _, end, kind in spans]


def _line_breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
