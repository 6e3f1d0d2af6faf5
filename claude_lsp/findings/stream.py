"""Objects out of a streamed answer, each the moment it closes, in linear time.

The answer should be `{"findings": [{...}, ...]}`, but an endpoint that ignores the schema may
put prose or fences around it, other members before it, answer with the bare array, or with one
object per line. All of these are read; half an object never is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

OBJECT_LIMIT = 256 * 1024
"""Characters; a longer object is a problem, so that memory stays bounded."""

DEPTH_LIMIT = 100
"""Levels of brackets in one value; deeper nesting is not a finding."""

_PROSE_LIMIT = 2_000

_STRING_BODY = re.compile(r'(?:[^"\\]+|\\.)*+', re.DOTALL)
_STRUCTURE = re.compile(r'["{}\[\]]')
_CLOSER = {"{": "}", "[": "]"}

_OPENING = re.compile(r"[{\[\]]")
_LIST_OPENING = re.compile(r"\[[ \t\r\n]{0,200}+([^ \t\r\n])")
_EMPTY_LIST_LINE = re.compile(r"\[[ \t\r\n]{0,200}+\][ \t]{0,200}+([^ \t])")
_BETWEEN_ITEMS = re.compile(r"[ \t\r\n,]+")
_JUNK = re.compile(r'[^ \t\r\n,{\[\]"]+')
_JUNK_SHOWN = 40

# What may stand between the members of the root. The counts bound what has to be kept back while
# a member is still coming in; the second pattern says whether it can still become one.
_SPACE = r"[ \t\r\n]{0,200}+"
_KEY = r'"(?:[^"\\\n]|\\[^\n]){0,200}+'
_MEMBER = re.compile(rf'{_SPACE},?+{_SPACE}({_KEY}"){_SPACE}:{_SPACE}([^ \t\r\n])')
_MEMBER_BEGUN = re.compile(rf'{_SPACE},?+{_SPACE}(?:{_KEY}(?:\\|"{_SPACE}(?::{_SPACE})?)?)?')
_ROOT_END = re.compile(rf"{_SPACE},?+{_SPACE}\}}")
_SCALAR = re.compile(r'[^ \t\r\n,{}\[\]":]{1,100}+')


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """What is to be said about an answer once it has ended.

    Attributes:
        complete: whether the wanted array was closed; False for a cut-off answer, and for one
            that holds no such array.
        leftover: what could not be used: an unfinished object, or the beginning of an answer
            that holds none.
        problem: what was wrong, None if nothing was. An answer can be complete and still have a
            problem: objects that were skipped.
    """

    complete: bool
    leftover: str
    problem: str | None


@dataclass
class _Problems:
    """The first problem and how many there were, so that a long bad answer stays bounded."""

    first: str = ""
    count: int = 0

    def add(self, problem: str) -> None:
        self.first = self.first or problem
        self.count += 1

    def __str__(self) -> str:
        return self.first + (f" (and {self.count - 1} more)" if self.count > 1 else "")


@dataclass
class _Root:
    """The outermost object that is being read.

    Attributes:
        parts: its text so far, None once it cannot be a plain object any more.
        size: the length of the parts.
        keyed: whether it has the wanted member.
    """

    parts: list[str] | None = field(default_factory=list)
    size: int = 0
    keyed: bool = False

    def keep(self, text: str) -> None:
        self.size += len(text)
        if self.parts is not None:
            self.parts.append(text)
            if self.size > OBJECT_LIMIT:
                self.parts = None


class ObjectStream:
    """Reads an answer in pieces of any size and returns each object as soon as it closes.

    Every character is looked at once, by regular expressions in bulk; only the unfinished object
    is kept.

    Args:
        key: the member of the root object that holds the wanted array, such as "findings".
    """

    def __init__(self, key: str) -> None:
        self._key = key
        # The current state: consumes some of the text from a position and returns the next
        # position, or None to have the rest presented again together with more text.
        self._state: Callable[[str, int], int | None] = self._outside
        self._carry = ""
        self._found: list[dict[str, object]] = []
        self._problems = _Problems()
        # Problems that only matter if the answer turns out to be a bare array or lines.
        self._stray_problems = _Problems()
        self._prose = ""
        self._line_is_blank = True
        # The nested value that is being skipped or collected.
        self._closers: list[str] = []
        self._in_string = False
        self._item: list[str] | None = None
        self._item_size = 0
        # The shape of the answer as far as it has been recognised.
        self._root = _Root()
        self._keyed = False
        self._array_open = False
        self._array_closed = False
        self._bare_array_open = False
        self._empty_list = False
        self._plain_objects = 0

    def feed(self, text: str) -> list[dict[str, object]]:
        """Take the next piece of the answer and return the objects that it completed."""
        text = self._carry + text
        self._carry = ""
        position: int | None = 0
        while position is not None and position < len(text):
            reached = self._state(text, position)
            if reached is None:
                self._carry = text[position:]
            position = reached
        found, self._found = self._found, []
        return found

    def finish(self) -> StreamEnd:
        """Say how the answer ended; call it once, after the last piece."""
        leftover = "".join(self._item or self._root.parts or ()) + self._carry
        if self._state == self._list_outside:
            self.feed("\n")  # An empty array is one if nothing follows it on its line.
        recognised = self._array_closed or self._plain_objects > 0 or self._empty_list
        if self._array_closed:
            cut_off = self._array_open
        else:
            at_rest = self._state in (self._outside, self._list_outside)
            cut_off = self._array_open or self._bare_array_open or not at_rest
        problem = self._problems
        if not problem.count and not self._keyed:
            problem = self._stray_problems
        if cut_off:
            problem.add("the answer ended in the middle")
        elif not recognised:
            leftover = self._prose.strip()
            if not problem.count:
                problem.add(f"the answer holds no JSON with {self._key!r}")
        complete = recognised and not cut_off
        return StreamEnd(complete, leftover, str(problem) if problem.count else None)

    # States ---------------------------------------------------------------------------------

    def _outside(self, text: str, position: int) -> int | None:
        """Prose, fences, and the brackets and commas of a bare array."""
        match = _OPENING.search(text, position)
        end = match.start() if match else len(text)
        self._pass_prose(text[position:end])
        if not match:
            return end
        if match.group() == "]":
            self._bare_array_open = False
            self._pass_prose("]")
            return end + 1
        if match.group() == "[":
            if self._keyed:
                return end + 1
            self._state = self._list_outside
            return end
        self._root = _Root()
        self._root.keep("{")
        self._state = self._members
        return end + 1

    def _list_outside(self, text: str, position: int) -> int | None:
        """At a bracket in prose, which may open a bare array."""
        match = _LIST_OPENING.match(text, position)
        if not match:
            if len(text) - position <= 200:
                return None
            self._state = self._outside
            return position + 1
        opening = match.group(1)
        if opening == "]" and self._line_is_blank:
            # "[]" is an answer only where it stands alone: prose such as "reads argv[]" must not
            # make a review look clean.
            line = _EMPTY_LIST_LINE.match(text, position)
            if not line and len(text) - match.end() <= 200:
                return None
            self._empty_list = bool(line and line.group(1) in "\r\n`")
        self._bare_array_open = opening == "{"
        self._state = self._outside
        if opening != "{":
            self._pass_prose("[")
            return position + 1
        return match.start(1)

    def _members(self, text: str, position: int) -> int | None:
        """Between two members of the root object."""
        if end := _ROOT_END.match(text, position):
            self._root.keep(text[position : end.end()])
            self._close_root()
            return end.end()
        member = _MEMBER.match(text, position)
        if not member:
            if _MEMBER_BEGUN.fullmatch(text, position):
                return None
            self._give_root_up()
            return position
        value = member.start(2)
        self._root.keep(text[position:value])
        if _unquoted(member.group(1)) == self._key:
            self._keyed = self._root.keyed = True
            self._root.parts = None
            if member.group(2) == "[":
                self._array_open = True
                self._state = self._items
                return value + 1
            self._problems.add(f"{self._key!r} does not hold an array")
        if member.group(2) in '"{[':
            self._closers = []
            self._in_string = False
            self._state = self._skipped_value
        else:
            self._state = self._scalar
        return value

    def _scalar(self, text: str, position: int) -> int | None:
        """A number, true, false or null as a member of the root object."""
        match = _SCALAR.match(text, position)
        if match and match.end() == len(text) and match.end() - position < 100:
            return None
        if not match or match.end() - position == 100:
            self._give_root_up()
            return position + (0 if match is None else 100)
        self._root.keep(match.group())
        self._state = self._members
        return match.end()

    def _skipped_value(self, text: str, position: int) -> int | None:
        """A nested value of the root object that is not the wanted array."""
        end, closed = self._balance(text, position)
        self._root.keep(text[position:end])
        if closed is False:
            self._give_root_up()
        elif closed:
            self._state = self._members
        return self._reached(end, position)

    def _items(self, text: str, position: int) -> int | None:
        """In the wanted array, between two objects."""
        if between := _BETWEEN_ITEMS.match(text, position):
            return between.end()
        if junk := _JUNK.match(text, position):
            if junk.end() == len(text) < position + _JUNK_SHOWN:
                return None  # What is shown of it must not depend on the pieces.
            shown = junk.group()[:_JUNK_SHOWN]
            self._problems.add(f"unexpected text between two objects: {shown!r}")
            self._state = self._junk
            return junk.end()
        if text[position] == "]":
            self._array_open = False
            self._array_closed = True
            self._state = self._members
            return position + 1
        self._closers = []
        self._in_string = False
        self._item = [] if text[position] == "{" else None
        self._item_size = 0
        if self._item is None:
            self._problems.add("an item of the array is not an object")
        self._state = self._item_value
        return position

    def _junk(self, text: str, position: int) -> int | None:
        """More of the text that has been reported already."""
        if junk := _JUNK.match(text, position):
            return junk.end()
        self._state = self._items
        return position

    def _item_value(self, text: str, position: int) -> int | None:
        """An item of the wanted array."""
        end, closed = self._balance(text, position)
        self._item_size += end - position
        if self._item is not None:
            self._item.append(text[position:end])
            if self._item_size > OBJECT_LIMIT:
                self._problems.add(f"an object is longer than {OBJECT_LIMIT:,} characters")
                self._item = None
        if closed is False:
            self._problems.add("an object has brackets that do not match")
            self._item = None
            self._state = self._items
        elif closed:
            if self._item is not None:
                self._take("".join(self._item), self._problems)
            self._item = None
            self._state = self._items
        return self._reached(end, position)

    # Helpers --------------------------------------------------------------------------------

    def _balance(self, text: str, position: int) -> tuple[int, bool | None]:
        """Move through a nested value.

        Returns:
            where it got to, and True if the value closed there, False if its brackets do not
            match (the offending one is not consumed), None if the text ended first.
        """
        closers = self._closers
        while True:
            if self._in_string:
                body = _STRING_BODY.match(text, position)
                position = body.end() if body else position
                if position == len(text) or text[position] != '"':
                    return position, None  # A lone backslash at the end waits for its character.
                position += 1
                self._in_string = False
            else:
                mark = _STRUCTURE.search(text, position)
                if not mark:
                    return len(text), None
                position = mark.end()
                character = mark.group()
                if character == '"':
                    self._in_string = True
                    continue
                if closer := _CLOSER.get(character):
                    if len(closers) >= DEPTH_LIMIT:
                        return position, False
                    closers.append(closer)
                    continue
                if closers.pop() != character:
                    return position - 1, False
            if not closers:
                return position, True

    def _reached(self, end: int, position: int) -> int | None:
        """Return where to go on; a step that consumed nothing waits, unless the state changed."""
        waiting = self._state in (self._item_value, self._skipped_value)
        return None if end == position and waiting else end

    def _close_root(self) -> None:
        self._state = self._outside
        parts, self._root = self._root.parts, _Root()
        if parts is not None and not self._keyed:
            text = "".join(parts)
            if text.strip("{} \t\r\n"):
                self._plain_objects += self._take(text, self._stray_problems)

    def _give_root_up(self) -> None:
        """Treat what looked like the root object as prose."""
        if self._bare_array_open or self._plain_objects:
            self._stray_problems.add("an object is not valid JSON")
        if self._root.keyed:
            self._problems.add("the text after the array is not valid JSON")
        self._pass_prose("".join(self._root.parts or ()))
        self._root = _Root()
        self._state = self._outside

    def _take(self, text: str, problems: _Problems) -> bool:
        """Read one closed object; `strict` is off because models put raw line breaks in strings."""
        try:
            value = json.loads(text, strict=False)
        except (ValueError, RecursionError) as error:
            problems.add(f"an object is not valid JSON: {error}")
            return False
        self._found.append(value)
        return True

    def _pass_prose(self, text: str) -> None:
        if not text:
            return
        if len(self._prose) < _PROSE_LIMIT:
            self._prose += text[: _PROSE_LIMIT - len(self._prose)]
        last_line = text[text.rfind("\n") + 1 :]
        self._line_is_blank = not last_line.strip(" \t\r`") and (
            "\n" in text or self._line_is_blank
        )


def _unquoted(key: str) -> str | None:
    try:
        value = json.loads(key)
    except ValueError:
        return None
    return value if isinstance(value, str) else None
