"""JSON Schemas of registered tools: how much of the language is taken, and checking values by it.

Whoever registers a schema decides what work each check of a value is. So nothing of the language is taken whose cost
has no bound: no references to outside or in circles, no patterns that only a backtracking engine can match.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from callboard.fields import storable_json
from callboard.mcp.errors import InvalidToolSchemaError

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_SCHEMA_BYTES = 32 * 1024
# As written; an object in an object is two levels of the text.
MAX_TEXT_DEPTH = 48
# With references replaced by what they stand for.
MAX_DEPTH = 24
MAX_SUBSCHEMAS = 1000
MAX_ENUM = 500
MAX_PATTERN = 500
MAX_PATTERNS = 16
MAX_PROBLEMS = 10
MAX_SHOWN = 200

REFERENCE_PREFIX = "#/$defs/"
# Names that a reference could mean only with the address of the document known, and checks whose cost grows with depth.
REFUSED = frozenset(
    {"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "$recursiveRef", "$recursiveAnchor"}
    | {"patternProperties", "unevaluatedItems", "unevaluatedProperties"}
)
# Where a schema stands in a schema; all other keywords hold data.
ONE = frozenset(
    {"additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then"}
)
SEVERAL = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
NAMED = frozenset({"dependentSchemas", "properties"})
# What stands beside a reference and changes nothing of what is allowed.
ANNOTATIONS = frozenset(
    {"$comment", "default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"}
)

type Fault = dict[str, Any]


def check(schema: Mapping[str, Any], name: str) -> None:
    """Check a schema before anything relies on it.

    Args:
        schema: What is to be the schema of an object.
        name: What it is called in what is said about it.

    Raises:
        InvalidToolSchemaError: It is none, or holds what is not taken; its details say where.
    """
    _check_size(schema, name)
    if depth(schema) > MAX_TEXT_DEPTH:
        raise _fault(name, f"must not be nested deeper than {MAX_TEXT_DEPTH} levels", "too_deep")
    try:
        storable_json(dict(schema))
    except ValueError as error:
        raise _fault(name, str(error), "not_storable") from error
    _check_language(schema, name)
    if schema.get("type") != "object":
        raise _fault(f"{name}.type", "must be object: arguments and answers have names", "not_an_object")
    if schema.get("$schema", DIALECT) != DIALECT:
        raise _fault(f"{name}.$schema", f"must be {DIALECT}, or be left out", "other_dialect")
    _check_size(expanded(schema, name), name)


def expanded(schema: Mapping[str, Any], name: str = "schema") -> dict[str, Any]:
    """Return a checked schema without references, which not all models and clients follow.

    Raises:
        InvalidToolSchemaError: Only while it is being checked.
    """
    return _Expansion(schema.get("$defs", {}), name).whole(schema)


def problems(schema: Mapping[str, Any], value: Any) -> list[Fault]:
    """Return what is wrong with a value by an expanded schema, at most so much; never what was given."""
    try:
        found = list(islice(_language()(schema).iter_errors(value), MAX_PROBLEMS))
    except (ArithmeticError, RecursionError):
        # Numbers of thousands of digits, or nesting that nobody means.
        return [{"field": "", "message": "holds what cannot be checked", "type": "not_checkable"}]
    return [
        {"field": field[:MAX_SHOWN], "message": message, "type": str(error.validator or "false")}
        for error in found
        for field, message in _places(error)
    ]


class _Expansion:
    """Replaces the references of one schema, and counts."""

    def __init__(self, definitions: Mapping[str, Any], name: str) -> None:
        self._definitions = definitions
        self._name = name
        self._count = 0
        self._patterns: set[str] = set()

    def whole(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        return self._object({key: value for key, value in schema.items() if key != "$schema"}, self._name, (), 1)

    def _schema(self, schema: Any, path: str, inside: tuple[str, ...], depth: int) -> Any:
        self._count += 1
        if self._count > MAX_SUBSCHEMAS:
            raise _fault(self._name, f"must not have more than {MAX_SUBSCHEMAS} parts, references replaced", "too_many")
        return schema if isinstance(schema, bool) else self._object(schema, path, inside, depth)

    def _object(self, schema: Mapping[str, Any], path: str, inside: tuple[str, ...], depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            raise _fault(path, f"must not be nested deeper than {MAX_DEPTH} schemas, references replaced", "too_deep")
        found: dict[str, Any] = {}
        for keyword, value in schema.items():
            where = f"{path}.{keyword}"
            if keyword in REFUSED or keyword == "$schema":
                raise _fault(where, f"{keyword} is not taken", "not_taken")
            if keyword in ONE:
                found[keyword] = self._schema(value, where, inside, depth + 1)
            elif keyword in SEVERAL:
                found[keyword] = [
                    self._schema(part, f"{where}.{number}", inside, depth + 1) for number, part in enumerate(value)
                ]
            elif keyword in NAMED:
                found[keyword] = {
                    key: self._schema(part, f"{where}.{key}", inside, depth + 1) for key, part in value.items()
                }
            elif keyword not in {"$defs", "$ref"}:
                self._check_data(keyword, value, where)
                found[keyword] = value
        return self._with_target(found, schema["$ref"], f"{path}.$ref", inside, depth) if "$ref" in schema else found

    def _with_target(
        self, found: dict[str, Any], reference: str, where: str, inside: tuple[str, ...], depth: int
    ) -> dict[str, Any]:
        name = reference.removeprefix(REFERENCE_PREFIX)
        if not reference.startswith(REFERENCE_PREFIX) or name not in self._definitions:
            raise _fault(where, f"must be {REFERENCE_PREFIX} and a name that is defined there", "reference")
        if name in inside:
            raise _fault(where, "must not lead back to where it stands", "circular")
        target = self._schema(self._definitions[name], f"{self._name}.$defs.{name}", (*inside, name), depth + 1)
        if isinstance(target, dict) and found.keys() <= ANNOTATIONS:
            return target | found
        return found | {"allOf": [*found.get("allOf", []), target]}

    def _check_data(self, keyword: str, value: Any, where: str) -> None:
        if keyword == "enum" and len(value) > MAX_ENUM:
            raise _fault(where, f"must not list more than {MAX_ENUM} values", "too_many")
        if keyword == "pattern":
            self._patterns.add(value)
            if len(value) > MAX_PATTERN:
                raise _fault(where, f"must not be longer than {MAX_PATTERN} characters", "too_large")
            if len(self._patterns) > MAX_PATTERNS:
                raise _fault(where, f"must not be one of more than {MAX_PATTERNS} patterns", "too_many")
            try:
                _matcher(value)
            except SchemaError as error:
                raise _fault(where, "must be a regular expression of Rust's: no look-around", "pattern") from error


def _check_language(schema: Mapping[str, Any], name: str) -> None:
    import jsonschema  # noqa: PLC0415  # a tenth of a second that only those pay who need it

    by_the_language: Any = jsonschema.Draft202012Validator.check_schema
    try:
        # Without its check of formats, which takes patterns for those of another engine.
        by_the_language(schema, format_checker=None)
    except jsonschema.SchemaError as error:
        where = ".".join([name, *(str(part) for part in error.absolute_path)])
        raise _fault(where, error.message[:MAX_SHOWN], str(error.validator)) from error


@lru_cache(maxsize=1)
def _language() -> Any:
    """Return the validator of draft 2020-12, with linear time for two keywords."""
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415

    extend: Any = validators.extend
    return extend(Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique_items})


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(value, "string"):
        try:
            _matcher(pattern).validate_python(value)
        except ValidationError:
            yield _error("does not match the pattern")


def _unique_items(validator: Any, wanted: bool, value: Any, schema: Any) -> Iterator[Any]:
    if wanted and validator.is_type(value, "array"):
        seen = {json.dumps(_canonical(item), sort_keys=True) for item in value}
        if len(seen) < len(value):
            yield _error("holds an item twice")


def _error(message: str) -> Any:
    from jsonschema import ValidationError as Problem  # noqa: PLC0415

    return Problem(message)


# Pydantic's engine takes time in proportion to the text, whatever the pattern. One may have 10 MB, so few are kept, but
# all of a schema: they would be made again for each item of a list.
@lru_cache(maxsize=MAX_PATTERNS)
def _matcher(pattern: str) -> TypeAdapter[str]:
    return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])


def _canonical(value: Any) -> Any:
    """Return a value of which equal ones have the same text: 1.0 is 1, and true is neither."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    return value


def _places(error: Any) -> list[tuple[str, str]]:
    """Return where something is wrong and what: at the property itself where one is missing, or is none."""
    path = [str(part) for part in error.absolute_path]
    if error.validator == "required":
        # One error for each that is missing; its message begins with the name.
        missing = [name for name in error.validator_value if error.message.startswith(repr(name))]
        return [(".".join([*path, name]), "is required") for name in missing]
    if error.validator == "additionalProperties" and error.validator_value is False:
        unknown = [key for key in error.instance if key not in error.schema.get("properties", {})]
        return [(".".join([*path, name]), "is not a property of this") for name in unknown[:MAX_PROBLEMS]]
    return [(".".join(path), _message(error))]


def _message(error: Any) -> str:
    if error.validator is None:
        return "is not allowed"
    wanted = json.dumps(error.validator_value, ensure_ascii=False)
    return f"must fit {error.validator}: {wanted}"[:MAX_SHOWN]


def depth(value: Any) -> int:
    """Return how deeply lists and objects of a JSON value are nested."""
    levels, level = 0, [value]
    while level:
        levels += 1
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return levels


def _check_size(schema: Mapping[str, Any], name: str) -> None:
    if len(json.dumps(schema, ensure_ascii=False).encode(errors="replace")) > MAX_SCHEMA_BYTES:
        raise _fault(name, f"must not be larger than {MAX_SCHEMA_BYTES} bytes, references replaced", "too_large")


def _fault(field: str, message: str, kind: str) -> InvalidToolSchemaError:
    return InvalidToolSchemaError(details={"fields": [{"field": field[:MAX_SHOWN], "message": message, "type": kind}]})
