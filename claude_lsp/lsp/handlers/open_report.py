"""The findings of a report, such as a CI job's, as diagnostics in the editor."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.findings.again import found_again
from claude_lsp.findings.reporters.json_format import read_report
from claude_lsp.findings.sarif_reader import read_sarif
from claude_lsp.lsp.handlers.target import arguments_of
from claude_lsp.review.fixes import checked
from claude_lsp.text.snapshots import Snapshot, path_from_uri, uri_from_path
from claude_lsp.workspace.files import TextFile, read_text
from claude_lsp.workspace.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsprotocol import types

    from claude_lsp.findings.finding import Finding
    from claude_lsp.lsp.server import ClaudeServer

_LARGEST_REPORT = 50_000_000
_LARGEST_BYTES = 2_000_000


def open_report(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Show the findings of a JSON or SARIF report, where they stand now.

    Takes `{"uri"}` or `{"path"}`; a relative path is one of the first folder.
    """
    table = arguments_of(params)
    uri, name = table.get("uri"), table.get("path")
    path = path_from_uri(uri) if isinstance(uri, str) and ":" in uri else None
    if path is None:
        given = name if isinstance(name, str) else uri
        if not isinstance(given, str) or not given:
            raise JsonRpcInvalidParams(f'{params.command} needs a report: {{"path": "..."}}.')
        path = Path(given)
        if not path.is_absolute() and server.session.roots:
            path = server.session.roots[0] / path
    server.work(f"report {path}", "opening a report", lambda: _open(server, path))


async def _open(server: ClaudeServer, path: Path) -> None:
    try:
        findings = await asyncio.to_thread(_read, path)
    except OSError as error:
        server.warn(f"{path} can't be read: {error.strerror or error}")
        return
    except ValueError as error:
        server.warn(f"{path.name} is no report that can be shown: {error}")
        return
    await server.verdicts.refresh()
    by_file: dict[Path, list[Finding]] = defaultdict(list)
    outside = 0
    for finding in findings:
        file = _file_of(finding.path, server.session.roots)
        if file is None:
            outside += 1
        else:
            by_file[file].append(finding)
    run = server.published.begin("report")
    shown: set[str] = set()
    gone = 0
    for file, mine in by_file.items():
        document = server.workspace.get(uri_from_path(file))
        opened = document.snapshot() if document is not None else None
        anchored, snapshot = await asyncio.to_thread(_anchored, file, mine, opened)
        gone += len(mine) - len(anchored)
        for finding in anchored:
            shown.add(finding.fingerprint)
            server.published.add(snapshot.uri, finding, run, snapshot.index)
    server.published.complete(run)
    hidden = len(server.published.hidden(shown))
    counts = {
        "shown": len(shown) - hidden,
        "dismissed or suppressed": hidden,
        "no longer found": gone,
        "outside of this workspace": outside,
    }
    parts = [f"{number} {what}" for what, number in counts.items() if number or what == "shown"]
    server.notice(f"{path.name}: {len(findings)} findings, {', '.join(parts)}")


def _read(path: Path) -> Sequence[Finding]:
    if path.stat().st_size > _LARGEST_REPORT:
        raise ValueError("it is larger than 50 MB")
    text = path.read_bytes().decode("utf-8-sig")
    if '"runs"' in text and '"findings"' not in text[:2000]:
        return read_sarif(text)
    return read_report(text).findings


def _file_of(path: str, roots: Sequence[Path]) -> Path | None:
    """Return the file of a workspace that a report speaks of; none may lie outside."""
    named = path_from_uri(path) if path.startswith("file:") else Path(path)
    for root in roots:
        file = root / named if named is not None else root
        inside = "\0" not in path and ".." not in file.parts and file.is_relative_to(root)
        if inside and (len(roots) == 1 or file.is_file()):
            return file
    return None


def _anchored(
    file: Path, findings: Sequence[Finding], opened: Snapshot | None
) -> tuple[list[Finding], Snapshot]:
    """Return the findings that are still there, and the text that they stand in."""
    snapshot = opened
    if snapshot is None:
        content = read_text(file, _LARGEST_BYTES)
        text = content.text if isinstance(content, TextFile) else ""
        snapshot = Snapshot(uri_from_path(file), None, text, language_of(file))
        if not isinstance(content, TextFile):
            return [], snapshot
    again = (found_again(finding, snapshot.index) for finding in findings)
    return [checked(finding, snapshot) for finding in again if finding is not None], snapshot
