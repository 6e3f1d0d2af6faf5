"""`make audit`: known vulnerabilities in the locked dependencies, where somebody can be asked.

Without an advisory service, as on a machine without a network, it says so and succeeds: what was
not looked at is never called clean.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parent / "requirements.lock"
_SECONDS = 50


def verdict(answer: str, error: str) -> tuple[int, str]:
    """Return the exit code and the sentence for what pip-audit printed as JSON.

    Args:
        answer: its stdout.
        error: its stderr.
    """
    try:
        entries: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        reason = (error.strip().splitlines() or ["no answer"])[-1]
        return 0, f"not here: no advisory service can be asked ({reason[:200]})"
    asked = [entry for entry in entries if "skip_reason" not in entry]
    if not asked:
        return 0, "not here: no advisory service knows any of the dependencies"
    found = [
        f"{entry['name']} {entry['version']}: {each['id']}, fixed in "
        f"{', '.join(each.get('fix_versions') or ['no version yet'])}"
        for entry in asked
        for each in entry.get("vulns", ())
    ]
    if found:
        return 1, "\n".join(found)
    unknown = f", {len(entries) - len(asked)} not known there" if len(asked) < len(entries) else ""
    return 0, f"{len(asked)} dependencies, no known vulnerability{unknown}"


def main() -> int:
    """Ask about the lock; return 1 where something is known of it."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--require-hashes",
        "-r",
        str(LOCK),
    ]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
        code, sentence = verdict(done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        code, sentence = verdict("", f"nothing within {_SECONDS} s")
    print(f"audit: {sentence}")
    return code


if __name__ == "__main__":
    sys.exit(main())
