"""A deadline for many waits: it strikes in them, and nowhere else."""

from __future__ import annotations

import asyncio

import pytest

from claude_lsp.claude.patience import Deadline


async def test_it_strikes_a_wait() -> None:
    deadline = Deadline(0)
    with pytest.raises(TimeoutError), deadline:
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_it_never_strikes_between_two_waits() -> None:
    deadline = Deadline(0)
    with deadline:
        pass
    for _ in range(3):
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), deadline:
        await asyncio.Event().wait()


async def test_a_wait_that_is_over_in_time_is_left_alone() -> None:
    deadline = Deadline(60)
    for _ in range(3):
        with deadline:
            await asyncio.sleep(0)
    deadline.close()


@pytest.mark.parametrize("seconds", [0, 60])
async def test_who_is_cancelled_while_waiting_is_cancelled(seconds: float) -> None:
    began = asyncio.Event()

    async def wait() -> None:
        deadline = Deadline(seconds)
        try:
            began.set()
            with deadline:
                await asyncio.Event().wait()
        finally:
            deadline.close()

    task = asyncio.create_task(wait())
    await began.wait()
    task.cancel()  # At 0 s both come together: the caller's wish counts.
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_another_failure_of_a_wait_stays_what_it_is() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    deadline = Deadline(60)
    with pytest.raises(ValueError, match="broken"), deadline:
        await fail()
    deadline.close()
