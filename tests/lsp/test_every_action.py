"""Every action of the table, from its command to what comes of it; real editors run the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claude_lsp.actions import ACTIONS
from claude_lsp.text.snapshots import path_from_uri
from tests.editors.actions import TRIALS

if TYPE_CHECKING:
    from tests.editors.actions import Trial
    from tests.lsp.editor import Editor


def test_every_action_is_tried() -> None:
    # A conversation goes on in a document of its own, and has tests of its own.
    once = {name: action.command for name, action in ACTIONS.items() if name != "ask"}
    assert {each.action: each.command for each in TRIALS} == {**once, "run": "claude.run"}


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.action)
async def test_it_does_what_it_says(unstarted: Editor, trial: Trial) -> None:
    await unstarted.start(options=trial.settings)
    trial.prepare(unstarted.root, unstarted.api)
    uri = unstarted.open(trial.text, trial.file, trial.language)
    await unstarted.run(trial.command, trial.argument(uri))
    assert trial.when in unstarted.api.messages[0].text
    if trial.buffer:
        assert unstarted.text(uri) == trial.buffer
    if trial.document:
        opened = [path for each in unstarted.client.shown if (path := path_from_uri(each.uri))]
        texts = [path.read_text("utf-8") for path in opened if path.exists()]
        texts += unstarted.client.texts.values()
        assert any(trial.document in text for text in texts)
    if trial.finding:
        assert unstarted.shown(uri) == [(0, trial.finding)]
