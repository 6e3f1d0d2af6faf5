"""The page of the module graph, and its drawings, whatever names are in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from claude_lsp.cli.arch_page import render
from claude_lsp.findings.report import Coverage, Report
from claude_lsp.review.project import Project
from claude_lsp.structure.diagrams import MOST_NODES, dot, mermaid
from claude_lsp.structure.summary import summarise
from tests.unit.graphs import facts_of_texts, graph_of_texts, links_of_texts

if TYPE_CHECKING:
    from pathlib import Path

NASTY = "</script><script>alert(1)//\u2028&{{DATA}}"
TEXTS = {"a.py": "import b\n", "b.py": "import a\n", "c.py": "def f():\n    import a\n"}


def page_of(root: Path, overview: str = "") -> str:
    graph, findings = graph_of_texts(TEXTS), facts_of_texts(TEXTS)
    found = tuple(replace(one, title=NASTY) for one in findings)
    summary = summarise(graph, found)
    project = Project(root, lambda: links_of_texts(TEXTS), graph, found, summary, TEXTS.get)
    report = Report(
        found,
        Coverage(tuple(TEXTS)),
        "complete",
        notices=("A note.",),
        models=("a-model",) if overview else (),
        dropped={"below review.min_severity": 2},
        overview=overview,
    )
    return render(project, report)


def data_of(page: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match is not None
    data: dict[str, Any] = json.loads(match[1])
    return data


def test_whatever_is_named_stays_data(tmp_path: Path) -> None:
    page = page_of(tmp_path / NASTY.replace("/", ""))
    assert "alert(1)//" in page
    assert page.count("</script>") == 2
    assert page.count("<script") == 2
    data = data_of(page)
    assert data["findings"][0]["title"] == NASTY
    assert [module[0] for module in data["modules"]] == ["a", "b", "c"]
    assert data["edges"] == [[0, 1, 1, 0], [1, 0, 1, 0], [2, 0, 2, 1]]


def test_what_a_model_says_of_the_whole_is_there_and_whether_one_was_asked(tmp_path: Path) -> None:
    overview = f"## Strengths\n\n- Small. {NASTY}\n\n## To do first\n\n1. Cut it.\n"
    page = page_of(tmp_path, overview)
    assert page.count("<script") == 2
    data = data_of(page)
    assert (data["overview"], data["models"]) == (overview, ["a-model"])
    assert data["notes"] == ["A note.", "Dropped 2 claims (below review.min_severity: 2)."]
    assert data_of(page_of(tmp_path))["models"] == []


def test_the_policy_lets_only_the_page_s_own_script_and_style_run(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    for kind, tag in (("script", r"<script>"), ("style", r"<style>")):
        block = re.search(f"{tag}(.*?)</{kind}>", page, re.DOTALL)
        assert block is not None
        digest = base64.b64encode(hashlib.sha256(block[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert "style=" not in page


def test_drawings_mark_cycles_and_findings() -> None:
    graph, findings = graph_of_texts(TEXTS), facts_of_texts(TEXTS)
    assert mermaid(graph, findings).split("\n")[:6] == [
        "flowchart TD",
        '    n0["a"]',
        '    n1["b"]',
        '    n2["c"]',
        "    n0 --> n1",
        "    linkStyle 0 stroke:#c62828,stroke-width:2px",
    ]
    assert '    "a" -> "b" [color=red];' in dot(graph, findings)
    assert '    "c" -> "a"' in dot(graph, findings)


def test_a_large_project_is_drawn_by_its_folders() -> None:
    texts = {
        f"p{number // 10}/m{number}.py": f"import p{(number // 10 + 1) % 9}.m0\n"
        for number in range(2 * MOST_NODES)
    }
    graph = graph_of_texts(texts)
    assert mermaid(graph, []).count('["') <= MOST_NODES
    assert '["p1 (10)"]' in mermaid(graph, [])
