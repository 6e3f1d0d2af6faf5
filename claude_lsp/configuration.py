"""Reads the layers of settings and merges them.

The layers, later wins: defaults, the editor, the project's file, the user's file, the
environment, the command line. A layer that is the project's own may set only options of scope
"project".
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_lsp.reading import read_regular
from claude_lsp.settings import Invalid, Scope, Settings, build, check, flatten, options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from claude_lsp.user_actions import UserAction

PROJECT_FILE = "claude-lsp.toml"
USER_FILE = "config.toml"
ENVIRONMENT_PREFIX = "CLAUDE_LSP_"
_MAXIMUM_BYTES = 1_000_000
_LONGEST_MESSAGE = 500
"""Characters of what is said about one setting, before those are escaped that can't be seen."""


@dataclass(frozen=True)
class Layer:
    """One source of settings.

    Attributes:
        name: how `config show` names it.
        scope: "project" for a file that belongs to the code that is worked on.
        values: dotted key to raw value.
        text: the file's text, to find the line of a key in it.
    """

    name: str
    scope: Scope = "user"
    values: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Problem:
    """A setting that was not taken: where it stands and what to do."""

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        """Return the sentence that the user sees."""
        return f"{self.where}: {self.message}"


@dataclass(frozen=True)
class Configuration:
    """The merged settings, which layer set each option, and what could not be taken."""

    settings: Settings = field(default_factory=Settings)
    origins: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def merge(layers: Iterable[Layer], problems: Iterable[Problem] = ()) -> Configuration:
    """Merge layers, the later over the earlier; what is invalid is left out and reported."""
    scopes = {item.key: item.scope for item in options()}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    found = list(problems)
    for layer in layers:
        for key, raw in _by_action(flatten(layer.values)):
            where = _place(layer, key)
            value = check(key, raw)
            if isinstance(value, Invalid):
                found.append(Problem(where, key, value.message))
            elif layer.scope == "project" and scopes[key] == "user":
                message = f"{key} can't be set by a project's own file; set it in your user file"
                found.append(Problem(where, key, message))
            elif key == "actions":
                before = values.get(key, {})
                values[key], faults = _with_actions(before, value, layer)
                found += [Problem(where, key, fault) for fault in faults]
                origins[key] = layer.name
            else:
                # Lists add up: no layer can take back what another one keeps from being sent.
                before = values.get(key, ()) if isinstance(value, tuple) else None
                values[key] = value if before is None else (*before, *value)
                origins[key] = layer.name
    return Configuration(build(values), origins, tuple(map(_presentable, found)))


def _presentable(problem: Problem) -> Problem:
    """Return a problem that can be shown: what it quotes may be long, or steer a terminal."""
    message = problem.message
    if len(message) > _LONGEST_MESSAGE:
        # What it is about stands at the beginning, what is wrong or was meant often at the end.
        message = f"{message[: _LONGEST_MESSAGE * 2 // 3]} … {message[-_LONGEST_MESSAGE // 4 :]}"
    shown = (each if each.isprintable() else ascii(each)[1:-1] for each in message)
    return replace(problem, message="".join(shown))


def _by_action(entries: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield each of the user's own actions by itself, so that a faulty one takes none with it."""
    for key, raw in entries:
        if key == "actions" and isinstance(raw, dict):
            for name, table in raw.items():
                yield key, {name: table}
        else:
            yield key, raw


def _with_actions(
    before: Mapping[str, UserAction], added: Mapping[str, UserAction], layer: Layer
) -> tuple[Mapping[str, UserAction], list[str]]:
    """Add actions to those of earlier layers.

    A project's file may offer some, which ask before each request; it may not take the place of the
    user's own, nor choose the dearest tier.

    Returns:
        all of them, and what could not be taken, in sentences for the user.
    """
    merged, faults = dict(before), []
    for name, action in added.items():
        if layer.scope != "project":
            merged[name] = action
            continue
        mine = merged.get(name)
        if mine is not None and not mine.from_project:
            faults.append(f"actions.{name} is yours already, so the project's is not used")
            continue
        if action.tier == "opus":
            faults.append(
                f"actions.{name}: a project's own file can't choose opus; it goes to sonnet, or "
                f"set routes.{name} in your user file"
            )
        tier = "sonnet" if action.tier == "opus" else action.tier
        merged[name] = replace(action, tier=tier, from_project=True)
    return merged, faults


def load(
    root: Path | None,
    *,
    editor: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    command_line: Mapping[str, Any] | None = None,
    file: Path | None = None,
    project: Callable[[str], str | None] | None = None,
) -> Configuration:
    """Read every layer and merge them.

    Args:
        root: the workspace's folder, None without one.
        editor: what the client sent as initialization options or configuration.
        environment: defaults to the process's own.
        command_line: options by dotted key.
        file: a file named on the command line; the user chose it, so it may set everything.
        project: returns a file of the project's as some revision has it; None to read them from
            the disk.
    """
    environment = os.environ if environment is None else environment
    problems: list[Problem] = []
    layers = [Layer("editor", values=editor or {})]
    if root is not None:
        layers += _project_layers(root, problems, project)
    layers.append(_file_layer(user_file(), "user", problems))
    if file is not None:
        layers.append(_file_layer(file, "user", problems, required=True))
    layers.append(Layer("environment", values=dict(_from_environment(environment))))
    layers.append(Layer("command line", values=command_line or {}))
    return merge(layers, problems)


def user_file() -> Path:
    """Return where the user's own settings file stands on this platform."""
    import platformdirs

    return Path(platformdirs.user_config_dir("claude-lsp", appauthor=False)) / USER_FILE


def _project_layers(
    root: Path, problems: list[Problem], project: Callable[[str], str | None] | None
) -> list[Layer]:
    def table_of(name: str) -> tuple[dict[str, Any], str] | None:
        if project is None:
            return _read_toml(root / name, problems)
        text = project(name)
        return None if text is None else _parse_toml(name, text, problems)

    layers = []
    if (table := table_of("pyproject.toml")) is not None:
        values, text = table
        tool = values.get("tool")
        ours = tool.get("claude-lsp") if isinstance(tool, dict) else None
        if isinstance(ours, dict):
            layers.append(Layer("pyproject.toml", "project", ours, text))
    if (table := table_of(PROJECT_FILE)) is not None:
        layers.append(Layer(PROJECT_FILE, "project", *table))
    return layers


def _file_layer(
    path: Path, scope: Scope, problems: list[Problem], *, required: bool = False
) -> Layer:
    if required and not path.is_file():
        problems.append(Problem(str(path), "", "no such settings file"))
    table = _read_toml(path, problems)
    values, text = table if table is not None else ({}, "")
    return Layer(path.name if scope == "project" else str(path), scope, values, text)


def _read_toml(path: Path, problems: list[Problem]) -> tuple[dict[str, Any], str] | None:
    try:
        text = read_regular(path, _MAXIMUM_BYTES).data.decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        problems.append(Problem(str(path), "", f"not UTF-8 at byte {error.start}: not read"))
    except OSError as error:
        why = f"can't be read: {error.strerror}"
        if error.errno == errno.EFBIG:
            why = "larger than 1 MB: not read as settings"
        problems.append(Problem(str(path), "", why))
    else:
        return _parse_toml(str(path), text, problems)
    return None


def _parse_toml(name: str, text: str, problems: list[Problem]) -> tuple[dict[str, Any], str] | None:
    import tomllib

    try:
        return tomllib.loads(text), text
    except ValueError as error:  # also numbers of thousands of digits, which are no decode error
        # The message ends with "(at line L, column C)".
        problems.append(Problem(name, "", f"not valid TOML, so defaults are used: {error}"))
    except RecursionError:
        problems.append(Problem(name, "", "nested too deeply, so defaults are used"))
    return None


def _from_environment(environment: Mapping[str, str]) -> Iterable[tuple[str, Any]]:
    for item in options():
        name = ENVIRONMENT_PREFIX + item.key.replace(".", "_").upper()
        value = environment.get(name)
        if value is not None and not isinstance(item.default, dict):
            yield item.key, value


def _place(layer: Layer, key: str) -> str:
    """Name a key's place: `claude-lsp.toml:7` where the text shows it, else the layer."""
    last = re.escape(key.rpartition(".")[2])
    table = key.rpartition(".")[0]
    in_table = not table
    for number, line in enumerate(layer.text.split("\n"), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        if header:
            name = header.group(1).replace('"', "").removeprefix("tool.claude-lsp").lstrip(".")
            if name == key:
                return f"{layer.name}:{number}"
            in_table = name == table
        elif (in_table and re.match(rf"\s*[\"']?{last}[\"']?\s*=", line)) or re.match(
            rf"\s*{re.escape(key)}\s*=", line
        ):
            return f"{layer.name}:{number}"
    return layer.name
