"""What the index knows of one file; the unit of extraction, of storage and of update."""

from __future__ import annotations

from typing import Literal, NamedTuple

SymbolKind = Literal["class", "function", "method", "field", "variable"]
"""A class is anything that has members or names a type: struct, interface, trait, enum, alias."""

MAX_SIGNATURE = 700
"""Characters of a signature that are kept."""

MAX_DOC = 120
"""Characters of a documentation line that are kept."""

EVERYTHING = "*"
"""Stands for the name in an import that takes every name of a module."""


class Symbol(NamedTuple):
    """One definition.

    Attributes:
        name: as it is written.
        kind: what it is.
        parent: position of the enclosing class in the file's symbols, -1 for none.
        line: line of the name, 0-based.
        end: last line of the definition, 0-based, included.
        signature: the head of the definition on one line, white space folded, without what
            opens its body and without decorators and annotations, at most `MAX_SIGNATURE`
            characters; for fields and variables the declaration's first line.
        doc: first line of its documentation, at most `MAX_DOC` characters.
        bases: names of the classes it derives from or implements.
        types: names of types in its signature.
        returns: names of types in what it returns.
    """

    name: str
    kind: SymbolKind
    parent: int
    line: int
    end: int
    signature: str
    doc: str = ""
    bases: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()


class ImportedName(NamedTuple):
    """A name that a file gets from elsewhere.

    Attributes:
        local: the name in this file; empty for an import that names nothing (`import "./x"`,
            `import("./x")`, `from x import *`), which still is an edge between files.
        module: the module as it is written: `pkg.sub`, `..sub`, `./sub`, `crate::sub`.
        original: the name there; None if `local` stands for the module itself, `EVERYTHING` where
            all names are taken, or passed on.
        line: where, 0-based.
        deferred: whether it runs later than the file itself: inside a function, or only when the
            file is run as a program; or never, because it only declares a part (Rust's `mod`).
        type_only: whether only type checkers see it.
        guarded: whether the file does without where it is not there: it stands in a `try` or
            under a condition.
    """

    local: str
    module: str
    original: str | None
    line: int
    deferred: bool = False
    type_only: bool = False
    guarded: bool = False


def everything(module: str, line: int) -> ImportedName:
    """Return the import of all names of a module."""
    return ImportedName("", module, EVERYTHING, line)


class Shape(NamedTuple):
    """What one function or method of some length looks like (see `shapes`).

    Attributes:
        symbol: its position in the file's symbols.
        size: tokens of its body.
        marks: `shapes.MARKS` numbers of 32 bits, ascending, of which nearly equal bodies share
            most.
    """

    symbol: int
    size: int
    marks: tuple[int, ...]


class FileRecord(NamedTuple):
    """Everything that is kept of one file; neither its text nor its syntax tree is.

    Attributes:
        language: the LSP language identifier.
        lines: how many lines it has.
        symbols: its definitions in the order of the text, without locals of functions.
        imports: the names it imports.
        words: the identifiers that occur in it.
        pairs: (receiver, attribute) for each `receiver.attribute` in it.
        parsed: whether the grammar took all of it; False where lines had to be guessed, and for
            a text that is too large or has no grammar.
        namespace: the package or namespace that the file says it belongs to; empty for none.
        code_lines: how many lines hold code: more than white space, comments and docstrings.
        shapes: of its longer functions and methods, in their order.
    """

    language: str
    lines: int
    symbols: tuple[Symbol, ...] = ()
    imports: tuple[ImportedName, ...] = ()
    words: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, str]] = frozenset()
    parsed: bool = True
    namespace: str = ""
    code_lines: int = 0
    shapes: tuple[Shape, ...] = ()

    @property
    def stars(self) -> tuple[str, ...]:
        """The modules of which it takes every name, or passes every name on."""
        found = (one.module for one in self.imports if one.original == EVERYTHING)
        return tuple(dict.fromkeys(found))
