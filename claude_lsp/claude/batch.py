"""Requests that may take hours, at half the price: sent as one batch, answers kept as recorded.

A batch belongs to the folder of a recording. What comes back is kept there in the form of answers
that streamed, so that whoever reads answers need not know how they were made; a run that was ended
while it waited goes on where its folder says.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from claude_lsp.claude import errors
from claude_lsp.claude.recording import key_of
from claude_lsp.claude.request import parameters, prefix_of
from claude_lsp.claude.stream import Decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from claude_lsp.claude.account import Account
    from claude_lsp.claude.client import Client
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.claude.recording import Recording
    from claude_lsp.claude.request import Request
    from claude_lsp.settings import Spend

log = logging.getLogger(__name__)

_TICKET = "batch.json"
_ENOUGH = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 60.0


@dataclass(frozen=True)
class Ticket:
    """A batch that was sent.

    Attributes:
        id: as the API knows it.
        rows: the ledger's row of each request, by the request's key.
    """

    id: str
    rows: Mapping[str, int]


class Batch:
    """Requests answered together, for one recording.

    Args:
        client: the connection.
        ledger: where each request is booked.
        limits: what may be spent.
        recording: where the answers go.
        requests: all of them; those with an answer already are not sent again.
    """

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        limits: Spend,
        recording: Recording,
        requests: Iterable[Request],
    ) -> None:
        self._client, self._ledger, self._limits = client, ledger, limits
        self._recording = recording
        self._requests = {key_of(parameters(each)): each for each in _batched(tuple(requests))}

    async def fill(
        self, account: Account, tell: Callable[[str], object], *, pause_s: float = _FIRST_PAUSE_S
    ) -> None:
        """Send what has no answer yet, or find the batch that was sent, and wait for its end.

        Args:
            account: keeps the run's limit.
            tell: called with a sentence now and then.
            pause_s: before the first look; each is twice as long as the one before, up to a minute.

        Raises:
            ClaudeError: nothing could be sent, or a limit would be passed.
        """
        ticket = await asyncio.to_thread(self._ticket)
        if ticket is None:
            wanted = await asyncio.to_thread(self._without_answer)
            if not wanted:
                return
            ticket = await self._send(wanted, account)
            tell(f"{len(wanted)} requests were sent as the batch {ticket.id}")
        while (batch := await self._shown(ticket)).processing_status != "ended":
            counts = batch.request_counts
            tell(f"the batch {ticket.id}: {counts.processing} requests are being worked on")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        await self._collect(ticket)
        # A later run sends what has failed again.
        await asyncio.to_thread((self._recording.folder / _TICKET).unlink)

    def _ticket(self) -> Ticket | None:
        try:
            found = json.loads((self._recording.folder / _TICKET).read_bytes())
            return Ticket(
                str(found["id"]), {str(key): int(row) for key, row in found["rows"].items()}
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"{_TICKET}: {error}"
            raise errors.ClaudeError(
                errors.recording(str(self._recording.folder), problem)
            ) from error

    def _without_answer(self) -> dict[str, Request]:
        wanted = {}
        for key, request in self._requests.items():
            events = replace(self._recording, gives=True, sends=True).find(parameters(request))
            if events is None or b'"message_stop"' not in events:
                wanted[key] = request
        return wanted

    async def _send(self, wanted: Mapping[str, Request], account: Account) -> Ticket:
        rows: dict[str, int] = {}
        try:
            # All or none: half a batch would have to be paid for and sent again with the rest.
            for key, request in wanted.items():
                await account.book(request)
                rows[key] = await asyncio.to_thread(self._ledger.reserve, request, self._limits)
            bodies = [
                {"custom_id": key, "params": _unstreamed(parameters(request))}
                for key, request in wanted.items()
            ]
            created: Any = await self._client.call(
                lambda api: api.messages.batches.create(requests=bodies)  # type: ignore[arg-type]
            )
        except errors.ClaudeError:
            for key, row in rows.items():
                await asyncio.to_thread(self._settle, row, wanted[key], Decoder(), "not sent", 0)
            raise
        finally:
            for key in rows:
                account.release(wanted[key])
        ticket = Ticket(created.id, rows)
        content = json.dumps({"id": ticket.id, "rows": rows}).encode()
        await asyncio.to_thread(self._recording.write, _TICKET, content)
        return ticket

    async def _shown(self, ticket: Ticket) -> Any:
        return await self._client.call(lambda api: api.messages.batches.retrieve(ticket.id))

    async def _collect(self, ticket: Ticket) -> None:
        results = await self._client.call(lambda api: api.messages.batches.results(ticket.id))
        async for line in results:
            result = line.result.model_dump(mode="json")
            request = self._requests.get(line.custom_id)
            if request is None:
                log.warning(
                    "the batch %s answers %s, which is not asked any more",
                    ticket.id,
                    line.custom_id,
                )
                continue
            events = _as_streamed(result)
            decoder = Decoder()
            for _ in decoder.feed(events):
                pass
            failure = errors.at_end(decoder.answer)
            outcome = "ok" if failure is None else failure.kind
            await asyncio.to_thread(self._recording.keep, parameters(request), events)
            row = ticket.rows.get(line.custom_id)
            if row is not None:
                await asyncio.to_thread(self._settle, row, request, decoder, outcome, 1)

    def _settle(
        self, row: int, request: Request, decoder: Decoder, outcome: str, attempts: int
    ) -> None:
        self._ledger.settle(
            row,
            request,
            decoder.answer.usage,
            outcome,
            attempts=attempts,
            first_token_s=None,
            total_s=0.0,
        )


def _batched(requests: Sequence[Request]) -> Iterator[Request]:
    """Yield the requests as a batch's, with what enough of them begin with for a cache.

    An entry lives for an hour there and costs twice the input: from the third reader on that is
    less than sending it each time.
    """
    counts = Counter(prefix_of(request, "shared") for request in requests)
    for request in requests:
        prefix = prefix_of(request, "shared")
        repeats = prefix is not None and counts[prefix] >= _ENOUGH
        yield replace(request, batched=True, repeats="shared" if repeats else "")


def _unstreamed(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "stream"}


def _as_streamed(result: Mapping[str, Any]) -> bytes:
    """Return the events that an answer of a batch would have come as."""
    if result.get("type") != "succeeded":
        body = result.get("error") or {}
        error = body.get("error") or {
            "type": "timeout_error",
            "message": f"the batch ended before this was answered ({result.get('type')})",
        }
        return _event({"type": "error", "error": error})
    message = dict(result["message"])
    content, usage = message.pop("content"), message.get("usage") or {}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "content": []}}
    ]
    for index, block in enumerate(content):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "content_block_stop", "index": index})
    delta = {key: message.get(key) for key in ("stop_reason", "stop_sequence", "stop_details")}
    events.append({"type": "message_delta", "delta": delta, "usage": usage})
    events.append({"type": "message_stop"})
    return b"".join(map(_event, events))


def _event(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
