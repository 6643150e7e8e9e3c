"""Settings: the template sets each that the code needs, and none that it does not know."""

from typing import Any, get_args

import pytest

from callboard.health.service import INSTANCES
from callboard.settings import OptionalSetting, Settings
from support.template import Function, functions, resources, template

GLOBAL: dict[str, Any] = template()["Globals"]["Function"]["Environment"]["Variables"]
FIELDS = {name.upper(): field for name, field in Settings.model_fields.items()}


def test_every_function_gets_every_required_setting() -> None:
    required = {name for name, field in FIELDS.items() if field.is_required()}

    assert required <= set(GLOBAL)


@pytest.mark.parametrize("function", functions().values(), ids=lambda function: function.name)
def test_template_sets_only_what_the_code_reads(function: Function) -> None:
    own = function.properties.get("Environment", {}).get("Variables", {})
    known = FIELDS.keys() | {"POWERTOOLS_SERVICE_NAME"}

    assert own.keys() | GLOBAL.keys() <= known


def test_template_puts_no_secret_into_an_environment() -> None:
    for function in functions().values():
        variables = GLOBAL | function.properties.get("Environment", {}).get("Variables", {})
        assert "resolve:" not in str(variables), function.name


def test_optional_settings_are_those_without_a_value() -> None:
    optional = {name for name, field in Settings.model_fields.items() if field.default is None}

    assert optional == set(get_args(OptionalSetting.__value__))


def test_health_marks_the_instances_that_the_template_registers() -> None:
    services = {
        logical_id: (instance["InstanceId"], instance["ServiceId"]["Ref"])
        for logical_id, instance in resources("AWS::ServiceDiscovery::Instance").items()
    }
    variables = functions()["health"].properties["Environment"]["Variables"]

    marked = {instance: variables[setting.upper()]["Ref"] for instance, setting in INSTANCES.items()}

    assert marked == dict(services.values())


def test_every_registered_instance_has_a_url() -> None:
    instances = resources("AWS::ServiceDiscovery::Instance")

    assert instances
    assert all(instance["InstanceAttributes"]["url"] for instance in instances.values())
