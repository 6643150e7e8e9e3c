"""JSON Schemas of registered tools: what is taken, what is refused and where, and what a value is told."""

import time
from typing import Any

import pytest

from callboard.mcp import schemas
from callboard.mcp.errors import InvalidToolSchemaError

type Json = dict[str, Any]


def taken(**more: Any) -> Json:
    return {"type": "object"} | more


def refusal(schema: Json) -> tuple[str, str]:
    with pytest.raises(InvalidToolSchemaError) as caught:
        schemas.check(schema, "schema")
    (field,) = caught.value.details["fields"]
    return field["field"], field["type"]


def nested(levels: int) -> Json:
    schema: Json = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def doubling(levels: int) -> Json:
    """Make a small schema that stands for one of 2 to the power of so many parts."""
    definitions = {
        f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}, {"$ref": f"#/$defs/d{level + 1}"}]}
        for level in range(levels)
    }
    return taken(**{"$ref": "#/$defs/d0", "$defs": definitions | {f"d{levels}": {"type": "object"}}})


@pytest.mark.parametrize(
    "schema",
    [
        taken(),
        taken(**{"$schema": schemas.DIALECT}),
        taken(properties={"a": {"type": ["string", "null"], "pattern": "^[a-z]+$"}, "b": True}, required=["a"]),
        taken(properties={"$ref": {"type": "string"}, "$id": {"const": {"$ref": "https://example.test"}}}),
        taken(properties={"a": {"$ref": "#/$defs/text"}}, **{"$defs": {"text": {"type": "string"}}}),
        nested(20),
    ],
)
def test_a_schema_of_an_object_is_taken(schema: Json) -> None:
    schemas.check(schema, "schema")


@pytest.mark.parametrize(
    ("schema", "where", "kind"),
    [
        ({}, "schema.type", "not_an_object"),
        ({"type": "array"}, "schema.type", "not_an_object"),
        ({"type": ["object", "null"]}, "schema.type", "not_an_object"),
        (taken(properties={"a": {"type": "text"}}), "schema.properties.a.type", "anyOf"),
        (taken(properties=[]), "schema.properties", "type"),
        (taken(required="a"), "schema.required", "type"),
        (taken(properties={"a": {"minLength": -1}}), "schema.properties.a.minLength", "minimum"),
        (taken(**{"$schema": "http://json-schema.org/draft-07/schema#"}), "schema.$schema", "other_dialect"),
        (taken(properties={"a": {"$ref": "https://example.test/a"}}), "schema.properties.a.$ref", "reference"),
        (taken(properties={"a": {"$ref": "file:///etc/passwd"}}), "schema.properties.a.$ref", "reference"),
        (taken(properties={"a": {"$ref": "#/$defs/a"}}), "schema.properties.a.$ref", "reference"),
        (taken(properties={"a": {"$ref": "#/properties/a"}}), "schema.properties.a.$ref", "reference"),
        (taken(properties={"a": {"$ref": "#"}}), "schema.properties.a.$ref", "reference"),
        (
            taken(allOf=[{"$ref": "#/$defs/a"}], **{"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}),
            "schema.$defs.a.items.$ref",
            "circular",
        ),
        (taken(properties={"a": {"$id": "a"}}), "schema.properties.a.$id", "not_taken"),
        (taken(patternProperties={"(a+)+$": True}), "schema.patternProperties", "not_taken"),
        (taken(unevaluatedProperties=False), "schema.unevaluatedProperties", "not_taken"),
        (taken(**{"$dynamicRef": "#a"}), "schema.$dynamicRef", "not_taken"),
        (taken(items={"pattern": "(?=a)b"}), "schema.items.pattern", "pattern"),
        (taken(items={"pattern": "["}), "schema.items.pattern", "pattern"),
        (taken(items={"pattern": "a" * 501}), "schema.items.pattern", "too_large"),
        (taken(allOf=[{"pattern": str(n)} for n in range(17)]), "schema.allOf.16.pattern", "too_many"),
        (taken(items={"enum": list(range(501))}), "schema.items.enum", "too_many"),
        (taken(title="a\x00b"), "schema", "not_storable"),
        (taken(description="a" * schemas.MAX_SCHEMA_BYTES), "schema", "too_large"),
        (taken(default=float("inf")), "schema", "not_storable"),
        (taken(default=[[]] * 3 + [nested(30)]), "schema", "too_deep"),
        (taken(allOf=[{}] * (schemas.MAX_SUBSCHEMAS + 1)), "schema", "too_many"),
        (taken(allOf=[True] * (schemas.MAX_SUBSCHEMAS + 1)), "schema", "too_many"),
        (doubling(9), "schema", "too_many"),
    ],
)
def test_a_schema_that_is_none_or_has_no_bound_is_refused_and_told_where(schema: Json, where: str, kind: str) -> None:
    assert refusal(schema) == (where, kind)


def test_a_schema_that_grows_by_its_references_is_refused() -> None:
    words = {"description": "a" * 10_000, "type": "string"}
    schema = taken(properties={n: {"$ref": "#/$defs/words"} for n in "abcd"}, **{"$defs": {"words": words}})

    assert refusal(schema) == ("schema", "too_large")


def test_a_chain_of_references_is_bounded_like_what_it_stands_for() -> None:
    chain = {f"d{n}": {"not": {"$ref": f"#/$defs/d{n + 1}"}} for n in range(40)} | {"d40": True}

    where, kind = refusal(taken(allOf=[{"$ref": "#/$defs/d0"}], **{"$defs": chain}))

    assert (where.startswith("schema.$defs.d"), kind) == (True, "too_deep")


def test_the_output_schema_is_called_by_its_name() -> None:
    with pytest.raises(InvalidToolSchemaError) as caught:
        schemas.check({"type": "string"}, "output_schema")

    assert caught.value.details["fields"][0]["field"] == "output_schema.type"


def test_an_expanded_schema_means_the_same_without_references() -> None:
    schema = taken(
        properties={
            "a": {"$ref": "#/$defs/text", "description": "A name."},
            "b": {"$ref": "#/$defs/text", "minLength": 2},
            "$ref": {"const": {"$ref": "kept"}},
        },
        **{"$defs": {"text": {"type": "string", "description": "A text."}}, "$schema": schemas.DIALECT},
    )

    assert schemas.expanded(schema) == {
        "type": "object",
        "properties": {
            "a": {"type": "string", "description": "A name."},
            "b": {"minLength": 2, "allOf": [{"type": "string", "description": "A text."}]},
            "$ref": {"const": {"$ref": "kept"}},
        },
    }


def test_properties_keep_their_order() -> None:
    schema = taken(properties={name: {"type": "string"} for name in ("zeta", "a", "mm")})

    assert list(schemas.expanded(schema)["properties"]) == ["zeta", "a", "mm"]


LAMP = taken(
    properties={
        "colour": {"type": "string", "pattern": "^[a-z]+$"},
        "turns": {"type": "array", "items": {"type": "integer", "maximum": 9}, "uniqueItems": True},
        "never": False,
    },
    required=["colour"],
    additionalProperties=False,
)


@pytest.mark.parametrize("value", [{"colour": "red"}, {"colour": "red", "turns": [1, 2.0, 9]}])
def test_what_fits_has_no_problem(value: Json) -> None:
    assert schemas.problems(LAMP, value) == []


@pytest.mark.parametrize(
    ("value", "field", "message", "kind"),
    [
        ({}, "colour", "is required", "required"),
        ({"colour": 17}, "colour", 'must fit type: "string"', "type"),
        ({"colour": "secret 17"}, "colour", 'must fit pattern: "^[a-z]+$"', "pattern"),
        ({"colour": "red", "turns": [1, 17]}, "turns.1", "must fit maximum: 9", "maximum"),
        ({"colour": "red", "turns": [1, 1.0]}, "turns", "must fit uniqueItems: true", "uniqueItems"),
        ({"colour": "red", "turns": [True]}, "turns.0", 'must fit type: "integer"', "type"),
        ({"colour": "red", "hue": 17}, "hue", "is not a property of this", "additionalProperties"),
        ({"colour": "red", "never": 17}, "", "is not allowed", "false"),
    ],
)
def test_a_problem_says_where_and_what_is_wanted_and_never_what_was_given(
    value: Json, field: str, message: str, kind: str
) -> None:
    (problem,) = schemas.problems(LAMP, value)

    assert problem == {"field": field, "message": message, "type": kind}
    assert "17" not in str(problem)


def test_problems_are_so_many_at_most() -> None:
    found = schemas.problems(LAMP, {"colour": "red", "turns": list(range(100, 200))})

    assert len(found) == schemas.MAX_PROBLEMS


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 60_000 + "b"),
        ({"uniqueItems": True}, [{"a": number} for number in range(8_000)] + [{"a": 1}]),
    ],
)
def test_no_schema_makes_a_check_take_long(keyword: Json, value: Any) -> None:
    schema = taken(properties={"a": keyword})
    schemas.check(schema, "schema")
    begun = time.perf_counter()

    assert len(schemas.problems(schema, {"a": value})) == 1
    assert time.perf_counter() - begun < 2


def test_numbers_that_cannot_be_checked_are_a_problem() -> None:
    (problem,) = schemas.problems(taken(properties={"a": {"multipleOf": 0.5}}), {"a": 10**400})

    assert problem["type"] == "not_checkable"
