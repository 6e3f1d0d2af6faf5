"""What an action is made of. Each action is one file that fills in an `Action`; all are pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.context.assemble import Context
    from claude_lsp.context.candidate import Candidate, Excerpt, Subject
    from claude_lsp.context.recipes import Recipe
    from claude_lsp.routing import Tier
    from claude_lsp.settings import Settings
    from claude_lsp.structure.claimed import Dependencies
    from claude_lsp.text.conversation import Conversation
    from claude_lsp.text.positions import Range
    from claude_lsp.text.snapshots import Snapshot
    from claude_lsp.workspace.destination import Destination
    from claude_lsp.workspace.images import Picture


class Place(NamedTuple):
    """A line of some document: its address, and the line, 0-based."""

    uri: str
    line: int


class Reported(NamedTuple):
    """A diagnostic of some document: its address, the line, 0-based, and what it says."""

    uri: str
    line: int
    message: str
    source: str = ""
    code: str = ""


@dataclass(frozen=True)
class Problem:
    """A diagnostic of any tool, as the editor showed it.

    Attributes:
        range: what it marks.
        message: what it says.
        source: the tool.
        code: the tool's name for this kind of problem.
        related: other places that it points to.
    """

    range: Range
    message: str
    source: str = ""
    code: str = ""
    related: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Situation:
    """What an action is asked about.

    Attributes:
        snapshot: the document.
        origin: its path in the workspace, "/" between parts.
        range: the selection or the cursor.
        problems: diagnostics at the range.
        automatic: whether nobody asked for it (typing).
        instructions: the project's own words to reviewers.
        evidence: a map of the project, computed without a model.
        facts: what is remarkable in it, computed without a model.
        dependencies: between the project's modules; None where nobody has computed them.
        multiline: whether a completion may have several lines.
        suggestions: how many completions to choose from.
        speculative: whether the document is as it would be if a suggestion were accepted.
        asked: what the user wants, in their own words.
        comment: where those words stand in the document, in a comment that the edit takes away.
        picture: the image that is asked about.
        symbol: the definition around the place, where the question needs its name.
        destination: the document that is written to, where it is another one.
        excerpts: the parts of documents that a review looks at, where that is not one whole
            document; the first of them is the document above.
    """

    snapshot: Snapshot
    origin: str
    range: Range
    problems: tuple[Problem, ...] = ()
    automatic: bool = False
    instructions: str = ""
    evidence: str = ""
    facts: str = ""
    dependencies: Dependencies | None = None
    multiline: Literal["auto", "never", "always"] = "auto"
    suggestions: int = 1
    speculative: bool = False
    asked: str = ""
    comment: Range | None = None
    picture: Picture | None = None
    symbol: str = ""
    destination: Destination | None = None
    excerpts: tuple[Excerpt, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What the editor shows beside the document.

    Attributes:
        documents: every open document.
        recent: places that were edited a moment ago, the newest first.
        reported: diagnostics, as far as the editor has told them.
    """

    documents: Sequence[Snapshot] = ()
    recent: Sequence[Place] = ()
    reported: Sequence[Reported] = ()


ALONE = Surroundings()
"""A document of which no editor shows anything else."""


class Reader(Protocol):
    """Turns the streamed answer into outcomes."""

    @property
    def satisfied(self) -> bool:
        """Whether everything wanted has arrived, so that the stream can be closed."""

    def feed(self, text: str) -> Sequence[Outcome]:
        """Take the next piece of the answer; return what it completes."""

    def finish(self, *, complete: bool) -> Sequence[Outcome]:
        """Return what is left when the answer has ended; `complete` tells how it ended."""


@dataclass(frozen=True)
class Prompt:
    """The fixed part of a request.

    Attributes:
        system: who the model is and what the answer looks like; fixed per action.
        question: what is asked this time; stands last. A conversation asks by itself.
        max_tokens: longest answer, thinking included.
        schema: JSON schema of the answer; None for free text.
        stop_sequences: texts that end the answer.
        prefill: beginning of the answer, for models that take one.
        effort: how hard the model should try.
        think: whether thinking helps where it can be chosen.
        pictures: images that go along.
    """

    system: str
    question: str
    max_tokens: int
    schema: Mapping[str, Any] | None = None
    stop_sequences: tuple[str, ...] = ()
    prefill: str = ""
    effort: Literal["low", "medium", "high"] = "low"
    think: bool = False
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Tooling:
    """The tools that an action may use, and how far.

    Attributes:
        names: of tools in `context.tools.TOOLS`.
        rounds: reads from the settings how many answers may ask for tools; 0 for none at all.
        tokens: reads from the settings how much the tools may show.
    """

    names: tuple[str, ...]
    rounds: Callable[[Settings], int]
    tokens: Callable[[Settings], int]


@dataclass(frozen=True)
class Action:
    """One thing Claude can be asked to do.

    Attributes:
        name: as in settings and the ledger.
        command: what runs it in an editor.
        does: one line for the generated tables.
        title: as the editor's menu shows it.
        kind: the code action kind it is listed under.
        tier: the tier it goes to unless a route says otherwise.
        applies: whether to offer it in a situation.
        recipe: what goes into its context.
        subject: the document and the place in it that must be seen; None for the whole project.
        extras: candidates that the situation itself brings, such as diagnostics.
        prompt: the fixed part of its request.
        reader: turns the answer into outcomes.
        confirm: whether to ask before it is sent, with its price.
        edits: whether it changes the document, so that it ends when that is closed.
        tools: what the model may look into by itself; None for nothing.
        conversation: reads the conversation that is answered, in a worker; None for a single
            question.
        recurs: whether it is asked again and again about places near each other, with the same
            beginning of its prompt.
    """

    name: str
    command: str
    does: str
    title: Callable[[Situation], str]
    kind: str
    tier: Tier
    applies: Callable[[Situation], bool]
    recipe: Recipe
    subject: Callable[[Situation], Subject | None]
    prompt: Callable[[Situation, Settings], Prompt]
    reader: Callable[[Situation, Context], Reader]
    extras: Callable[[Situation], Sequence[Candidate]] = field(default=lambda _situation: ())
    confirm: bool = False
    edits: bool = False
    tools: Tooling | None = None
    conversation: Callable[[Situation], Conversation] | None = None
    recurs: bool = False
