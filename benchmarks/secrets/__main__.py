"""`make secrets-report`: measures the redactor and writes `docs/secrets.md`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.secrets.corpus import planted
from benchmarks.secrets.innocent import innocent
from benchmarks.secrets.measure import missed, touched
from claude_lsp.context.secret_forms import KINDS

if TYPE_CHECKING:
    from benchmarks.secrets.measure import Tally

PAGE = Path(__file__).parents[2] / "docs" / "secrets.md"
LEAST_RECALL = 0.99
MOST_TOUCHED = 0.001

_HEAD = """\
# Secrets

Before anything is sent, secrets in it are replaced by names such as `<redacted:github-token>`. The same secret has the same name throughout a request, so the code still makes sense, and line numbers stay. When an edit comes back, the names in it become the secrets of that document again; an edit that would write the name of a secret which the document does not have is dropped, and says so. A name that a document holds by itself is never taken for one of ours.

Whole files that usually hold secrets (`.env`, private keys, kubeconfigs, credential stores) are never sent at all, whatever stands in them.

The figures below come from `make secrets-report`, which writes this page; `tests/unit/test_secrets_corpus.py` holds the bars.
"""

_HOW = """\
## How it is measured

Secrets are drawn at random, from a fixed seed, in the forms that their issuers document (`benchmarks/secrets/forms.py` names the source of each), and planted in lines as they stand in real projects: settings in a dozen languages, `.env` files, Dockerfiles, Kubernetes and Terraform, CI, notebooks, logs, headers, connection strings. Nothing in this repository looks like a live key; a test says so. A secret counts as missed if sixteen of its characters in a row are left, or a shorter one whole.

The innocent words are those that scanners like to mistake: digests, commit ids, lock files, UUIDs, images in base64, minified code, colours, public keys, placeholders, numbers, keys of mappings, code about passwords. A word counts as touched if any character of it is taken out.

The forms were written down before the rules were mended for them; the rules of that day found 69.7 %. Since then both are ours, so the recall says how well the rules do on the kinds that they know, not on every secret there is. In 34 MB of other people's code (Python's library, installed packages, Markdown, JSON; counted once, by hand) the rules took out 26 places.
"""

_NOT_COVERED = """\
## What is not covered

- A secret that nothing tells from other text: random characters without a known form and without a telling name beside them, such as an AWS secret key alone on a line, a UUID that is a key (Heroku's old ones, Snyk's), or a value called `value`.
- Passwords of less than six characters, of letters only, or of words joined by hyphens; and those in prose ("the password is ...").
- A secret that code puts together from pieces, turns round, compresses or encrypts, or that is encoded twice, in hexadecimal, or in base64 without a telling name, an address, JSON or a private key in it.
- Secrets in pictures: these are sent without their metadata, but as they look.
- Hashes of passwords (`$2b$...`, `.htpasswd`), session cookies by their bare value, and one-time codes.
- Personal data. Names, addresses and numbers of people are not secrets to these rules.
- What the user types as an instruction is redacted by the same rules, with the same gaps.

Keep such things in files that `.claudeignore`, `.gitignore` or `context.ignore` name. `claude-lsp context FILE` shows what would be sent, and what was taken out.
"""


def report() -> tuple[str, bool]:
    """Return the page, and whether the bars hold."""
    secrets, innocents = missed(planted()), touched(innocent())
    recall = 1 - secrets.share_wrong
    holds = recall >= LEAST_RECALL and innocents.share_wrong <= MOST_TOUCHED
    total, lost = sum(secrets.total.values()), sum(secrets.wrong.values())
    words, hit = sum(innocents.total.values()), sum(innocents.wrong.values())
    lines = [
        _HEAD,
        "## Found\n",
        (
            f"{total - lost} of {total} planted secrets are taken out: {recall:.2%}. The bar is "
            f"{LEAST_RECALL:.0%}. {secrets.beside} characters that belong to none went with them.\n"
        ),
        *_table("kind", "planted", "missed", secrets),
        "",
        "## Left alone\n",
        (
            f"{hit} of {words} innocent words are touched: {innocents.share_wrong:.2%}. The bar is "
            f"{MOST_TOUCHED:.1%}.\n"
        ),
        *_table("kind", "words", "touched", innocents),
        "",
        _HOW,
        "## Names\n",
        (
            "These are the kinds that a secret is named after, by its form or by what stands beside "
            f"it: {', '.join(f'`{kind}`' for kind in KINDS)}.\n"
        ),
        _NOT_COVERED,
    ]
    return "\n".join(lines), holds


def _table(first: str, second: str, third: str, tally: Tally) -> list[str]:
    rows = [f"| {first} | {second} | {third} |", "| --- | ---: | ---: |"]
    rows += [f"| {group} | {n} | {tally.wrong[group]} |" for group, n in tally.total.items()]
    return rows


def main() -> int:
    """Write the page; return 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(prog="benchmarks.secrets", description=__doc__)
    parser.add_argument(
        "--list", action="store_true", help="list what went wrong, and write no page"
    )
    if parser.parse_args().list:
        for tally in (missed(planted()), touched(innocent())):
            for path, name, line in tally.examples:
                print(f"{path}: {name}: {line!r}")
        return 0
    text, holds = report()
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE}: the bars {'hold' if holds else 'do NOT hold'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
