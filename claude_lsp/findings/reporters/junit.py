"""JUnit's XML, which most CI systems show: a test case per file, which its findings fail."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from claude_lsp.findings.report import coverage_sentence, result_sentence, sorted_findings
from claude_lsp.findings.reporters.concise import heading
from claude_lsp.findings.reporters.style import Style, closing_lines
from claude_lsp.text.unseen import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Report


def render(report: Report, style: Style) -> str:
    """Return the suites; an incomplete run has an error even where no file has one."""
    findings: dict[str, list[Finding]] = defaultdict(list)
    for finding in sorted_findings(report):
        findings[finding.path].append(finding)
    failed, skipped = dict(report.coverage.failed), dict(report.coverage.skipped)
    files = sorted({*report.coverage.reviewed, *findings, *failed, *skipped})
    cases = [
        "".join(_case(path, findings[path], failed.get(path), skipped.get(path))) for path in files
    ]
    errors = len(failed)
    if report.status != "complete" and not failed:
        reason = f"{result_sentence(report)} {coverage_sentence(report)}"
        cases.append("".join(_case("the review", [], reason, None)))
        errors += 1
    counts = (
        f'tests="{len(cases)}" failures="{len(report.findings)}" errors="{errors}" '
        f'skipped="{sum(path not in failed and not findings[path] for path in skipped)}"'
    )
    summary = "\n".join(closing_lines(report, Style(show_suppressed=style.show_suppressed)))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name="claude-lsp" {counts}>\n'
        f"  <testsuite name={_attribute(report.scope or 'review')} {counts}>\n"
        f'    <properties>\n      <property name="status" value="{report.status}"/>\n'
        "    </properties>\n"
        f"{''.join(cases)}"
        f"    <system-out>{_text(summary)}</system-out>\n"
        "  </testsuite>\n</testsuites>\n"
    )


def _case(
    path: str, findings: list[Finding], failed: str | None, skipped: str | None
) -> Iterator[str]:
    yield f'    <testcase classname="claude-lsp" name={_attribute(path)} file={_attribute(path)}>\n'
    for finding in findings:
        text = "\n".join(filter(None, (heading(finding, Style()), finding.explanation)))
        yield (
            f"      <failure type={_attribute(finding.rule)} message={_attribute(finding.title)}>"
            f"{_text(text)}</failure>\n"
        )
    if failed is not None:
        yield f'      <error type="not reviewed" message={_attribute(failed)}/>\n'
    elif skipped is not None and not findings:
        yield f"      <skipped message={_attribute(skipped)}/>\n"
    yield "    </testcase>\n"


def _attribute(text: str) -> str:
    # With it comes an HTTP client: it would double the start of every other report.
    from xml.sax.saxutils import quoteattr

    return quoteattr(visible(text))


def _text(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape("\n".join(visible(line.expandtabs(4)) for line in text.split("\n")))
