"""What is left out of the layers, and what must not be."""

import re

from callboard_local.paths import PROJECT

SOURCES = [path for folder in ("layers/callboard", "functions") for path in (PROJECT / folder).rglob("*.py")]
MAKEFILE = (PROJECT / "layers" / "dependencies" / "Makefile").read_text()


def test_the_services_that_functions_call_are_in_the_dependencies_layer() -> None:
    text = "".join(path.read_text() for path in SOURCES)
    called = set(re.findall(r'_client\(\s*"([a-z0-9-]+)"', text))
    # The library that reads secrets makes its client itself.
    called |= {"secretsmanager"} if "get_secret" in text else set()

    (kept,) = re.findall(r"^SERVICES := (.*)$", MAKEFILE, re.MULTILINE)

    assert set(kept.split()) == called
    assert len(called) > 5
