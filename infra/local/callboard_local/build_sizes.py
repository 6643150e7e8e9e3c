"""`python -m callboard_local.build_sizes`: how large each function is with its layers, as `sam build` left them."""

import sys
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from callboard_local.paths import PROJECT

BUILD = PROJECT / ".aws-sam" / "build"
# Of a function with its layers, unzipped.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_BYTES = 250 * 1024 * 1024


def main() -> None:
    """Print a table, the largest function first; fail if Lambda would not take one."""
    sizes = of_functions(BUILD)
    sys.stdout.write("".join(f"{size / 1e6:8.1f} MB  {name}\n" for name, size in sizes.items()))
    too_large = [name for name, size in sizes.items() if size > MAX_BYTES]
    if too_large:
        sys.exit(f"Lambda takes {MAX_BYTES / 1e6:.0f} MB of a function with its layers: {', '.join(too_large)}")


def of_functions(build: Path) -> dict[str, int]:
    """Return the bytes of each function with its layers, the largest first."""
    template: dict[str, Any] = yaml_parse((build / "template.yaml").read_text())  # type: ignore[no-untyped-call]
    shared = template["Globals"]["Function"]["Layers"]
    layers: dict[str, int] = {}
    found: dict[str, int] = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        names = {layer["Ref"] for layer in resource["Properties"].get("Layers", shared)}
        for layer in names - layers.keys():
            layers[layer] = _size_of(build / template["Resources"][layer]["Properties"]["ContentUri"])
        code = _size_of(build / resource["Properties"]["CodeUri"])
        found[name] = code + sum(layers[layer] for layer in names)
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
