"""The fixed list of rules: what a finding can be about."""

from __future__ import annotations

from claude_lsp.findings.finding import Rule

_LIST = (
    Rule(
        "review.correctness",
        "Wrong result",
        "The code does something other than what its names, comments, tests or callers expect: "
        "a wrong condition, an off-by-one, a case that is not handled, a value that is lost.",
        "model",
    ),
    Rule(
        "review.security",
        "Security weakness",
        "Somebody who controls the input can make the code do what it must not: injection, path "
        "traversal, missing checks, leaked secrets, unsafe defaults.",
        "model",
    ),
    Rule(
        "review.concurrency",
        "Race or deadlock",
        "The result depends on timing: shared state without a guard, a lock held across a wait, "
        "a check that is stale when it is used, a task that nobody awaits or cancels.",
        "model",
    ),
    Rule(
        "review.resource",
        "Leaked or unbounded resource",
        "Something is opened and not closed on every path, or grows without a bound: files, "
        "connections, tasks, caches, buffers.",
        "model",
    ),
    Rule(
        "review.error-handling",
        "Error swallowed or misreported",
        "A failure is hidden, turned into a success, reported without what the user can do, or "
        "leaves work half done.",
        "model",
    ),
    Rule(
        "review.api-contract",
        "Contract broken",
        "A caller or an override relies on something that no longer holds: a changed type, "
        "unit, order, default or error.",
        "model",
    ),
    Rule(
        "review.performance",
        "Needless cost",
        "Work that grows faster than its input, is repeated, or stands on a path that must be "
        "quick, where a simple change would avoid it.",
        "model",
    ),
    Rule(
        "review.tests",
        "Missing or empty test",
        "Behaviour that matters here is not tested, or a test cannot fail.",
        "model",
    ),
    Rule(
        "review.maintainability",
        "Hard to understand or change",
        "The code works but will mislead the next reader: a name that lies, duplicated logic, "
        "state that could be derived, an abstraction without a user.",
        "model",
    ),
    Rule(
        "arch.cycle",
        "Dependency cycle",
        "Modules import each other in a ring, so none can be understood, tested or moved alone. "
        "Cut the edge with the fewest uses: move what is shared into a module below both.",
        "graph",
    ),
    Rule(
        "arch.hub",
        "Hub module",
        "The module is imported by many and imports many: a change anywhere reaches it and a "
        "change in it reaches everywhere. Split it by its groups of users.",
        "graph",
    ),
    Rule(
        "arch.size",
        "God module",
        "The module is far larger than its neighbours and gathers several responsibilities. "
        "Split along the groups of definitions that use each other.",
        "graph",
    ),
    Rule(
        "arch.unstable",
        "Depends on something less stable",
        "A module that many rely on imports one that changes more easily than itself "
        "(instability I = Ce / (Ca + Ce)). Turn the dependency round or put an interface between.",
        "graph",
    ),
    Rule(
        "arch.layer",
        "Layer broken",
        "A module imports a layer above its own, or one beside it that is to be independent, "
        "directly or over modules that are in no layer. The layers are those of arch.layers in "
        "the settings, the highest first: dotted modules in Python, folders elsewhere. In one "
        "layer `a | b` are independent of each other, `a : b` are not; `(a)` may be absent. Move "
        "what is needed below both, or hand it in from above; where one import is meant, name it "
        "in arch.allow.",
        "graph",
    ),
    Rule(
        "arch.forbidden",
        "Forbidden dependency",
        "A module reaches one that arch.forbid or arch.independent in the settings keeps it from, "
        "directly or over others. Cut the chain at its cheapest import, or name the one import "
        "that is meant in arch.allow.",
        "graph",
    ),
    Rule(
        "arch.private",
        "Private access across packages",
        "A module uses what another package keeps for itself: a name or module with a leading "
        "underscore in Python, a folder called internal in Go or TypeScript. It may change "
        "without notice. Use what the package offers, or let it offer what is needed.",
        "graph",
    ),
    Rule(
        "arch.duplicate",
        "The same function in several modules",
        "Functions of seven lines or more are nearly equal, perhaps with other names. A mistake "
        "is mended in one and stays in the other. Let one module have it, below those that need "
        "it; where they are alike by chance, leave them.",
        "graph",
    ),
    Rule(
        "arch.coupling",
        "Changed together without a dependency",
        "By git's history two modules of different packages change in the same commits, and "
        "neither imports the other. They share knowledge that no import shows. Give it one place, "
        "or make the dependency visible. Commits that touch very many files are not counted.",
        "graph",
    ),
    Rule(
        "arch.untested",
        "No test reaches the module",
        "The module offers functions or classes, and no test imports it, nor anything that "
        "imports it. Nothing is said where tests reach less than half of a project, as they work "
        "in another way there.",
        "graph",
    ),
    Rule(
        "arch.undeclared",
        "Library not declared",
        "A module imports a library that no manifest of its project names (pyproject.toml, "
        "setup.cfg, requirements files, package.json). It is there only because something else "
        "brings it. Imports in functions, in a try or under a condition are not counted.",
        "graph",
    ),
    Rule(
        "arch.unused",
        "Library not used",
        "A manifest asks for a library that no file of the project imports or mentions. Take it "
        "out, or declare it where the tool that needs it is declared.",
        "graph",
    ),
    Rule(
        "arch.responsibility",
        "Responsibility has drifted",
        "A module does what its name and its neighbours do not suggest, or one thing is decided in "
        "several places, so that a change must be made in each of them. Two places are quoted: "
        "what the module is for and what it does besides, or two that decide the same. Move what "
        "does not belong, or let one of the places decide.",
        "model",
        places=2,
    ),
    Rule(
        "arch.boundary",
        "Leaky interface",
        "A module's users must know how it works inside: they repeat its steps, reach for what is "
        "meant for itself, or get a type of another layer handed through. The inside and a user "
        "of it are quoted. Let the interface offer what its users need.",
        "model",
        places=2,
    ),
    Rule(
        "arch.owner",
        "Wrong owner",
        "Data is kept or changed, or a decision made, by a module that has less reason to than "
        "another one. Where it is and where it belongs are quoted. Move it to the module that "
        "changes for the same reasons.",
        "model",
        places=2,
    ),
    Rule(
        "arch.seam",
        "Missing seam",
        "What changes often, or can't be tested by itself, is entangled with what does not: "
        "there is no place at which the one could be replaced without the other. Put an interface "
        "there, and hand in what is behind it.",
        "model",
    ),
)

RULES: dict[str, Rule] = {rule.id: rule for rule in _LIST}
"""Every rule by its id, in the order in which documents list them."""

FALLBACK_RULE = "review.correctness"
"""The rule for a claim that names none we know."""
