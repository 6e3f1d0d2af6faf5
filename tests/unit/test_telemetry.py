"""Logs, the trace file and OpenTelemetry: right, whole after a crash, and without content."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from claude_lsp.cli import main as command_line
from claude_lsp.cli.process import USAGE
from claude_lsp.settings import Settings, build
from claude_lsp.telemetry import otel, tracing
from claude_lsp.telemetry.log_file import KEPT, LogFile
from claude_lsp.telemetry.logs import JsonLines, TextLines, without_keys
from claude_lsp.telemetry.observation import Observation
from claude_lsp.telemetry.otel import OpenTelemetry, UnavailableError
from claude_lsp.telemetry.trace_file import TraceFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.telemetry.tracing import Span


class Collected:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.begun: list[Span] = []
        self.done: list[Span] = []

    def began(self, span: Span) -> None:
        self.begun.append(span)

    def ended(self, span: Span) -> None:
        self.done.append(span)

    def close(self) -> None:
        pass


@pytest.fixture
def collected() -> Iterator[Collected]:
    sink = Collected()
    tracing.add(sink)
    yield sink
    tracing.remove(sink)
    assert not tracing.on()


def events(path: Path) -> list[dict[str, Any]]:
    """Read a trace as its readers do, which take an array without its end."""
    text = path.read_text("utf-8").rstrip()
    found = json.loads(text if text.endswith("]") else text.rstrip(",") + "]")
    assert all({"name", "ph", "pid"} <= event.keys() for event in found)
    return [event for event in found if event["ph"] != "M"]


# ----- spans


def test_nobody_who_wants_to_know_costs_nothing() -> None:
    one, other = tracing.span("a"), tracing.span("b", kind="client")
    assert one is other
    assert not one
    with one as span:
        span.set({"x": 1})
        span.mark("m")
        span.end({"y": 2})
    assert (one.attributes, one.marks, one.end_ns) == ({}, {}, 0)
    tracing.record("c", 0, {})


async def test_parts_belong_to_what_is_going_on(collected: Collected) -> None:
    @tracing.spanned("inner")
    async def inner() -> None:
        await asyncio.sleep(0)

    async def outer(name: str) -> None:
        with tracing.span(name):
            await inner()

    await asyncio.gather(outer("a"), outer("b"))
    parents = sorted((span.name, span.parent and span.parent.name) for span in collected.done)
    assert parents == [("a", None), ("b", None), ("inner", "a"), ("inner", "b")]
    assert all(span.start_ns <= span.end_ns for span in collected.done)


def test_a_span_ends_once_and_tells_how(collected: Collected) -> None:
    with pytest.raises(KeyError), tracing.span("a") as span:
        raise KeyError("def secret(): ...")
    span.end({"more": 1})
    assert [each.attributes for each in collected.done] == [{"error.type": "KeyError"}]


@given(st.text())
def test_no_attribute_is_a_text(text: str) -> None:
    cleaned = tracing.clean(text)
    assert cleaned in (text, "(a text)")
    assert "\n" not in str(cleaned)
    assert len(str(cleaned)) <= 120


@pytest.mark.parametrize(
    "text", ["def f(x):", "result += value", "a b", "x = 1", "//comment here", "{}", "a\nb"]
)
def test_source_is_no_attribute(text: str) -> None:
    assert tracing.clean(text) == "(a text)"


# ----- the trace file


def test_a_trace_is_json_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    trace = TraceFile(path)
    tracing.add(trace)
    with tracing.span("whole", kind="server") as whole:
        whole.mark("halfway")
        with tracing.span("part") as part:
            part.set({"claude_lsp.tokens": 5, "text": "def f(): ..."})
    unfinished = tracing.span("endless")
    tracing.remove(trace)
    unfinished.end()
    json.loads(path.read_text("utf-8"))
    first, second, moment, last = events(path)
    assert (first["name"], first["ph"], first["cat"]) == ("part", "X", "internal")
    assert first["args"] == {"claude_lsp.tokens": 5, "text": "(a text)", "part of": "whole"}
    assert second["tid"] == first["tid"]
    assert second["ts"] <= first["ts"]
    assert second["ts"] + second["dur"] >= first["ts"] + first["dur"]
    assert (moment["name"], moment["ph"]) == ("halfway", "i")
    assert last["args"] == {"unfinished": True}
    assert path.stat().st_mode & 0o077 == 0


CRASH = """
import os, sys
from pathlib import Path
from claude_lsp.telemetry import tracing
from claude_lsp.telemetry.trace_file import TraceFile
tracing.add(TraceFile(Path(sys.argv[1])))
for number in range(50):
    with tracing.span(f"span {number}"):
        pass
os._exit(9)
"""


def test_a_trace_of_a_process_that_died_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    assert subprocess.run([sys.executable, "-c", CRASH, str(path)], check=False).returncode == 9
    assert not path.read_text("utf-8").rstrip().endswith("]")
    assert len(events(path)) == 50


async def test_what_goes_on_at_once_is_drawn_in_lanes(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    trace = TraceFile(path)
    tracing.add(trace)
    chance = random.Random(1)

    async def work(depth: int) -> None:
        with tracing.span(f"depth {depth}"):
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
            if depth < 4:
                await asyncio.gather(*(work(depth + 1) for _ in range(chance.randrange(3))))

    await asyncio.gather(*(work(0) for _ in range(12)))
    tracing.remove(trace)
    lanes: dict[int, list[tuple[int, int]]] = {}
    for event in events(path):
        lanes.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
    assert len(lanes) >= 12
    for spans in lanes.values():
        for a, b in ((a, b) for a in spans for b in spans if a[0] < b[0]):
            assert b[0] >= a[1] or b[1] <= a[1], "of two spans in a lane one is within the other"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_a_full_disk_disturbs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    trace = TraceFile(Path("/dev/full"))
    tracing.add(trace)
    for _ in range(3):
        with tracing.span("a"):
            pass
    tracing.remove(trace)
    assert len([r for r in caplog.records if "can't be written any more" in r.message]) == 1


# ----- OpenTelemetry


class Exported:
    """An OpenTelemetry sink whose exporters keep everything in memory."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.sink = OpenTelemetry(tracers, MeterProvider([self.reader], shutdown_on_exit=False))

    def metrics(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def test_spans_and_metrics_follow_the_conventions() -> None:
    exported = Exported()
    tracing.add(exported.sink)
    with tracing.span("context", kind="server"):
        chat = tracing.span("chat claude-haiku-5-5", kind="client")
        chat.mark("headers")
        chat.end(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "anthropic",
                "gen_ai.request.model": "claude-haiku-5-5",
                "gen_ai.response.finish_reasons": "end_turn",
                "gen_ai.response.time_to_first_chunk": 0.25,
                "gen_ai.usage.input_tokens": 1200,
                "gen_ai.usage.output_tokens": 30,
                "claude_lsp.action": "complete",
                "claude_lsp.cost_usd": 0.0002,
                "error.type": "overloaded",
                "claude_lsp.cache_miss": None,
            }
        )
    metrics = exported.metrics()
    tracing.remove(exported.sink)
    inner, outer = exported.spans.get_finished_spans()
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert outer.parent is None
    assert (inner.kind.name, outer.kind.name) == ("CLIENT", "SERVER")
    assert inner.attributes is not None
    assert inner.attributes["gen_ai.response.finish_reasons"] == ("end_turn",)
    assert "claude_lsp.cache_miss" not in inner.attributes
    assert (inner.status.status_code.name, [e.name for e in inner.events]) == ("ERROR", ["headers"])
    tokens = {
        point.attributes["gen_ai.token.type"]: point.sum
        for point in metrics["gen_ai.client.token.usage"]
    }
    assert tokens == {"input": 1200, "output": 30}
    (first,) = metrics["gen_ai.client.operation.time_to_first_chunk"]
    assert first.sum == 0.25
    assert first.attributes["error.type"] == "overloaded"
    (cost,) = metrics["claude_lsp.cost"]
    assert (cost.value, cost.attributes["claude_lsp.action"]) == (0.0002, "complete")
    (part,) = metrics["claude_lsp.part.duration"]
    assert part.attributes == {"part": "context"}


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "set OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_TRACES_EXPORTER": "none"}, "set OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_TRACES_EXPORTER": "telegraph"}, "'telegraph' is not installed; there are: console"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "'otlp_proto_grpc' is not installed",
        ),
    ],
)
def test_nothing_is_exported_that_nobody_configured(
    own_environment: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        own_environment.setenv(name, value)
    with pytest.raises(UnavailableError, match=said.replace("(", r"\(")):
        otel.connect()


def test_the_console_is_stderr(
    own_environment: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    own_environment.setenv("OTEL_TRACES_EXPORTER", "console")
    own_environment.setenv("OTEL_METRICS_EXPORTER", "console")
    observation = Observation()
    assert observation.follow(build({"telemetry.otel": True})) == []
    with tracing.span("seen"):
        pass
    observation.close()
    out, err = capfd.readouterr()
    assert out == ""
    assert '"name": "seen"' in err
    assert '"service.name": "claude-lsp"' in err
    assert not tracing.on()


def test_missing_packages_are_named(own_environment: pytest.MonkeyPatch) -> None:
    own_environment.setitem(sys.modules, "opentelemetry.sdk.metrics", None)
    observation = Observation()
    (said,) = observation.follow(build({"telemetry.otel": True}))
    assert "pip install 'claude-lsp[otel]'" in said
    observation.close()


def test_a_collector_that_hangs_does_not_hold_the_end_up(
    own_environment: pytest.MonkeyPatch,
) -> None:
    hangs, ended = threading.Event(), threading.Event()
    exported = Exported()

    def hang(*_: object, **__: object) -> None:
        hangs.wait(30)
        ended.set()

    own_environment.setattr(otel, "_CLOSING_S", 0.02)
    own_environment.setattr(exported.tracers, "shutdown", hang)
    exported.sink.close()
    assert not ended.is_set()
    hangs.set()
    assert ended.wait(10)


# ----- the log


@pytest.fixture
def log_level() -> Iterator[logging.Logger]:
    log = logging.getLogger("claude_lsp")
    before = log.level
    yield log
    log.setLevel(before)


def record(message: str, *values: object, failure: BaseException | None = None) -> Any:
    info = None if failure is None else (type(failure), failure, failure.__traceback__)
    return logging.LogRecord("claude_lsp.x", logging.INFO, "x.py", 1, message, values, info)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


SOURCE = "def planted_source(): return 42"


@pytest.mark.parametrize("lines", [JsonLines(), TextLines()], ids=["json", "text"])
def test_a_failure_is_logged_without_what_it_says(
    log_level: logging.Logger, lines: logging.Formatter
) -> None:
    log_level.setLevel(logging.INFO)
    failed = record("it failed", failure=raised(ValueError(SOURCE)))
    text = lines.format(failed)
    assert "builtins.ValueError" in text
    assert "test_telemetry.py" in text
    assert "planted_source" not in text
    log_level.setLevel(logging.DEBUG)
    assert "planted_source" in lines.format(failed)


def test_json_lines_are_one_line_each() -> None:
    members = json.loads(JsonLines().format(record("two\nlines of %s", "wörds")))
    assert members["message"] == "two\nlines of wörds"
    assert (members["level"], members["logger"]) == ("info", "claude_lsp.x")
    assert members["time"].endswith("Z")


@pytest.mark.parametrize(
    "text",
    ["sk-" + "ant-api03-abc_DEF-123", "Authorization: Bearer abc.def", "my-own-key-of-a-gateway!"],
)
def test_keys_are_replaced_at_every_level(
    monkeypatch: pytest.MonkeyPatch, log_level: logging.Logger, text: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "my-own-key-of-a-gateway!")
    log_level.setLevel(logging.DEBUG)
    key = text.rsplit(maxsplit=1)[-1]
    assert key not in without_keys(text)
    written = JsonLines().format(record("refused: %s", text, failure=raised(ValueError(text))))
    assert key not in written
    assert written.count("(a key)") >= 2


def test_a_log_begins_anew_at_its_size(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    log = LogFile(path, 2_000)
    for number in range(100):
        log.emit(record("number %d %s", number, "x" * 40))
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [
        "server.log", *(f"server.log.{number}" for number in range(1, KEPT + 1))
    ]  # fmt: skip
    assert all(file.stat().st_size <= 2_000 for file in files)
    read = [json.loads(line)["message"] for file in files for line in file.open(encoding="utf-8")]
    numbers = sorted(int(message.split()[1]) for message in read)
    assert numbers == list(range(100 - len(numbers), 100))


def test_two_that_write_to_one_log_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    logs = [LogFile(path, 6_000), LogFile(path, 6_000)]
    for number in range(100):
        logs[number % 2].emit(record("number %d", number))
    for log in logs:
        log.close()
    read = [
        json.loads(line)["message"]
        for file in tmp_path.iterdir()
        for line in file.open(encoding="utf-8")
    ]
    assert len(read) == 100


def test_a_log_that_can_not_begin_anew_grows_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogFile(tmp_path / "server.log", 500)

    def refuse(*_: object) -> None:
        raise PermissionError("in use")

    monkeypatch.setattr(log, "rotate", refuse)
    for number in range(20):
        log.emit(record("number %d", number))
    log.close()
    assert len((tmp_path / "server.log").read_text("utf-8").splitlines()) == 20


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_a_log_on_a_full_disk_says_so_once(capfd: pytest.CaptureFixture[str]) -> None:
    log = LogFile(Path("/dev/full"), 10_000)
    for _ in range(3):
        log.handle(record("failed: %s", SOURCE))
    with contextlib.suppress(OSError):
        log.close()
    assert capfd.readouterr().err.splitlines() == [
        "claude-lsp: /dev/full can't be written: [Errno 28] No space left on device"
    ]


# ----- following the settings


def test_settings_are_followed(tmp_path: Path, log_level: logging.Logger) -> None:
    observation = Observation()
    assert observation.follow(Settings()) == []
    assert not tracing.on()
    wanted = {"log.file": str(tmp_path / "a.log"), "log.trace": str(tmp_path / "{pid}.json")}
    assert observation.follow(build(wanted)) == []
    assert tracing.on()
    with tracing.span("a"):
        log_level.info("hello")
    assert observation.follow(build(wanted)) == []
    assert "hello" in (tmp_path / "a.log").read_text("utf-8")
    assert observation.follow(build({"log.trace": str(tmp_path)})) != []
    assert not tracing.on()
    observation.close()
    (trace,) = tmp_path.glob("*.json")
    assert trace.stem == str(multiprocessing.current_process().pid)
    assert [event["name"] for event in events(trace)] == ["a"]
    assert not [each for each in log_level.handlers if isinstance(each, LogFile)]


def review(*arguments: str) -> int:
    """Review nothing, which asks no model; return the exit code."""
    try:
        return command_line.run(["review", "--offline", *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


def test_a_run_that_can_not_be_traced_as_asked_does_not_begin(
    tmp_path: Path,
    log_level: logging.Logger,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.py").write_text("x = 1\n", "utf-8")
    assert review("code.py", "--trace", str(tmp_path)) == USAGE
    assert "log.trace can't be written" in capsys.readouterr().err
    # A setting of all runs stops none of them.
    monkeypatch.setenv("CLAUDE_LSP_LOG_TRACE", str(tmp_path))
    assert review("code.py") != USAGE
    assert "log.trace can't be written" in capsys.readouterr().err
    monkeypatch.delenv("CLAUDE_LSP_LOG_TRACE")
    assert review("code.py", "--trace", "t.json", "--log-file", "l.jsonl") != USAGE
    assert [event["name"] for event in events(tmp_path / "t.json")] == ["claude-lsp review"]
    assert not tracing.on()
