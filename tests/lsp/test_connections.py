"""The way to the model is blocked or odd: who asked is told what to do, and the editor goes on."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import trustme

from tests.lsp.editor import PYTHON, pause
from tests.lsp.test_completion import END, fill, texts
from tests.messages_api import replies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.lsp.editor import Editor


async def explain(editor: Editor, uri: str) -> str:
    """Ask for something that needs the model; return what the user is told."""
    editor.client.messages.clear()
    await editor.run("claude.explain", {"uri": uri})
    (error,) = editor.errors
    return error


async def goes_on(editor: Editor, uri: str) -> None:
    """Hold that what needs no model works as ever."""
    assert await editor.actions(uri, ((0, 0), (0, 0)))
    editor.client.change(uri, ((0, 0), (0, 0)), "# a line\n")
    await pause()
    assert editor.text(uri) == "# a line\n" + PYTHON


async def test_no_network(unstarted: Editor, unused_tcp_port: int) -> None:
    """Where nothing answers; that no name can be resolved ends the same way."""
    editor = unstarted
    address = f"http://127.0.0.1:{unused_tcp_port}"
    await editor.start(options={"endpoint": {"base_url": address}})
    uri = editor.open()
    assert await editor.suggest(uri, END) == []
    assert editor.messages == []
    assert editor.statuses[-1][0] == "blocked"
    error = await explain(editor, uri)
    assert "can't be reached" in error
    assert "Check the network, the proxy and endpoint.base_url" in error
    await goes_on(editor, uri)


async def test_an_invalid_key(editor: Editor) -> None:
    uri = editor.open()
    editor.api.answer = replies.error(401)
    assert await editor.suggest(uri, END) == []
    assert editor.messages == []
    error = await explain(editor, uri)
    assert "key" in error
    key = editor.api.environment()["ANTHROPIC_API_KEY"]
    assert key not in error
    await goes_on(editor, uri)
    editor.api.answer = fill("x")
    assert texts(await editor.suggest(uri, (9, 0))) == ["x"]
    assert editor.statuses[-1] == ("idle", "")


@contextlib.asynccontextmanager
async def proxy(address: str, authority: trustme.CA) -> AsyncIterator[str]:
    """Stand in front of an address with a certificate of one's own authority."""
    target = urlsplit(address)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(target.hostname, target.port)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_a_proxy_with_its_own_authority(unstarted: Editor, tmp_path: Path) -> None:
    editor = unstarted
    authority = trustme.CA()
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    async with proxy(editor.api.base_url, authority) as address:
        endpoint = {"base_url": address, "ca_file": str(bundle)}
        await editor.start(options={"endpoint": endpoint})
        uri = editor.open()
        editor.api.script(fill("x"))
        assert texts(await editor.suggest(uri, END)) == ["x"]
        assert editor.messages == []
        await editor.server.session.close()


async def test_a_proxy_that_is_not_trusted_says_which_setting_helps(unstarted: Editor) -> None:
    editor = unstarted
    async with proxy(editor.api.base_url, trustme.CA()) as address:
        await editor.start(options={"endpoint": {"base_url": address}})
        uri = editor.open()
        assert await editor.suggest(uri, END) == []
        assert "endpoint.ca_file" in await explain(editor, uri)
        assert editor.api.requests == []
        await goes_on(editor, uri)


@pytest.mark.parametrize("content", [None, "no certificate\n"])
async def test_a_bundle_that_is_none_is_named(
    unstarted: Editor, tmp_path: Path, content: str | None
) -> None:
    editor = unstarted
    bundle = tmp_path / "authority.pem"
    if content is not None:
        bundle.write_text(content, encoding="utf-8")
    await editor.start(options={"endpoint": {"ca_file": str(bundle)}})
    uri = editor.open()
    assert await editor.suggest(uri, END) == []
    assert f"endpoint.ca_file {bundle}" in await explain(editor, uri)
    assert editor.api.requests == []
    await goes_on(editor, uri)
