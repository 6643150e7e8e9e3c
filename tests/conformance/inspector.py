"""The protocol's own inspector, as a command line, against the product's function: it lists and calls the tools."""

import json
import subprocess
from pathlib import Path
from typing import Any

from callboard_local.stack import Stack

SECONDS = 60


class InspectionFailedError(AssertionError):
    """The inspector does not find what it should."""


def inspect(command: list[str | Path], stack: Stack, token: str, card: dict[str, Any]) -> list[str]:
    """List tools, resources and prompts, and call a tool that reads and one that writes; say what was seen.

    Raises:
        InspectionFailedError: The inspector says no, or finds something else than what is there.
    """

    def ask(method: str, *options: str) -> Any:
        header = f"Authorization: Bearer {token}"
        done = subprocess.run(
            [*command, "--cli", stack.mcp, "--transport", "http", "--header", header, "--method", method, *options],
            timeout=SECONDS,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise InspectionFailedError(f"{method}: {done.stdout}{done.stderr}".replace(token, "..."))
        return json.loads(done.stdout)

    project = card["project_id"]
    # Strict: with schemas that clients of all makers take.
    tools = [tool["name"] for tool in ask("tools/list", "--strict")["tools"]]
    memory = ask("tools/call", "--tool-name", "get_project_memory", "--tool-arg", f"project_id={project}")
    title = ("--tool-arg", f"card_id={card['id']}", "--tool-arg", "title=Seen by the inspector")
    updated = ask("tools/call", "--tool-name", "update_card", *title)
    resources = [resource["uri"] for resource in ask("resources/list")["resources"]]
    prompts = [prompt["name"] for prompt in ask("prompts/list")["prompts"]]
    seen = {
        "lists the tools": "get_project_memory" in tools and "update_card" in tools,
        "calls a tool that reads": memory["structuredContent"]["project"]["id"] == project,
        "calls a tool that writes": updated["structuredContent"]["title"] == "Seen by the inspector",
        "lists the resources": f"callboard://projects/{project}/memory" in resources,
        "lists the prompts": prompts == ["plan_project", "review_card"],
    }
    if missing := [claim for claim, is_so in seen.items() if not is_so]:
        raise InspectionFailedError(f"not so: {', '.join(missing)}")
    return list(seen)
