"""Fixtures; import them in a `conftest.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.messages_api.server import MessagesApi, ThreadedMessagesApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest_asyncio.fixture
async def messages_api() -> AsyncIterator[MessagesApi]:
    """A fresh server on the test's own event loop."""
    async with MessagesApi() as api:
        yield api


@pytest.fixture
def threaded_messages_api() -> Iterator[ThreadedMessagesApi]:
    """A fresh server in a thread, for tests without an event loop."""
    with ThreadedMessagesApi() as api:
        yield api
