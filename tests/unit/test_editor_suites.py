"""How what an editor's suite prints is judged: nothing that did not run reads as passed."""

from __future__ import annotations

import sys

import pytest

from tests.editors import __main__ as suites
from tests.editors.__main__ import Result, judge, run


@pytest.mark.parametrize(
    ("output", "code", "expected"),
    [
        ("..\n3 passed, 0 failed\n", 0, Result(3, 0)),
        ("2 passed, 1 failed\nmake: Error 1\n", 2, Result(2, 1)),
        # One that runs its editor several times counts each time.
        ("9 passed, 2 failed\n3 passed, 0 failed\n", 2, Result(12, 2)),
        ("not here: no Emacs; on Debian: apt-get install emacs\n", 2,
         Result(0, 0, "no Emacs; on Debian: apt-get install emacs")),
        # Broken off, without a test, silent: none of them is a success.
        ("3 passed, 0 failed\nmake: Error 124\n", 2, Result(3, 1)),
        ("0 passed, 0 failed\n", 0, Result(0, 1)),
        ("", 0, Result(0, 1)),
        ("not here: it says, and ends well\n", 0, Result(0, 1)),
        ("Traceback\n", 1, Result(0, 1)),
        ("not here: at first\n3 passed, 0 failed\n", 0, Result(3, 0)),
    ],
)  # fmt: skip
def test_what_a_suite_has_told(output: str, code: int, expected: Result) -> None:
    assert judge(output, code) == expected


def test_a_skipped_suite_says_why() -> None:
    assert str(Result(0, 0, "no Emacs")) == "0 passed, 0 failed, 1 skipped (no Emacs)"


def test_a_suite_that_hangs_is_ended_with_all_that_it_has_started() -> None:
    started = "import subprocess; subprocess.run(['sleep', '50'])"
    output, code = run([sys.executable, "-c", f"print('begun', flush=True); {started}"], 0.5)
    assert output.startswith("begun\n")
    assert "not through in time" in output
    assert code == 1


@pytest.mark.parametrize(
    ("outputs", "code", "said"),
    [
        (["1 passed, 1 failed", "2 passed, 0 failed"], 0, "2 passed, 0 failed, the second time"),
        (["1 passed, 1 failed", "1 passed, 1 failed"], 1, "FAILED: emacs"),
    ],
)
def test_a_suite_that_failed_is_run_again_and_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outputs: list[str],
    code: int,
    said: str,
) -> None:
    left = iter(outputs)
    monkeypatch.setattr(suites, "run", lambda *_: (f"{next(left)}\n", 0))
    assert suites.main(["emacs"]) == code
    assert said in capsys.readouterr().out
    assert not list(left)
