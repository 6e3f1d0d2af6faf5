"""Work-done progress with a cancel button, and silence where the client shows none."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from claude_lsp.findings.sanitize import spoken
from claude_lsp.lsp.jobs import cancel_once

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from claude_lsp.lsp.protocol import Server

log = logging.getLogger(__name__)

_CREATE_S = 5.0


@contextlib.asynccontextmanager
async def progress(server: Server, title: str) -> AsyncIterator[Callable[[str], None]]:
    """Show that something goes on; the cancel button cancels the task that entered this.

    Args:
        server: the server.
        title: what goes on.

    Yields:
        a function that shows a message beside the title.
    """
    token = await _created(server)
    if token is None:
        yield lambda _message: None
        return
    work = server.work_done_progress
    work.begin(token, types.WorkDoneProgressBegin(spoken(title), cancellable=True))
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine is always run by one
    work.tokens[token].add_done_callback(lambda _: cancel_once(task))
    ended = "done"
    try:
        yield lambda message: work.report(token, types.WorkDoneProgressReport(message=message))
    except asyncio.CancelledError:
        ended = "cancelled"
        raise
    except Exception:
        ended = "failed"
        raise
    finally:
        work.end(token, types.WorkDoneProgressEnd(message=ended))


async def _created(server: Server) -> str | None:
    if not server.abilities.work_done_progress:
        return None
    token = str(uuid.uuid4())
    try:
        async with asyncio.timeout(_CREATE_S):
            await server.work_done_progress.create_async(token)
    except TimeoutError:
        log.info("the client did not create a progress")
        return None
    except JsonRpcException as error:
        log.info("the client refused a progress: %s", error.message)
        return None
    return token
