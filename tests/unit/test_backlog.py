"""The files that a build has still to read: each is taken once, in any order of wishes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.workspace.index.backlog import Backlog, Listed


def listed(number: int) -> Listed:
    return Listed(f"file_{number}.py", "python", 1, number)


@given(st.integers(0, 1500), st.lists(st.sets(st.integers(0, 1600), max_size=900), max_size=5))
def test_every_file_is_taken_once(count: int, wishes: list[set[int]]) -> None:
    backlog = Backlog([listed(number) for number in range(count)])
    taken: list[Listed] = []
    while True:
        if wishes:
            backlog.prefer(f"file_{number}.py" for number in wishes.pop())
        batch = backlog.take()
        if not batch:
            break
        assert len(batch) <= 400
        taken += batch
    assert sorted(one.size for one in taken) == list(range(count))


def test_what_is_wished_for_comes_first() -> None:
    backlog = Backlog([listed(number) for number in range(100)])
    backlog.prefer(["file_70.py", "file_50.py", "no_such.py"])
    assert [one.size for one in backlog.take()] == [70, 50]
    assert [one.size for one in backlog.take()] == list(range(40))


def test_more_wishes_than_one_batch_holds_are_granted_one_batch_after_the_other() -> None:
    backlog = Backlog([listed(number) for number in range(1000)])
    backlog.prefer(f"file_{number}.py" for number in range(900))
    assert [one.size for one in backlog.take()] == list(range(400))
    assert [one.size for one in backlog.take()] == list(range(400, 800))
    assert [one.size for one in backlog.take()] == list(range(800, 900))
    assert [one.size for one in backlog.take()] == list(range(900, 940))
