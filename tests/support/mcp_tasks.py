"""The extension for tasks as a client of the official SDK can have it, which brings none."""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import mcp_types as types
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from pydantic import Field


class CreatedTask(types.Result):
    """What a call answers that goes on."""

    result_type: Literal["task"] = Field(alias="resultType")
    task_id: str = Field(alias="taskId")


class TaskParams(types.RequestParams):
    """Names a task."""

    task_id: str = Field(alias="taskId")


class GetTask(types.Request[TaskParams, Literal["tasks/get"]]):
    """Asks how it stands with a task."""

    name_param: ClassVar[str | None] = "taskId"
    method: Literal["tasks/get"] = "tasks/get"
    params: TaskParams


class TaskState(types.Result):
    """How it stands."""

    status: str
    result: dict[str, Any] | None = None
    poll_interval_ms: int = Field(default=2_000, alias="pollIntervalMs")


class Tasks(ClientExtension):
    """Has the server make tasks, and waits for what comes of them."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.created: list[str] = []

    def claims(self) -> Sequence[ResultClaim[Any]]:
        """Take tasks for results."""
        return [ResultClaim(result_type="task", model=CreatedTask, resolve=self._ended)]

    async def _ended(self, task: CreatedTask, context: ClaimContext) -> types.CallToolResult:
        self.created.append(task.task_id)
        request = GetTask(params=TaskParams(taskId=task.task_id))
        while (state := await context.session.send_request(request, TaskState)).status == "working":
            await asyncio.sleep(state.poll_interval_ms / 1000)
        if state.result is None:
            raise RuntimeError(f"the task is {state.status}")
        return types.CallToolResult.model_validate(state.result)
