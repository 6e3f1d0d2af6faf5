"""OpenTelemetry: our spans and metrics, to where the user's own OTEL_* variables say.

The only module that knows its packages, which are an extra (`pip install claude-lsp[otel]`) and are
loaded only when `telemetry.otel` is on. The names follow the semantic conventions for generative
AI; there is no attribute for content.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from claude_lsp import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan

    from claude_lsp.telemetry.tracing import Span

log = logging.getLogger(__name__)

MISSING = "telemetry.otel needs packages that are not installed: pip install 'claude-lsp[otel]'"
NO_EXPORTER = (
    "telemetry.otel is on, but nothing says where to export: set OTEL_EXPORTER_OTLP_ENDPOINT, or "
    "OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER"
)
_CLOSING_S = 3.0
_CHAT = "gen_ai.operation.name"
_ALWAYS = (_CHAT, "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model")
"""The attributes that metrics of requests have, beside `error.type`."""


class UnavailableError(Exception):
    """Why nothing can be exported, in words for the user."""


class OpenTelemetry:
    """Tells a tracer of our spans, and meters of what requests use.

    Args:
        tracers: makes the tracer.
        meters: makes the meter.
    """

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        from opentelemetry.metrics import get_meter
        from opentelemetry.trace import get_tracer

        self._providers = tracers, meters
        self._tracer = get_tracer("claude_lsp", __version__, tracers)
        meter = get_meter("claude_lsp", __version__, meters)
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage", "{token}", "Tokens of prompts and answers."
        )
        self._durations = meter.create_histogram(
            "gen_ai.client.operation.duration", "s", "From the request to the answer's end."
        )
        self._first = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk", "s", "To the answer's first text."
        )
        self._cost = meter.create_counter(
            "claude_lsp.cost", "{USD}", "What requests have cost, by the ledger."
        )
        self._parts = meter.create_histogram(
            "claude_lsp.part.duration", "s", "How long the server's own parts took."
        )
        self._open: dict[int, OtelSpan] = {}

    def began(self, span: Span) -> None:
        """Begin the same span there."""
        from opentelemetry.trace import SpanKind, set_span_in_context

        parent = None if span.parent is None else self._open.get(span.parent.number)
        self._open[span.number] = self._tracer.start_span(
            span.name,
            # One that has lost its parent begins a trace, whatever is current in this process.
            context=set_span_in_context(parent) if parent is not None else {},  # type: ignore[arg-type]
            kind=SpanKind[span.kind.upper()],
            start_time=span.start_ns,
        )

    def ended(self, span: Span) -> None:
        """End it there, and measure it."""
        from opentelemetry.trace import Status, StatusCode

        there = self._open.pop(span.number, None)
        if there is None:
            return
        for key, value in span.attributes.items():
            there.set_attribute(key, [value] if key.endswith("finish_reasons") else value)
        for name, moment in span.marks.items():
            there.add_event(name, timestamp=moment)
        if "error.type" in span.attributes:
            there.set_status(Status(StatusCode.ERROR))
        there.end(span.end_ns)
        self._measure(span)

    def close(self) -> None:
        """Export what is left, within a moment: a collector that hangs must not hold us up."""

        def shut_down() -> None:
            for provider in self._providers:
                provider.shutdown()

        closing = threading.Thread(target=shut_down, name="claude-lsp-otel", daemon=True)
        closing.start()
        closing.join(_CLOSING_S)

    def _measure(self, span: Span) -> None:
        seconds = (span.end_ns - span.start_ns) / 1e9
        known = span.attributes
        if _CHAT not in known:
            self._parts.record(seconds, {"part": span.name})
            return
        common = {key: known[key] for key in (*_ALWAYS, "error.type") if key in known}
        self._durations.record(seconds, common)
        for kind in ("input", "output"):
            if (tokens := known.get(f"gen_ai.usage.{kind}_tokens")) is not None:
                self._tokens.record(int(tokens), {**common, "gen_ai.token.type": kind})
        if (first := known.get("gen_ai.response.time_to_first_chunk")) is not None:
            self._first.record(float(first), common)
        if (cost := known.get("claude_lsp.cost_usd")) is not None:
            self._cost.add(float(cost), {**common, "claude_lsp.action": known["claude_lsp.action"]})


def connect() -> OpenTelemetry:
    """Load the packages, and export to where the environment says. Takes long: call in a worker.

    Raises:
        UnavailableError: packages are missing, or the environment names no exporter or one that
            is not installed.
    """
    try:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise UnavailableError(MISSING) from error
    spans, metrics = _exporter("traces"), _exporter("metrics")
    if spans is None and metrics is None:
        raise UnavailableError(NO_EXPORTER)
    # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before.
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    own = {"service.version": __version__} | ({} if named else {"service.name": "claude-lsp"})
    resource = Resource.create(own)
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    if spans is not None:
        tracers.add_span_processor(BatchSpanProcessor(spans))
    readers = [] if metrics is None else [PeriodicExportingMetricReader(metrics)]
    return OpenTelemetry(tracers, MeterProvider(readers, resource=resource, shutdown_on_exit=False))


def _exporter(signal: str) -> Any:
    """Return the exporter that the environment names for a signal, None where it names none.

    Raises:
        UnavailableError: it is not installed.
    """
    upper = signal.upper()
    name = os.environ.get(f"OTEL_{upper}_EXPORTER", "")
    if not name:
        endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{upper}_ENDPOINT")
        name = "otlp" if any(os.environ.get(each) for each in endpoints) else "none"
    name = name.split(",")[0].strip()
    if name == "none":
        return None
    if name == "otlp":
        protocol = (
            os.environ.get(f"OTEL_EXPORTER_OTLP_{upper}_PROTOCOL")
            or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
            or "http/protobuf"
        )
        name = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    for entry in entry_points(group=f"opentelemetry_{signal}_exporter", name=name):
        try:
            made = entry.load()
        except ImportError as error:
            raise UnavailableError(f"the OpenTelemetry exporter {name} can't be loaded") from error
        # stdout is for the report or the protocol.
        return made(out=sys.stderr) if name == "console" else made()
    known = sorted(each.name for each in entry_points(group=f"opentelemetry_{signal}_exporter"))
    raise UnavailableError(
        f"the OpenTelemetry exporter {name!r} is not installed; there are: {', '.join(known)}"
    )
