"""The connection to the Messages API: the only module that knows the SDK.

One long-lived client, so that a completion does not pay for a new connection. The SDK resolves
credentials, signs and sends; retries, deadlines and the event stream are our own, because the
SDK obeys any `retry-after` without a bound and passes over some broken streams in silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import ssl
import sys
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from claude_lsp.claude import errors
from claude_lsp.claude.account import Account
from claude_lsp.claude.estimates import Estimates, endpoint_of
from claude_lsp.claude.ledger import charge
from claude_lsp.claude.observed import CacheDiagnosis, attributes
from claude_lsp.claude.patience import Deadline
from claude_lsp.claude.questions import Questions, retrieve
from claude_lsp.claude.request import parameters
from claude_lsp.claude.stream import Answer, DamagedStreamError, Decoder
from claude_lsp.claude.warmth import Warmth
from claude_lsp.context import tokens
from claude_lsp.telemetry import tracing

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Iterator,
        Sequence,
    )

    import anthropic
    import httpx2

    from claude_lsp.claude.catalog import Usage
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.claude.patience import Patience
    from claude_lsp.claude.recording import Recording
    from claude_lsp.claude.request import Request
    from claude_lsp.claude.warmth import Turn
    from claude_lsp.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")

# Editors pause for longer than the SDK's 5 s between completions; a new connection with TLS
# would cost more than the whole request.
_KEEP_ALIVE_S = 90
_CONNECT_S = 5
_DRAIN_S = 0.25


class Client:
    """Sends requests and yields their answers; one per process and event loop.

    Attributes:
        settings: may be replaced between requests, as long as `endpoint` stays the same.
        estimates: what is known of how many tokens prompts take there.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        recording: Recording | None = None,
        tell: Callable[[str], object] = log.warning,
    ) -> None:
        self.settings = settings
        self.estimates = Estimates(
            ledger.path.with_name("estimates.sqlite3"),
            endpoint_of(settings.endpoint.base_url),
            tell,
        )
        self._ledger = ledger
        self._recording = recording
        self._api: anthropic.AsyncAnthropic | None = None
        self._ready: asyncio.Lock = asyncio.Lock()
        self._questions = Questions(self.call)
        self._diagnosis = CacheDiagnosis()
        self._warmth = Warmth()

    async def warm(self) -> None:
        """Import the SDK and build the connection, in a worker: both take long.

        Raises:
            ClaudeError: the settings or the environment do not allow a connection.
        """
        await self._connected()

    async def check_credentials(self) -> str:
        """Make sure that there is something to authenticate with, without sending anything.

        Returns:
            what kind of credentials there are; never the credentials.

        Raises:
            ClaudeError: there is no key, token or profile, or the client can't be built.
        """
        api = await self._connected()
        if api.api_key:
            return "an API key from ANTHROPIC_API_KEY"
        if api.auth_token:
            return "a token from ANTHROPIC_AUTH_TOKEN"
        if api.credentials:
            return "a profile or a workload identity"
        raise errors.ClaudeError(errors.no_credentials())

    async def missing_models(self, ids: Sequence[str]) -> list[str]:
        """Return which of these models the endpoint does not know; asking is free.

        Raises:
            ClaudeError: the endpoint does not answer, or does not take the credentials.
        """
        missing = []
        for model_id in dict.fromkeys(ids):
            try:
                await self.call(partial(retrieve, model_id, timeout_s=20))
            except errors.ClaudeError as error:
                if error.failure.kind != "model-not-found":
                    raise
                missing.append(model_id)
        return missing

    async def call(self, ask: Callable[[anthropic.AsyncAnthropic], Awaitable[T]]) -> T:
        """Ask the API something that is no message, by a method of the SDK's client.

        Raises:
            ClaudeError: it failed.
        """
        api = await self._connected()
        try:
            return await ask(api)
        except Exception as error:
            failure = _failure_of(error)
            if failure is None:
                raise
            raise errors.ClaudeError(failure) from error

    async def _connected(self) -> anthropic.AsyncAnthropic:
        if self._api is None:
            async with self._ready:
                if self._api is None:
                    loop = asyncio.get_running_loop()
                    self._api = await loop.run_in_executor(None, _connect, self.settings)
        return self._api

    @contextlib.asynccontextmanager
    async def stream(
        self, request: Request, patience: Patience, account: Account | None = None
    ) -> AsyncIterator[tuple[AsyncIterator[str], Answer]]:
        """Send a request; yield its pieces of text as they arrive, and the answer they fill.

        Leaving the block early closes the HTTP stream at once. The answer's counters are final
        when the block is left; the ledger has them then, whatever the outcome was.

        Raises:
            ClaudeError: no credentials, over a limit, not sent, refused, cut, broken off. Raised
                by the iteration or the block's end; what arrived before stays in the answer.
        """
        account = Account() if account is None else account
        if self._recording is not None:
            events = await asyncio.to_thread(self._recording.find, parameters(request))
            if events is not None:
                async with self._given(request, patience, account, events) as given:
                    yield given
                return
        await self.check_credentials()
        request = replace(request, model=await self._questions.limits_of(request.model))
        request = await self._questions.counted_if_close(
            request, self._ledger, self.settings.spend, account.left_usd
        )
        request = self._warmth.as_repeated(request)
        whole, request = request, account.affordable(request)
        loop = asyncio.get_running_loop()
        turn = await self._warmth.turn(request)
        try:
            await account.book(request)
        except BaseException:
            turn.release()
            raise
        attempt = _Attempt(request, patience)
        outcome = "cancelled"
        reserving = loop.run_in_executor(None, self._ledger.reserve, request, self.settings.spend)
        try:
            # A cancelled caller must not lose sight of what was reserved for it.
            with tracing.span("budget", parent=attempt.span):
                account.rows.append(await asyncio.shield(reserving))
            async with contextlib.aclosing(self._pieces(attempt, turn)) as pieces:
                yield pieces, attempt.decoder.answer
            outcome = "ok"
        except errors.ClaudeError as error:
            outcome = error.failure.kind
            if outcome == "truncated" and request.max_tokens < whole.max_tokens:
                raise errors.ClaudeError(errors.cut_short(account.limit_name)) from error
            raise
        finally:
            turn.release()
            await attempt.close()
            if self.settings.log.trace:
                self._diagnosis.note(request, attempt.decoder.answer)
            cost = charge(request, attempt.usage, outcome, attempt.count)
            if attempt.count:
                account.add(request.model.id, attempt.count, attempt.usage, cost)
            attempt.end(outcome, cost)
            account.release(request)
            await asyncio.wait((reserving,))
            if reserving.exception() is None:
                row = reserving.result()
                settling = loop.run_in_executor(None, self._settle, row, attempt, outcome)
                await asyncio.shield(settling)

    @contextlib.asynccontextmanager
    async def _given(
        self, request: Request, patience: Patience, account: Account, events: bytes
    ) -> AsyncIterator[tuple[AsyncIterator[str], Answer]]:
        """Give an answer again. It has been paid for, so the ledger hears nothing of it.

        The account does: a run that goes on, or is replayed, costs what all of it has cost.
        """
        attempt = _Attempt(request, patience)

        async def pieces() -> AsyncGenerator[str]:
            for piece in attempt.decode(events):
                yield piece
            attempt.check_end()

        try:
            async with contextlib.aclosing(pieces()) as given:
                yield given, attempt.decoder.answer
        finally:
            await attempt.close()
            paid = replace(request, batched=attempt.decoder.answer.batched)
            cost = charge(paid, attempt.usage, "ok", 1)
            account.add(request.model.id, 1, attempt.usage, cost)

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self.estimates.close)
        if self._api is not None:
            api, self._api = self._api, None
            await api.close()

    def _settle(self, row: int, attempt: _Attempt, outcome: str) -> None:
        try:
            self._ledger.settle(
                row,
                attempt.request,
                attempt.usage,
                outcome,
                attempts=attempt.count,
                first_token_s=attempt.first_token_s,
                total_s=time.monotonic() - attempt.started,
                cache_miss=attempt.decoder.answer.cache_miss,
            )
            self.estimates.observe(attempt.request, attempt.usage)
        except errors.ClaudeError as error:
            # The reservation stays booked at its upper bound, so no limit is passed.
            log.error("the cost of a request could not be recorded: %s", error)  # noqa: TRY400

    async def _pieces(self, attempt: _Attempt, turn: Turn) -> AsyncGenerator[str]:
        waiting = tracing.span("wait for the first token", kind="client", parent=attempt.span)
        streaming: tracing.Span | None = None
        # The deadline holds for each wait rather than for the whole: a time-out must never strike
        # while the consumer of a piece is at work.
        try:
            with attempt.deadline:
                response = await self._send(attempt)
            chunks = aiter(response.aiter_bytes())
            while (data := await attempt.next_chunk(chunks)) is not None:
                turn.begun()
                if self._recording is not None:
                    attempt.events += data
                for piece in attempt.decode(data):
                    if streaming is None:
                        waiting.end()
                        streaming = tracing.span("stream", kind="client", parent=attempt.span)
                    yield piece
                if attempt.ended:
                    break
        except TimeoutError as error:
            raise errors.ClaudeError(errors.timeout(attempt.patience.deadline_s)) from error
        finally:
            waiting.end()
            if streaming is not None:
                streaming.end()
        attempt.check_end()
        await attempt.drain(chunks)
        if self._recording is not None:
            body = parameters(attempt.request)
            await asyncio.to_thread(self._recording.keep, body, bytes(attempt.events))

    async def _send(self, attempt: _Attempt) -> httpx2.Response:
        """Send until the headers of a good answer are there, retrying what may pass."""
        import httpx2

        api = await self._connected()
        body = parameters(attempt.request)
        if self.settings.log.trace:
            body |= self._diagnosis.asked(attempt.request)
        timeout = httpx2.Timeout(attempt.patience.silence_s, connect=_CONNECT_S)
        while True:
            attempt.count += 1
            try:
                response: httpx2.Response = await api.post(
                    "/v1/messages",
                    cast_to=httpx2.Response,
                    body=body,
                    options={"timeout": timeout, "max_retries": 0},
                    stream=True,
                )
            except Exception as error:
                failure = _failure_of(error)
                if failure is None:
                    raise
                if self._diagnosis.refused(body, failure):
                    continue
                wait = attempt.patience.wait_before_retry(
                    failure, attempt.count, time.monotonic() - attempt.started
                )
                if wait is None:
                    raise errors.ClaudeError(failure) from error
                attempt.span.mark(f"attempt {attempt.count} failed")
                log.info(
                    "attempt %d failed (%s): again in %.1f s", attempt.count, failure.kind, wait
                )
                await asyncio.sleep(wait)
            else:
                attempt.response = response
                attempt.span.mark("headers")
                attempt.request_id = response.headers.get("request-id")
                return response


class _Attempt:
    """One request under way: its stream, its times, and what is known of its answer."""

    def __init__(self, request: Request, patience: Patience) -> None:
        self.request = request
        self.patience = patience
        self.decoder = Decoder()
        self.count = 0
        self.started = time.monotonic()
        self.deadline = Deadline(patience.deadline_s)
        self.first_token_s: float | None = None
        self.response: httpx2.Response | None = None
        self.request_id: str | None = None
        self.events = bytearray()
        self.span = tracing.span(f"chat {request.model.id}", kind="client")

    def end(self, outcome: str, cost: float | None) -> None:
        """Tell those who trace what is known of the request at its end."""
        if self.span:
            self.span.set(attributes(self.request, self.decoder.answer, self.usage, outcome, cost))
            self.span.end(
                {
                    "gen_ai.response.time_to_first_chunk": self.first_token_s,
                    "claude_lsp.attempts": self.count,
                    "claude_lsp.request_id": self.request_id,
                }
            )

    @property
    def usage(self) -> Usage:
        """The tokens used; where the stream was left early, the output is estimated.

        The server counts the output only at the end; what was generated is billed all the same.
        """
        answer = self.decoder.answer
        if answer.complete or not answer.pieces:
            return answer.usage
        seen = tokens.upper_bound(answer.text, self.request.model.tokenizer)
        return replace(answer.usage, output=max(answer.usage.output, seen))

    @property
    def ended(self) -> bool:
        """Whether the last event has arrived; what follows is of no interest."""
        return self.decoder.answer.complete or self.decoder.answer.error is not None

    async def next_chunk(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        """Return the next bytes of the stream, None at its end.

        Raises:
            ClaudeError: the stream broke off or stalled.
            TimeoutError: the deadline has passed.
        """
        import httpx2

        try:
            with self.deadline:
                return await anext(chunks, None)
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            log.info("stream broken: %s", type(error).__name__)
            raise errors.ClaudeError(errors.interrupted(self.request_id)) from error

    async def drain(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the end of a complete answer: only then can its connection serve the next one."""
        import httpx2

        with contextlib.suppress(TimeoutError, httpx2.HTTPError, httpx2.StreamError):
            async with asyncio.timeout(_DRAIN_S):
                while await anext(chunks, None) is not None:
                    pass

    def decode(self, data: bytes) -> Iterator[str]:
        """Yield the pieces of text that these bytes complete.

        Raises:
            ClaudeError: the stream is damaged.
        """
        try:
            for piece in self.decoder.feed(data):
                if self.first_token_s is None:
                    self.first_token_s = time.monotonic() - self.started
                yield piece
        except DamagedStreamError as error:
            log.info("stream damaged: %s", error)
            raise errors.ClaudeError(errors.interrupted(self.request_id)) from error

    def check_end(self) -> None:
        """Raise unless the answer came to a proper end.

        Raises:
            ClaudeError: an error event, a missing end, a refusal or a cut.
        """
        failure = errors.at_end(self.decoder.answer, self.request_id)
        if failure is not None:
            raise errors.ClaudeError(failure)

    async def close(self) -> None:
        """Close the HTTP stream; the server sees it at once."""
        self.deadline.close()
        if self.response is not None:
            await self.response.aclose()
            self.response = None


@contextlib.contextmanager
def _without_looking_for_garbage() -> Iterator[None]:
    """Import the SDK's three thousand modules, of which nothing ever becomes garbage.

    To look for it there takes a tenth of the import, and 0.15 s each time that all is looked
    through later, while somebody types.
    """
    if "anthropic" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _connect(settings: Settings) -> anthropic.AsyncAnthropic:
    """Import the SDK and build its client. Runs in a worker.

    Raises:
        ClaudeError: a bad proxy, certificate, profile or address.
    """
    with _without_looking_for_garbage():
        import anthropic
        import httpx2

    endpoint = settings.endpoint
    http_options: dict[str, Any] = {}
    try:
        if endpoint.ca_file:
            http_options["verify"] = _trusting(endpoint.ca_file)
        http = anthropic.DefaultAsyncHttpxClient(
            timeout=httpx2.Timeout(60, connect=_CONNECT_S),
            limits=httpx2.Limits(
                max_connections=20, max_keepalive_connections=10, keepalive_expiry=_KEEP_ALIVE_S
            ),
            **http_options,
        )
        return anthropic.AsyncAnthropic(
            http_client=http,
            max_retries=0,
            # An empty variable would be sent as an illegal header; it means "no key".
            api_key=os.environ.get("ANTHROPIC_API_KEY") or None,
            open_telemetry=False,
            base_url=endpoint.base_url or None,
            default_headers=dict(endpoint.headers) or None,
        )
    except (OSError, ImportError, ValueError, TypeError, anthropic.AnthropicError) as error:
        raise errors.ClaudeError(errors.configuration(str(error))) from error


def _trusting(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ValueError(f"endpoint.ca_file {ca_file}: {error.strerror or error}") from error


def _failure_of(error: Exception) -> errors.Failure | None:
    """Map what sending raised; None for a bug of ours, which must stay visible."""
    import anthropic
    import httpx2

    if isinstance(error, anthropic.APIStatusError):
        return errors.from_status(
            error.status_code,
            error.type,
            (error.api_message or "") if error.type else f"HTTP {error.status_code}",
            code=getattr(error, "error_code", None),
            request_id=error.request_id,
            retry_after_s=_retry_after(error.response.headers),
        )
    if isinstance(error, anthropic.APITimeoutError):
        connecting = isinstance(error.__cause__, (httpx2.ConnectTimeout, httpx2.PoolTimeout))
        return errors.connection("no connection in time") if connecting else errors.timeout()
    if isinstance(error, anthropic.APIConnectionError):
        cause = error.__cause__
        if isinstance(cause, httpx2.LocalProtocolError):
            # Its text repeats the header that it is about, which may be the key.
            return errors.configuration("the key or a header holds characters that can't be sent")
        if isinstance(cause, httpx2.UnsupportedProtocol):
            return errors.configuration(str(cause))
        return errors.connection(str(cause or error))
    if isinstance(error, anthropic.AnthropicError):
        return errors.configuration(str(error))
    if isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL)):
        return errors.connection(str(error))
    if isinstance(error, TypeError) and "authentication" in str(error):
        return errors.no_credentials()
    return None


def _retry_after(headers: httpx2.Headers) -> float | None:
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    return None
