"""Run the loopback Messages API by itself, for editors' tests and for trying by hand.

A script file is a JSON list of replies. Each is an object with the name of a reply of
`replies.py` and its arguments, and optionally when and how often it is given:

    [{"reply": "text", "answer": "<fill>x + 1</fill>", "delay_s": 0.01,
      "when": {"model": "claude-haiku-5-5", "contains": "<CURSOR/>"}, "repeat": true},
     {"reply": "overloaded"}]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tests.messages_api import replies
from tests.messages_api.script import MESSAGES
from tests.messages_api.server import KEY, MessagesApi

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.messages_api.connection import ReceivedRequest
    from tests.messages_api.server import ThreadedMessagesApi


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until killed; the first line on stdout is the base URL."""
    parser = argparse.ArgumentParser(prog="python -m tests.messages_api", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--script", type=Path, help="a JSON file of replies")
    parser.add_argument("--answer", help="the text of all other replies")
    parser.add_argument("--key", action="append", help=f"a valid API key (default: {KEY})")
    parser.add_argument("--record", type=Path, help="write each finished request as a JSON line")
    options = parser.parse_args(arguments)
    record = options.record.open("a", encoding="utf-8") if options.record else None
    try:
        return asyncio.run(_serve(options, record))
    except (ValueError, OSError) as error:
        print(f"messages_api: {error}", file=sys.stderr)
        return 2
    finally:
        if record is not None:
            record.close()


async def _serve(options: argparse.Namespace, record: TextIO | None) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stopped.set)
        except NotImplementedError:  # Windows: the process is ended without asking.
            break

    def write(request: ReceivedRequest) -> None:
        if record is not None:
            record.write(json.dumps(_recorded(request), ensure_ascii=False) + "\n")
            record.flush()

    api = MessagesApi(port=options.port, keys=options.key or (KEY,), finished=write)
    if options.answer is not None:
        api.answer = replies.text(options.answer)
    if options.script is not None:
        add_script(api, json.loads(options.script.read_text(encoding="utf-8")))
    async with api:
        print(api.base_url, flush=True)
        await stopped.wait()
    return 0


def add_script(api: MessagesApi | ThreadedMessagesApi, entries: Any) -> None:
    """Script a server from the parsed content of a script file.

    Raises:
        ValueError: an entry is not understood; the message says which and why.
    """
    if not isinstance(entries, list):
        raise ValueError("a script is a list of replies")  # noqa: TRY004 - not a caller's mistake
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise ValueError(f"reply {index}: not an object")  # noqa: TRY004
        rest = dict(entry)
        name = rest.pop("reply", None)
        if name not in replies.FACTORIES:
            known = ", ".join(sorted(replies.FACTORIES))
            raise ValueError(f"reply {index}: '{name}' is not one of {known}")
        when = rest.pop("when", None)
        path = rest.pop("path", MESSAGES)
        repeat = rest.pop("repeat", False)
        try:
            reply = replies.FACTORIES[name](**rest)
        except TypeError as error:
            raise ValueError(f"reply {index}: {error}") from error
        api.script(reply, when=when and _matcher(when), path=path, repeat=repeat)


def _matcher(when: dict[str, str]) -> Callable[[ReceivedRequest], bool]:
    if unknown := sorted(when.keys() - {"model", "contains"}):
        raise ValueError(f"'when' knows 'model' and 'contains', not '{unknown[0]}'")

    def matches(request: ReceivedRequest) -> bool:
        return when.get("model", request.model) == request.model and (
            when.get("contains", "") in request.text
        )

    return matches


def _recorded(request: ReceivedRequest) -> dict[str, Any]:
    names = (
        "method", "path", "status", "refused", "disconnected", "usage", "received_at",
        "first_byte_at", "finished_at", "body",
    )  # fmt: skip
    return {name: getattr(request, name) for name in names}


if __name__ == "__main__":
    sys.exit(main())
