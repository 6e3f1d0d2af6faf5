"""How the weights of the ranking are fitted, on candidates few enough to know the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.context import folds, train
from benchmarks.context.candidates import Exported, export_folds
from benchmarks.context.cases import Case, Gold, write_fold
from benchmarks.context.serve import Product
from claude_lsp.context import features, weights
from claude_lsp.context.features import FEATURES

if TYPE_CHECKING:
    from pathlib import Path


def exported(columns: list[list[float]], needed: list[int], golds: int = 1) -> Exported:
    """Return a case of some candidates, each a list of features, 10 tokens each."""
    features = np.array(columns, np.float32).T
    return Exported("mail", golds, features, np.array(needed), np.full(len(needed), 10))


@pytest.fixture
def no_scipy_no_test() -> None:
    pytest.importorskip("scipy")


# What is imported is needed, except behind a dot, where only what is not imported is.
EITHER = [
    exported([[1, 0, dot], [1, 1, dot], [1, 0, dot]], [0 if dot else -1, -1 if dot else 0, -1])
    for dot in (0.0, 1.0)
    for _ in range(20)
]


@pytest.mark.usefixtures("no_scipy_no_test")
def test_a_rule_that_one_feature_tells_is_found_by_its_direct_weight() -> None:
    cases = [exported([[1, 1], [1, 0], [1, 0]], [0, -1, -1]) for _ in range(20)]
    fitted = train.fit(train.sample(cases), units=2, decay=0.01)
    first, second, third = fitted.sums(cases[0].features)
    assert first > 3 > -3 > second == third
    assert train.recall(cases, fitted, room=10) == 1.0


@pytest.mark.usefixtures("no_scipy_no_test")
def test_a_rule_that_two_features_tell_only_together_is_found_by_hidden_units() -> None:
    drawn = train.sample(EITHER)
    fitted = train.fit(drawn, units=4, decay=0.01)
    by_place = fitted.sums(np.array([[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1]]))
    assert by_place[1] > 0 > by_place[0]
    assert by_place[3] < by_place[2]


@pytest.mark.usefixtures("no_scipy_no_test")
def test_the_same_candidates_and_seed_give_the_same_weights() -> None:
    first, second = (train.fit(train.sample(EITHER), units=3) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.tolist() == other.tolist()


def test_candidates_that_were_not_drawn_are_counted_by_those_that_were() -> None:
    many = exported([[1, place % 2] for place in range(1001)], [0, *[-1] * 1000])
    features, labels, counts = train.sample([many])
    assert features.shape == (2, len(labels))
    assert len(labels) < 1001
    assert labels.sum() == 1
    assert counts.sum() == pytest.approx(1001)


def test_a_definition_with_several_candidates_is_found_once() -> None:
    """Overloads are candidates each; one line of them is enough, and counts as one."""
    model = train.Weights(np.array([0.0, 1.0]), np.zeros((1, 2)), np.zeros(1))
    case = exported([[1, 3], [1, 2], [1, 1]], [0, 0, 1], golds=2)
    assert train.recall([case], model, room=20) == 0.5
    assert train.recall([case], model, room=30) == 1.0


def test_written_weights_are_what_the_ranking_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(5)
    rows, units = len(FEATURES), 3
    model = train.Weights(
        *(np.round(chance.normal(size=shape), 3) for shape in (rows, (units, rows), units))
    )
    text = train.written(model)
    read: dict[str, Any] = {}
    exec(text, read)
    monkeypatch.setattr(features, "WEIGHTS", read["WEIGHTS"])
    monkeypatch.setattr(features, "OUTPUT", read["OUTPUT"])
    features._weights.cache_clear()
    table = chance.normal(size=(rows, 50))
    try:
        chances = features.probabilities(table)
    finally:
        features._weights.cache_clear()
    assert chances == pytest.approx(1 / (1 + np.exp(-model.sums(table))))


def test_the_weights_in_use_are_as_they_would_be_written() -> None:
    """The file is written, never edited."""
    source = weights.__loader__.get_source(weights.__name__)  # type: ignore[union-attr]
    assert source == train.written(train.weights_in_use())


def test_no_project_is_both_fitted_to_and_judged() -> None:
    fitted = {fold.corpus for fold in folds.TRAINING}
    assert fitted.isdisjoint(fold.corpus for fold in folds.FULL)


OUTBOX = """\
@overload
def send(message: bytes) -> None: ...
@overload
def send(message: str) -> None: ...


class Outbox:
    def close(self) -> None: ...


class Inbox:
    def close(self) -> None: ...
"""
SEND = Gold(
    name="send",
    file="outbox.py",
    line=4,
    end=4,
    header="def send(message: str) -> None: ...",
    header_count=1,
    parent=None,
    params=("message",),
    kind="function",
    use="name",
    visible=False,
)
CLOSE = replace(SEND, name="close", line=8, header_count=2, parent="Outbox", kind="method")
CASE = Case(
    id="mail-1-0",
    project="mail",
    language="python",
    file="main.py",
    mode="line",
    prefix="from outbox import Outbox, send\n\n\ndef main(box: Outbox) -> None:\n    ",
    suffix="\n    print(box)\n",
    held="send(str(box.close()))",
    golds=(SEND, CLOSE),
    unseen=("close",),
)


def test_the_candidates_of_a_case_tell_which_of_them_it_needs(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.py").write_text(CASE.prefix + CASE.held + CASE.suffix)
    (source / "outbox.py").write_text(OUTBOX)
    (source / "other.py").write_text("def send(letter: str) -> None: ...\n")
    write_fold(tmp_path / "mail-1", source, sorted(source.glob("*.py")), [CASE])
    (case,) = export_folds(Product(), [tmp_path / "mail-1"], lambda _text: None)
    assert (case.project, case.golds) == ("mail", 2)
    # Of three `send` and two `close` one is meant each: the file and the line tell which.
    assert sorted(case.needed[case.needed >= 0].tolist()) == [0, 1]
    assert len(case.needed) == len(case.tokens) == case.features.shape[1]
