"""Permissions: a name is the boundary of what may be invoked."""

import json
from typing import Any

from support.template import functions

TOOLS = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-tool-*"


def invoking() -> dict[str, list[dict[str, Any]]]:
    """Return the statements about invoking functions, by the function that has them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, function in functions().items():
        for policy in function.properties.get("Policies", []):
            for statement in policy.get("Statement", []):
                if "lambda:" in json.dumps(statement["Action"]) or statement["Action"] == "*":
                    found.setdefault(name, []).append(statement)
    return found


def test_functions_invoke_no_others_than_tools() -> None:
    statements = invoking()

    assert statements
    for name, of_function in statements.items():
        assert of_function == [
            {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": {"Fn::Sub": TOOLS}}
        ], name


def test_who_registers_tools_may_not_invoke_them() -> None:
    assert "manage_tools" not in invoking()


def test_functions_that_are_tools_are_named_as_such_and_no_others_are() -> None:
    named = {name: function.properties.get("FunctionName") for name, function in functions().items()}

    for name, given in named.items():
        is_tool = name.startswith("tool_")
        expected = {"Fn::Sub": "${AWS::StackName}-" + name.replace("_", "-")} if is_tool else None
        assert given == expected, name
