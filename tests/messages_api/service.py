"""The endpoints: rules first, then the cache, then the scripted reply."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any

from tests import evidence
from tests.messages_api import rules
from tests.messages_api.batches import Batch, check_batch
from tests.messages_api.cache import PromptCache
from tests.messages_api.connection import Connection, Exchange, ReceivedRequest
from tests.messages_api.diagnosis import diagnose
from tests.messages_api.errors import ApiError, error_body, invalid, status_of
from tests.messages_api.models import MODELS
from tests.messages_api.rendering import Answer, encode_event, fit
from tests.messages_api.script import MESSAGES, Script
from tests.messages_api.steps import (
    Disconnect,
    Finish,
    Gate,
    Hang,
    Raw,
    Reply,
    Respond,
    RespondError,
    StreamError,
    Wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from tests.messages_api.models import Model
    from tests.messages_api.steps import Step

_BATCH = re.compile(r"/v1/messages/batches/([^/]+)(/results|/cancel)?")
_PREWARMED = Reply((Finish("max_tokens"),))


class Service:
    """Everything behind the connections.

    Attributes:
        keys: the API keys that are valid.
        models: the models served, by id; a test may add some.
        clock: seconds, for the lifetimes of cached prompts.
        batch_polls: how many times a new batch is shown as unfinished.
        script: what is answered.
        requests: all that came, in order.
        arrived: set whenever a request comes.
        base_url: where the server listens.
        failures: exceptions of handlers and matchers, and of the server itself.
    """

    def __init__(self, keys: Iterable[str], clock: Callable[[], float]) -> None:
        self.keys = set(keys)
        self.models = dict(MODELS)
        self.clock = clock
        self.batch_polls = 0
        self.script = Script()
        self.requests: list[ReceivedRequest] = []
        self.failures: list[Exception] = []
        self.arrived = asyncio.Event()
        self.base_url = ""
        self._cache = PromptCache()
        self._batches: dict[str, Batch] = {}
        self._messages = 0
        self._bodies: dict[str, dict[str, Any]] = {}

    def serve(
        self, request: ReceivedRequest, connection: Connection
    ) -> Coroutine[None, None, None]:
        """Record a request, at once, and return what answers it."""
        try:
            request.body = json.loads(request.raw) if request.raw else None
        except ValueError:
            request.body = None
        evidence.count_request()
        self.requests.append(request)
        self.arrived.set()
        return self._answer(Exchange(request, connection, len(self.requests)))

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._route(exchange)
        except ApiError as error:
            exchange.request.refused = error.message
            body = error_body(error.type, error.message, exchange.request_id)
            await exchange.send_json(error.status, body)
        except Exception as error:  # noqa: BLE001 - raised when the test leaves the server
            self.failures.append(error)
            if exchange.started:
                exchange.disconnect(reset=True)
            else:
                body = error_body("api_error", repr(error), exchange.request_id)
                await exchange.send_json(500, body)

    async def _route(self, exchange: Exchange) -> None:
        request = exchange.request
        key = rules.check_headers(request.headers, self.keys)
        if request.oversized:
            raise ApiError(413, "Request exceeds the maximum size")
        if request.path == MESSAGES:
            _require(request, "POST")
            await self._message(exchange, _body(request), key)
            return
        scripted = self.script.take(request)
        if scripted is not None and await self._play(scripted.steps, exchange, None):
            return
        if request.path == f"{MESSAGES}/count_tokens":
            _require(request, "POST")
            body = _body(request)
            model = self._check(request, body, counting=True)
            use = self._cache.look_up(body, model, key, self.clock())
            await exchange.send_json(200, {"input_tokens": use.total})
        elif request.path == "/v1/models":
            _require(request, "GET")
            await exchange.send_json(200, self._list_models(request))
        elif request.path.startswith("/v1/models/"):
            _require(request, "GET")
            name = request.path.removeprefix("/v1/models/")
            model = rules.find_model(name, self.models)
            await exchange.send_json(200, model.information())
        elif request.path == f"{MESSAGES}/batches":
            _require(request, "GET", "POST")
            await self._batch_collection(exchange, key)
        elif found := _BATCH.fullmatch(request.path):
            await self._batch(exchange, *found.groups())
        else:
            raise ApiError(404, f"Not found: {request.path}")

    def _check(self, request: ReceivedRequest, body: dict[str, Any], **kind: bool) -> Model:
        betas = request.headers.get("anthropic-beta", "")
        return rules.check_message(body, self.models, betas=betas, **kind)

    def _new_answer(
        self, request: ReceivedRequest, body: dict[str, Any], key: str, *, batched: bool = False
    ) -> Answer:
        """Check a request for a message and look up its prompt.

        Raises:
            ApiError: a rule is broken or the prompt is too long.
        """
        model = self._check(request, body, batched=batched)
        use = self._cache.look_up(body, model, key, self.clock())
        if use.total > model.context_window:
            raise invalid(
                f"prompt is too long: {use.total} tokens > {model.context_window} maximum"
            )
        self._messages += 1
        tier = "batch" if batched else "standard"
        name = f"msg_{self._messages:024d}"
        diagnostics = diagnose(body, use, self._bodies)
        if diagnostics is not None:
            self._bodies[name] = body
        return Answer(name, body, model, use, tier, diagnostics)

    async def _message(self, exchange: Exchange, body: dict[str, Any], key: str) -> None:
        request = exchange.request
        answer = self._new_answer(request, body, key)
        if body["max_tokens"] == 0:
            reply = self.script.take(request, matched_only=True) or _PREWARMED
        else:
            reply = await self.script.choose(request)
        try:
            await self._play(fit(reply.steps, body, answer.model), exchange, answer)
        finally:
            if exchange.started and request.status == 200:
                request.usage = answer.usage()

    async def _play(self, steps: Iterable[Step], exchange: Exchange, answer: Answer | None) -> bool:
        """Perform a reply; without an answer, only such steps as do not need one.

        Returns:
            Whether there was a response. Steps that only wait are none.
        """
        streaming = answer is not None and bool(answer.body.get("stream"))
        behind = b""
        for step in steps:
            match step:
                case Wait(seconds):
                    if seconds > 0:
                        await asyncio.sleep(seconds)
                case Gate():
                    await step.wait()
                case Hang():
                    await asyncio.Event().wait()
                case Disconnect(reset):
                    exchange.disconnect(reset=reset)
                    return True
                case Respond(status, body, headers, request_id):
                    await exchange.send(status, body, headers, request_id=request_id)
                    return True
                case RespondError(status, kind, message, headers, details):
                    error = error_body(kind, message, exchange.request_id, details)
                    await exchange.send_json(status, error, headers)
                    return True
                case _ if answer is None:
                    raise TypeError(f"only messages can be answered with {step}")
                case StreamError(kind, message) if not streaming:
                    error = error_body(kind, message, exchange.request_id)
                    await exchange.send_json(status_of(kind), error)
                    return True
                case Raw(data, anywhere):
                    if streaming:
                        opening = b"".join(map(encode_event, answer.start()))
                        await self._stream(exchange, answer, opening + data)
                    elif anywhere:
                        behind += data
                case _:
                    events = b"".join([encode_event(event) for event in answer.perform(step)])
                    if streaming:
                        await self._stream(exchange, answer, events)
                    if isinstance(step, StreamError):
                        break
        if answer is None:
            return False
        if streaming:
            await self._stream(exchange, answer, b"".join(map(encode_event, answer.start())))
            await exchange.end_stream()
        else:
            answer.end()
            self._cache.commit(answer.use)
            body = json.dumps(answer.message(), ensure_ascii=False).encode() + behind
            await exchange.send(200, body, {"content-type": "application/json"})
        return True

    async def _stream(self, exchange: Exchange, answer: Answer, data: bytes) -> None:
        if not exchange.started:
            # What a request writes to the cache is readable once its response has started.
            self._cache.commit(answer.use)
        await exchange.stream(data)

    def _list_models(self, request: ReceivedRequest) -> dict[str, Any]:
        wanted = request.query.get("lifecycle[]", request.query.get("lifecycle"))
        stages = ("active", "deprecated") if wanted is None else (wanted,)
        shown = [model for model in self.models.values() if model.lifecycle in stages]
        after = request.query.get("after_id")
        ids = [model.id for model in shown]
        start = ids.index(after) + 1 if after in ids else 0
        limit = request.query.get("limit", "20")
        if not limit.isdecimal() or not 1 <= int(limit) <= 1000:
            raise invalid("limit: Input should be between 1 and 1000")
        page = shown[start : start + int(limit)]
        return {
            "data": [model.information() for model in page],
            "has_more": start + len(page) < len(shown),
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }

    async def _batch_collection(self, exchange: Exchange, key: str) -> None:
        request = exchange.request
        if request.method == "GET":
            shown = [batch.shown(self.base_url) for batch in reversed(self._batches.values())]
            ids = [batch["id"] for batch in shown] or [None]
            page = {"data": shown, "has_more": False, "first_id": ids[0], "last_id": ids[-1]}
            await exchange.send_json(200, page)
            return
        parts = check_batch(_body(request))
        name = f"msgbatch_{len(self._batches) + 1:024d}"
        results = {
            custom_id: await self._batch_result(exchange, name, params, key)
            for custom_id, params in parts
        }
        batch = self._batches[name] = Batch(name, results, self.batch_polls)
        await exchange.send_json(200, batch.shown(self.base_url))

    async def _batch_result(
        self, exchange: Exchange, batch: str, params: dict[str, Any], key: str
    ) -> dict[str, Any]:
        """What becomes of one request of a batch; one that would hang or be cut off expires."""
        part = ReceivedRequest(
            "POST",
            MESSAGES,
            {},
            exchange.request.headers,
            raw=json.dumps(params).encode(),
            body=params,
            received_at=time.monotonic(),
            batch_id=batch,
        )

        def errored(kind: str, message: str) -> dict[str, Any]:
            return {"type": "errored", "error": error_body(kind, message, exchange.request_id)}

        try:
            answer = self._new_answer(part, params, key, batched=True)
        except ApiError as error:
            return errored(error.type, error.message)
        reply = await self.script.choose(part)
        for step in fit(reply.steps, params, answer.model):
            match step:
                case Hang() | Disconnect():
                    return {"type": "expired"}
                case RespondError(_, kind, message) | StreamError(kind, message):
                    return errored(kind, message)
                case Respond():
                    return errored("api_error", "Internal server error")
                case Wait() | Gate() | Raw():
                    pass
                case _:
                    list(answer.perform(step))
        answer.end()
        self._cache.commit(answer.use)
        return {"type": "succeeded", "message": answer.message()}

    async def _batch(self, exchange: Exchange, name: str, part: str | None) -> None:
        request = exchange.request
        batch = self._batches.get(name)
        if batch is None:
            raise ApiError(404, f"Batch not found: {name}")
        if part == "/results":
            _require(request, "GET")
            await exchange.send(200, batch.lines(), {"content-type": "application/x-jsonl"})
            return
        if part == "/cancel":
            _require(request, "POST")
            batch.cancel()
        else:
            _require(request, "GET", "DELETE")
            if request.method == "DELETE":
                if not batch.ended:
                    raise invalid(f"Batch {name} is still being processed")
                del self._batches[name]
                await exchange.send_json(200, {"id": name, "type": "message_batch_deleted"})
                return
            batch.poll()
        await exchange.send_json(200, batch.shown(self.base_url))


def _require(request: ReceivedRequest, *methods: str) -> None:
    if request.method not in methods:
        raise ApiError(405, f"Method not allowed: {request.method} {request.path}")


def _body(request: ReceivedRequest) -> dict[str, Any]:
    return request.body if isinstance(request.body, dict) else rules.parse_body(request.raw)
