"""What requests about projects may hold."""

from typing import Any

import pytest
from pydantic import ValidationError

from callboard.projects.models import NewProject, ProjectChange


def test_a_name_is_stripped() -> None:
    assert NewProject(name=" \t Teaser\n").name == "Teaser"


def test_a_left_out_field_of_a_change_is_none_and_not_named() -> None:
    change = ProjectChange.model_validate({"name": "New"})

    assert change.model_dump() == {"name": "New", "description": None}
    assert change.model_fields_set == {"name"}


@pytest.mark.parametrize("body", [{}, {"name": None}, {"description": None}, {"name": "x", "more": 1}])
def test_a_change_that_names_nothing_or_null_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProjectChange.model_validate(body)


def test_the_schema_of_a_change_offers_neither_null_nor_default() -> None:
    schema = ProjectChange.model_json_schema()

    assert schema["properties"].keys() == {"name", "description"}
    assert "null" not in str(schema)
    assert "default" not in str(schema)
