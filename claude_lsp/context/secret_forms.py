"""Secrets that are known by their form, and secrets that are encoded.

A form has a fixed beginning, which is searched as plain text; only where it stands does a regular
expression run. The forms are those that the services document, or that their own scanners publish.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Span = tuple[int, int, str]
"""Where a secret starts and ends in a text, and its kind."""


class _Rule(NamedTuple):
    """A secret known by its form; `literals` are what it must contain, as plain text."""

    kind: str
    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    needs_digit: bool = False


def _rule(kind: str, literals: str, pattern: str, *, needs_digit: bool = False) -> _Rule:
    return _Rule(kind, tuple(literals.split()), re.compile(pattern), needs_digit)


# In each pattern the group `secret` is what is taken out, the whole match where there is none.
# A key may be cut off at either end by a window: what is left of it is a secret still.
_PRIVATE_KEYS = (
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
)
_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_RULES: tuple[_Rule, ...] = (
    # AI services
    _rule("anthropic-key", "sk-ant-", r"\bsk-ant-[\w-]{16,}"),
    _rule("openai-key", "sk-proj- sk-svcacct- sk-admin- sk-or-v1-",
          r"\bsk-(?:proj|svcacct|admin|or-v1)-[\w-]{20,}"),
    _rule("openai-key", "sk-", r"\bsk-(?!ant-|proj-)[A-Za-z0-9]{32,}", needs_digit=True),
    _rule("huggingface-token", "hf_ api_org_", r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    _rule("ai-service-key", "gsk_ r8_ xai- pplx- nvapi- lsv2_",
          r"\b(?:gsk_[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{60,}|pplx-[A-Za-z0-9]{40,}"
          r"|nvapi-[\w-]{50,}|lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10})", needs_digit=True),
    # Clouds
    _rule("aws-access-key", "AKIA ASIA ABIA ACCA",
          r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _rule("aws-access-key", "ABSK", r"(?<![A-Za-z0-9])ABSK[A-Za-z0-9+/]{100,}={0,2}"),
    _rule("aws-session-token", "IQoJb3JpZ2lu", r"IQoJb3JpZ2lu[A-Za-z0-9+/%]{80,}={0,2}"),
    _rule("google-key", "AIza", r"(?<![\w-])AIza[\w-]{35}(?![\w-])"),
    _rule("google-key", "GOCSPX- ya29. 1//0",
          r"\b(?:GOCSPX-[\w-]{24,}|ya29\.[\w-]{20,}|1//0[\w-]{40,})"),
    _rule("azure-key", "AccountKey= SharedAccessKey=",
          r"\b(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{32,}={0,2})"),
    _rule("azure-key", "sig=", r"[?&]sig=(?P<secret>[A-Za-z0-9%+/]{40,}(?:%3[dD]|=)*)"),
    _rule("azure-key", "8Q~ 7Q~", r"(?<![\w~.-])[\w~.-]{3}[78]Q~[\w~.-]{31,40}"),
    _rule("azure-devops-token", "AZDO", r"\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b"),
    _rule("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", r"\bdo[por]_v1_[0-9a-f]{64}"),
    _rule("alibaba-key", "LTAI", r"\bLTAI[A-Za-z0-9]{16,26}\b", needs_digit=True),
    _rule("tencent-key", "AKID", r"\bAKID[A-Za-z0-9]{32}\b"),
    _rule("cloudflare-key", "v1.0-", r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{140,}"),
    _rule("platform-token", "HRKU- fm1_ fm2_ sbp_ sb_secret_ pscale_ napi_ nfp_ tskey- sha256~ "
          "pul-",
          r"\b(?:HRKU-[\w-]{36,}|fm[12]_[A-Za-z0-9+/=_-]{60,}|sbp_[0-9a-f]{40}|sb_secret_[\w-]{24,}"
          r"|pscale_(?:tkn|pw|oauth)_[\w=.-]{32,}|napi_[a-z0-9]{40,}|nfp_[A-Za-z0-9]{36,}"
          r"|tskey-[a-z]+-[A-Za-z0-9-]{20,}|sha256~[\w-]{43}|pul-[0-9a-f]{40})", needs_digit=True),
    # Code hosts and registries
    _rule("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{30,}"
          r"(?:[._-][A-Za-z0-9_-]{20,})*", needs_digit=True),
    _rule("github-token", "github_pat_", r"github_pat_\w{22,}", needs_digit=True),
    _rule("gitlab-token", "glpat- glptt- gldt- glrt- glcbt- glft- glsoat- glagent- glimt- gloas-",
          r"\bgl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt|oas)-[\w=-]{16,}(?:\.\w+)*"),
    _rule("atlassian-token", "ATATT ATCTT ATBB",
          r"\b(?:AT[AC]TT[\w-]{40,}(?:=[0-9A-F]{8})?|ATBB[A-Za-z0-9]{28,})"),
    _rule("npm-token", "npm_", r"\bnpm_[A-Za-z0-9]{36,}", needs_digit=True),
    _rule("pypi-token", "pypi-", r"\bpypi-[\w-]{50,}"),
    _rule("registry-token", "rubygems_ cio oy2 CLOJARS_ AKCp dckr_",
          r"\b(?:rubygems_[0-9a-f]{48}|cio[A-Za-z0-9]{32}\b|oy2[a-z0-9]{43}\b|CLOJARS_[0-9a-z]{60}"
          r"|AKCp[A-Za-z0-9]{60,}|dckr_(?:pat|oat)_[\w-]{24,})", needs_digit=True),
    _rule("ci-token", "sqp_ squ_ sqa_ CCIPAT_ bkua_ sgp_",
          r"\b(?:sq[pua]_[0-9a-f]{40}|CCIPAT_[A-Za-z0-9]{16,}_[0-9a-f]{40}|bkua_[0-9a-f]{40}"
          r"|sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40})"),
    # Payment, mail and chat
    _rule("stripe-key", "sk_live_ sk_test_ rk_live_ rk_test_",
          r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _rule("stripe-key", "whsec_", r"\bwhsec_[A-Za-z0-9+/]{24,}={0,2}"),
    _rule("payment-key", "EAAA sq0 $production$ access-production- access-development- FLWSECK "
          "EZAK EZTK",
          r"\b(?:EAAA[\w-]{50,}|sq0[a-z]{3}-[\w-]{22,}"
          r"|access_token\$production\$[a-z0-9]+\$[0-9a-f]{32}"
          rf"|access-(?:production|development|sandbox)-{_UUID}|FLWSECK(?:_TEST)?-[0-9a-h]{{12,}}(?:-X)?"
          r"|EZ[AT]K[A-Za-z0-9]{54})"),
    _rule("shopify-token", "shpat_ shpss_ shpca_ shppa_", r"\bshp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}"),
    _rule("sendgrid-key", "SG.", r"\bSG\.[\w-]{16,}\.[\w-]{32,}"),
    _rule("mail-service-key", "key- -us xkeysib- xsmtpsib- re_",
          r"(?<![\w-])(?:key-[0-9a-f]{32}|[0-9a-f]{32}-us\d{1,2}|x(?:keys|smtps)ib-[0-9a-f]{64}-\w{16}"
          r"|re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,})\b"),
    _rule("twilio-key", "SK AC", r"\b(?:SK|AC)[0-9a-f]{32}\b", needs_digit=True),
    _rule("slack-token", "xox xapp-", r"\bx(?:ox[abeoprs]|app)(?:\.xox[bp])?-[A-Za-z0-9-]{15,}",
          needs_digit=True),
    _rule("slack-webhook", "hooks.slack.com",
          r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/_+-]{20,})"),
    _rule("webhook", "/api/webhooks/",
          r"/api/webhooks/(?P<secret>\d{15,20}/[\w-]{40,})"),
    _rule("webhook", "webhook.office.com/",
          r"webhook\.office\.com/(?P<secret>webhookb2/[\w@/-]{60,})"),
    _rule("telegram-token", ":AA", r"(?:\b|(?<=bot))\d{8,10}:AA[\w-]{33}(?![\w-])"),
    # It begins with a number in base64. The first letter leads the search, which that makes quick.
    _rule("discord-token", "MT MD Mj Mz NT ND Nj Nz OT OD",
          r"[MNO](?<![\w.-].)[DTjz][A-Za-z\d]{22,24}\.[\w-]{6}\.[\w-]{27,40}(?![\w.-])"),
    # Tools
    _rule("vault-token", "hvs. hvb. hvr.", r"\bhv[sbr]\.[\w-]{24,}"),
    _rule("vault-token", ".atlasv1.", r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}"),
    _rule("observability-key", "glsa_ glc_ NRAK- NRII- NRAL- dt0c01. dt0s01. sntrys_ sntryu_ "
          "hcaik_ hcamk_",
          r"\b(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,}={0,2}|NR(?:AK|II|AL)-[\w-]{24,}"
          r"|dt0[cs]01\.[A-Z0-9]{24}\.[A-Z0-9]{64}|sntrys_[A-Za-z0-9+/=_-]{40,}|sntryu_[0-9a-f]{64}"
          r"|hca[im]k_[a-z0-9]{50,})"),
    _rule("databricks-token", "dapi", r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    _rule("doppler-token", "dp.",
          r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.(?:[\w-]+\.)?[A-Za-z0-9]{40,44}\b"),
    _rule("linear-key", "lin_api_", r"\blin_api_[A-Za-z0-9]{32,}"),
    _rule("tool-token", "ntn_ secret_ figd_ pat PMAK- pat- CFPAT- pnu_ sdk- api-",
          r"\b(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}\b|figd_[\w-]{36,}"
          rf"|pat[A-Za-z0-9]{{14}}\.[0-9a-f]{{64}}|pat-[a-z]{{2}}\d-{_UUID}|pnu_[a-z0-9]{{36}}"
          rf"|PMAK-[0-9a-f]{{24}}-[0-9a-f]{{34}}|CFPAT-[\w-]{{40,}}|(?:sdk|api)-{_UUID})",
          needs_digit=True),
    _rule("mapbox-token", "sk.eyJ", r"\bsk\.eyJ[\w-]{40,}\.[\w-]{20,}"),
    _rule("dropbox-token", "sl.", r"\bsl\.[\w-]{100,}"),
    _rule("facebook-token", "EAA", r"\bEAA[A-Za-z0-9]{100,}"),
    _rule("twitter-token", "AAAAAAAAAAAAAAAAAAAAA",
          r"(?<![A-Za-z0-9+/,])A{21,22}[A-Za-z0-9%]{50,}(?![A-Za-z0-9+/=])", needs_digit=True),
    _rule("1password-token", "ops_eyJ", r"\bops_eyJ[A-Za-z0-9+/=_-]{200,}"),
    _rule("age-key", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    _rule("jwt", "eyJ", r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]{8,}|\.)?"),
)  # fmt: skip

# What base64 makes of "-----BEGIN ", of `{"`, of "{\n" and of "://", which has three forms.
_ENCODED = ("LS0tLS1CRUdJTi", "eyJ", "ewo", "ewog", "Oi8v", "6Ly", "ovL")
_ENCODED_RUN = re.compile(r"(?<![A-Za-z0-9+/_.-])[A-Za-z0-9+/]{24,}={0,2}(?![A-Za-z0-9+/_.=-])")
_LOGIN = re.compile(
    r"[\"']?\b_?auth[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?P<secret>[A-Za-z0-9+/]{12,}={0,2})"
)
_KUBERNETES_DATA = re.compile(
    r"^(?P<indent>[ ]*)(?:string)?[dD]ata:[ ]*(?:\r\n|\n)"
    r"(?P<lines>(?:(?P=indent)[ ]+[^\r\n]*(?:\r\n|\n|\Z))+)",
    re.MULTILINE,
)
_KUBERNETES_VALUE = re.compile(
    r"^[ ]+[\w.-]+:[ ]*(?P<quote>[\"']?)(?P<secret>[^\s\"'{}|<>][^\s\"'{}<>]{3,})(?P=quote)[ ]*$",
    re.MULTILINE,
)
_LONGEST_ENCODED = 64_000
KINDS = tuple(
    dict.fromkeys(
        (
            *(rule.kind for rule in (*_PRIVATE_KEYS, *_RULES)),
            *("base64-secret", "base64-login", "kubernetes-secret", "authorization"),
            *("aws-secret-key", "password", "secret", "database-password", "url-password"),
        )
    )
)
"""What secrets are named after."""
_SHORTEST = 20
_BREAKS = str.maketrans(dict.fromkeys("\"'`()[]{},;<>|\\", " "))
_DIGIT = re.compile(r"\d")


def find_by_form(text: str) -> Iterator[Span]:
    """Yield the spans of secrets that look like nothing else."""
    yield from find_private_keys(text)
    words = _long_words(text)
    for rule in _RULES if words else ():
        if _has_one_of(words, rule.literals):
            for match in rule.pattern.finditer(text):
                if not rule.needs_digit or any(c.isdigit() for c in match.group()):
                    yield *span_of(match), rule.kind


def find_private_keys(text: str) -> Iterator[Span]:
    """Yield the spans of private keys, which are longer than a line."""
    if "PRIVATE" in text:
        for rule in _PRIVATE_KEYS:
            for match in rule.pattern.finditer(text):
                yield *span_of(match), rule.kind


def find_encoded(text: str, holds_secret: Callable[[str], bool]) -> Iterator[Span]:
    """Yield the spans of base64 in which a secret stands.

    Args:
        text: what is searched.
        holds_secret: whether a decoded text has a secret in it.
    """
    if _has_one_of(text, _ENCODED):
        for match in _ENCODED_RUN.finditer(text):
            run = match.group()
            if _has_one_of(run, _ENCODED) and (plain := _decoded(run)) and holds_secret(plain):
                yield *match.span(), "base64-secret"
    if "auth" in text:
        for match in _LOGIN.finditer(text):
            plain = _decoded(match["secret"])
            if plain and 0 < plain.find(":") < len(plain) - 4:
                yield *span_of(match), "base64-login"
    if "kind: Secret" in text:
        for data in _KUBERNETES_DATA.finditer(text):
            for match in _KUBERNETES_VALUE.finditer(text, *data.span("lines")):
                yield *span_of(match), "kubernetes-secret"


def _long_words(text: str) -> str:
    """Return the words that are long and not only small letters: nothing else has a form.

    A text is mostly other words, so what must be in a secret is looked for in few.
    """
    words = text.translate(_BREAKS).split()
    return "\n".join(
        [w for w in words if len(w) >= _SHORTEST and (not w.islower() or _DIGIT.search(w))]
    )


def span_of(match: re.Match[str]) -> tuple[int, int]:
    """Return where the secret of a match stands."""
    return match.span("secret") if "secret" in match.re.groupindex else match.span()


def _decoded(run: str) -> str | None:
    """Return what base64 stands for, None where that is no text."""
    if len(run) > _LONGEST_ENCODED:
        return None
    try:
        # Most runs are pictures, which the first bytes tell.
        base64.b64decode(run[:32]).decode()
        return base64.b64decode(run + "=" * (-len(run) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _has_one_of(text: str, literals: Iterable[str]) -> bool:
    # Faster than a generator for `any`, which would take most of the time of a text without any.
    for literal in literals:  # noqa: SIM110
        if literal in text:
            return True
    return False
