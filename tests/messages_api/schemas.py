"""The JSON schemas that structured outputs accept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.messages_api.errors import invalid

UNSUPPORTED = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "minLength", "maxLength", "maxItems", "uniqueItems", "contains", "prefixItems",
        "minProperties", "maxProperties", "patternProperties", "propertyNames",
        "dependentRequired", "dependentSchemas", "if", "then", "else", "not", "oneOf",
    }
)  # fmt: skip
"""Keywords that the grammar compiler refuses."""

FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
MOST_OPTIONAL = 24
MOST_UNIONS = 16


def check_schema(schema: Any, where: str) -> None:
    """Refuse a schema that the service would refuse.

    Args:
        schema: what the request gives as the schema.
        where: the parameter's path, for the message.

    Raises:
        ApiError: 400, naming the place and the keyword.
    """
    walk = _Walk(schema)
    walk.visit(schema, where, ())
    if walk.optional > MOST_OPTIONAL:
        raise invalid(
            f"{where}: Schemas contains too many optional parameters ({walk.optional}), which "
            f"would make grammar compilation inefficient. The limit is {MOST_OPTIONAL}."
        )
    if walk.unions > MOST_UNIONS:
        raise invalid(
            f"{where}: Schemas contains too many parameters with union types ({walk.unions}). "
            f"The limit is {MOST_UNIONS}."
        )


@dataclass
class _Walk:
    root: Any
    optional: int = 0
    unions: int = 0
    _visited: set[str] = field(default_factory=set)

    def visit(self, schema: Any, where: str, references: tuple[str, ...]) -> None:
        """Check one schema and those in it; `references` are the ones being followed."""
        if not isinstance(schema, dict):
            raise invalid(f"{where}: Input should be an object")
        if refused := UNSUPPORTED & schema.keys():
            raise invalid(f"{where}: '{min(refused)}' is not supported")
        if "$ref" in schema:
            self._follow(schema["$ref"], where, references)
            return
        kinds = schema.get("type", [])
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if unknown := [kind for kind in kinds if kind not in TYPES]:
            raise invalid(f"{where}: type '{unknown[0]}' is not supported")
        alternatives = schema.get("anyOf") or schema.get("allOf") or ()
        if not (kinds or alternatives or "enum" in schema or "const" in schema):
            raise invalid(f"{where}: a schema needs 'type', 'anyOf', 'enum' or 'const'")
        self.unions += len(kinds) > 1 or "anyOf" in schema
        for value in schema.get("enum", ()):
            if isinstance(value, dict | list):
                raise invalid(f"{where}: 'enum' values must be primitive")
        if schema.get("minItems", 0) not in (0, 1):
            raise invalid(f"{where}: 'minItems' must be 0 or 1")
        if schema.get("format") is not None and schema["format"] not in FORMATS:
            raise invalid(f"{where}: format '{schema['format']}' is not supported")
        if "object" in kinds:
            self._visit_object(schema, where, references)
        if "array" in kinds and "items" in schema:
            self.visit(schema["items"], f"{where}.items", references)
        for index, alternative in enumerate(alternatives):
            self.visit(alternative, f"{where}.anyOf.{index}", references)

    def _visit_object(
        self, schema: dict[str, Any], where: str, references: tuple[str, ...]
    ) -> None:
        if schema.get("additionalProperties") is not False:
            raise invalid(
                f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to "
                "false"
            )
        properties = schema.get("properties", {})
        self.optional += len(properties.keys() - set(schema.get("required", ())))
        for name, child in properties.items():
            self.visit(child, f"{where}.properties.{name}", references)

    def _follow(self, reference: Any, where: str, references: tuple[str, ...]) -> None:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise invalid(f"{where}: only references within the schema are supported")
        if reference in references:
            raise invalid(f"{where}: recursive schemas are not supported ({reference})")
        if reference in self._visited:
            return
        target: Any = self.root
        for part in reference[2:].split("/"):
            target = target.get(part) if isinstance(target, dict) else None
        if target is None:
            raise invalid(f"{where}: reference {reference} does not resolve")
        self.visit(target, where, (*references, reference))
        self._visited.add(reference)
