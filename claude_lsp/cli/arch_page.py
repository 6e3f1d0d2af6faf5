"""The module graph as one page: no network, no external script, nothing but itself."""

from __future__ import annotations

import html
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from claude_lsp import __version__
from claude_lsp.findings.report import dropped_sentence
from claude_lsp.pages import fill
from claude_lsp.structure.edges import degrees, edges

if TYPE_CHECKING:
    from claude_lsp.findings.report import Report
    from claude_lsp.review.project import Project

_TEMPLATE = "arch_page.html"


def render(project: Project, report: Report) -> str:
    """Return a page that shows a project's modules by layers, with what is reported of it."""
    template = resources.files("claude_lsp.cli").joinpath(_TEMPLATE).read_text("utf-8")
    values = {
        "TITLE": html.escape(project.root.name),
        "DATA": _safe_json(_data(project, report)),
    }
    return fill(template, values)


def _safe_json(value: Any) -> str:
    """Return JSON that ends no script, whatever names and texts are in it."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(project: Project, report: Report) -> dict[str, Any]:
    graph = project.graph
    numbers = {name: place for place, name in enumerate(graph.modules)}
    by_path = {one.path: numbers[name] for name, one in graph.modules.items()}
    run_time = edges(graph, lambda one: not one.type_only)
    fan_in, fan_out = degrees(run_time)
    return {
        "name": project.root.name,
        "version": __version__,
        "imports": project.summary.imports,
        "overview": report.overview,
        "models": list(report.models),
        "notes": [*report.notices, *filter(None, [dropped_sentence(report)])],
        "modules": [
            [
                name,
                one.path,
                one.lines,
                fan_in.get(name, 0),
                fan_out.get(name, 0),
                int(one.is_test),
            ]
            for name, one in graph.modules.items()
        ],
        # An import that runs later closes no cycle.
        "edges": [
            [
                numbers[source],
                numbers[target],
                imports[0].line + 1,
                int(all(one.deferred for one in imports)),
            ]
            for (source, target), imports in run_time.items()
        ],
        "findings": [
            {
                "rule": one.rule,
                "severity": one.severity.value,
                "title": one.title,
                "text": one.explanation,
                "path": one.path,
                "line": one.range.start.line + 1,
                "modules": sorted(
                    {
                        by_path[path]
                        for path in (one.path, *(place.path for place in one.related))
                        if path in by_path
                    }
                ),
                "places": [
                    f"{place.path}:{place.range.start.line + 1} {place.message}"
                    for place in one.related
                ],
            }
            for one in report.findings
        ],
    }
