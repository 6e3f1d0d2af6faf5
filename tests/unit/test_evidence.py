"""The checker of what a run sends and writes would find what it looks for."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import evidence
from tests.messages_api import KEY, MessagesApi
from tests.messages_api.raw_client import HEADERS, RawClient
from tests.planted import GITHUB_TOKEN, IGNORED

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "-".join(("another", "made", "up", "key"))
HEAD = b"POST /v1/messages HTTP/1.1\r\nx-api-key: " + OTHER.encode() + b"\r\n\r\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record of this test's own."""
    own = tmp_path / "received"
    own.mkdir()
    monkeypatch.setenv(evidence.FOLDER, str(own))
    return own


def judged(folder: Path, requests: int = 0) -> list[str]:
    return evidence.verdict(folder, folder.parent, [OTHER], QUIET, requests)


QUIET = evidence.Arguments([OTHER])


def test_what_is_clean_passes(folder: Path) -> None:
    evidence.record(1, HEAD + b'{"messages": []}')
    assert judged(folder, requests=1) == []


@pytest.mark.parametrize("planted", [GITHUB_TOKEN, IGNORED], ids=["secret", "ignored"])
def test_what_was_planted_is_found_across_pieces_and_connections(
    folder: Path, planted: str
) -> None:
    evidence.record(1, HEAD + b"x" + planted[:9].encode())
    evidence.record(2, HEAD)
    evidence.record(1, planted[9:].encode() + b"y")
    (problem,) = judged(folder, requests=2)
    assert problem.startswith("tests/unit/test_evidence.py::test_what_was_planted_is_found")
    assert f"sent the planted {planted[:6]}" in problem
    assert planted not in problem


def test_what_was_planted_is_not_made_of_two_connections(folder: Path) -> None:
    evidence.record(1, HEAD + IGNORED[:9].encode())
    evidence.record(2, HEAD + IGNORED[9:].encode())
    assert judged(folder) == []


def test_a_key_is_found_anywhere_but_in_its_header(folder: Path) -> None:
    evidence.record(1, HEAD.replace(b"x-api-key", b"Authorization"))
    assert judged(folder) == []
    evidence.record(1, HEAD.replace(b"x-api-key", b"x-other"))
    assert [problem.split(" sent ")[1] for problem in judged(folder)] == [
        "the key, outside of its header"
    ]


def test_a_key_in_a_file_is_found(folder: Path) -> None:
    log = folder.parent / "state" / "log.txt"
    log.parent.mkdir()
    log.write_bytes(b"\0" * 1000 + OTHER.encode())
    (problem,) = judged(folder)
    assert problem == f"{log} has a key in it"


def test_a_record_that_lacks_requests_is_no_proof(folder: Path) -> None:
    assert judged(folder, requests=2) == ["2 requests came, and 0 are in the record"]


def test_a_torn_record_is_no_proof(folder: Path) -> None:
    (folder / "1.received").write_bytes(b"\0frame 1 3 test\nabcd")
    with pytest.raises(ValueError, match="no frame"):
        judged(folder)


def test_a_key_in_the_arguments_of_a_program_is_found(folder: Path) -> None:
    unheard = "-".join(("a", "third", "key"))
    arguments = evidence.Arguments([unheard])
    subprocess.run([sys.executable, "-c", "", unheard], check=True)
    (problem,) = evidence.verdict(folder, folder, [unheard], arguments, 0)
    assert problem.startswith("started with a key: tests/unit/test_evidence.py::")


async def test_what_the_loopback_api_receives_is_recorded(
    folder: Path, messages_api: MessagesApi
) -> None:
    async with RawClient(messages_api.base_url) as client:
        await client.ask({"model": GITHUB_TOKEN})
    (sent,) = [data for _, data in evidence.received(folder)]
    assert GITHUB_TOKEN.encode() in sent
    assert KEY.encode() in sent
    assert HEADERS["authorization"].encode() in sent
