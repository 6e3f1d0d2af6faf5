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
        "arch.responsibility",
        "Responsibility in the wrong place",
        "Knowledge sits in a module whose name and neighbours do not suggest it, or one thing "
        "is decided in several places.",
        "model",
    ),
    Rule(
        "arch.boundary",
        "Leaky boundary",
        "A module's users must know how it works inside: private names are used from outside, "
        "or a type of one layer travels through another.",
        "model",
    ),
)

RULES: dict[str, Rule] = {rule.id: rule for rule in _LIST}
"""Every rule by its id, in the order in which documents list them."""

FALLBACK_RULE = "review.correctness"
"""The rule for a claim that names none we know."""
