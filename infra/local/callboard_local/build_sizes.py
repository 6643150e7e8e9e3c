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
    """Return the bytes of each function with its layers, by its logical id, the largest first."""
    sizes: dict[Path, int] = {}
    found: dict[str, int] = {}
    for name, folders in _folders(_template(build), build).items():
        for folder in folders:
            sizes.setdefault(folder, _size_of(folder))
        found[name] = sum(sizes[folder] for folder in folders)
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def parts_of(build: Path, function: str) -> tuple[Path, list[Path], str]:
    """Return where a function's code is, where Python finds its layers, and its handler."""
    template = _template(build)
    for name, (code, *layers) in _folders(template, build).items():
        handler: str = template["Resources"][name]["Properties"]["Handler"]
        if handler.partition(".")[0] == function:
            return code, [layer / "python" for layer in layers], handler
    raise LookupError(function)


def _template(build: Path) -> dict[str, Any]:
    template: dict[str, Any] = yaml_parse((build / "template.yaml").read_text())  # type: ignore[no-untyped-call]
    return template


def _folders(template: dict[str, Any], build: Path) -> dict[str, list[Path]]:
    """Return the folders of each function: its code's first, then its layers'."""
    resources, shared = template["Resources"], template["Globals"]["Function"]["Layers"]
    return {
        name: [
            build / resource["Properties"]["CodeUri"],
            *(
                build / resources[layer["Ref"]]["Properties"]["ContentUri"]
                for layer in resource["Properties"].get("Layers", shared)
            ),
        ]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
