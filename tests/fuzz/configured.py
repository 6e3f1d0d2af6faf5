"""Targets that read settings, and the bytes that a client sends."""

from __future__ import annotations

import json
from typing import Any

from claude_lsp.configuration import Configuration, Layer, Problem, _parse_toml, merge
from claude_lsp.lsp.wire import FrameError, FrameParser, frame
from claude_lsp.settings import options
from tests.fuzz.inputs import texts

LONGEST_MESSAGE = 10 * 500
_DEFAULTS = {option.key: option.default for option in options()}
_USER_ONLY = {option.key for option in options() if option.scope == "user"}


def toml_settings(data: bytes) -> None:
    """A project's file sets what it may and nothing else; what is wrong is told in short."""
    (text,) = texts(data, 1)
    problems: list[Problem] = []
    read = _parse_toml("claude-lsp.toml", text, problems)
    if read is None:
        (problem,) = problems
        assert len(problem.message) <= LONGEST_MESSAGE
        return
    values, _ = read
    configuration = _merged(Layer("claude-lsp.toml", "project", values, text))
    assert not _USER_ONLY & configuration.origins.keys()
    for action in configuration.settings.actions.values():
        assert action.from_project
    table = values.get("tool", {})
    if isinstance(table, dict) and isinstance(table.get("claude-lsp"), dict):
        _merged(Layer("pyproject.toml", "project", table["claude-lsp"], text))


def json_settings(data: bytes) -> None:
    """An editor's settings, of whatever kinds, are taken or told to be wrong, one by one."""
    (text,) = texts(data, 1)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(values, dict):
        _merged(Layer("editor", "user", values))


def _merged(layer: Layer) -> Configuration:
    configuration = merge([layer])
    for problem in configuration.problems:
        assert problem.message.isprintable()
        assert len(problem.message) <= LONGEST_MESSAGE
    for key, origin in configuration.origins.items():
        assert origin == layer.name
        assert key in _DEFAULTS
    for key, default in _DEFAULTS.items():
        if key not in configuration.origins:
            assert _value(configuration.settings, key) == default
    # The same again changes nothing: every value that was taken is one that is taken.
    assert merge([layer]).settings == configuration.settings
    return configuration


def _value(settings: Any, key: str) -> Any:
    for name in key.split("."):
        settings = getattr(settings, name)
    return settings


def frames(data: bytes) -> None:
    """The bytes of a stream are cut alike however they arrive; whole messages come through."""
    whole = _bodies([data])
    assert _bodies([data[at : at + 1] for at in range(len(data))]) == whole
    assert _bodies([data[at : at + 5] for at in range(0, len(data), 5)]) == whole
    assert sum(len(body) for body in whole[0]) <= len(data)
    assert _bodies([frame(data)])[0] == [data]


def _bodies(parts: list[bytes]) -> tuple[list[bytes], bool]:
    parser = FrameParser()
    bodies: list[bytes] = []
    try:
        for part in parts:
            for body in parser.feed(part):
                bodies.append(body)  # noqa: PERF402 - what came before an error counts
    except FrameError as error:
        assert str(error)
        assert len(str(error)) < 200
        return bodies, True
    return bodies, False
