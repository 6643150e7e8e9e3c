"""What the MCP server offers: the caller's tools, the memories of the caller's projects, and prompts."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import mcp_types as types
from pydantic import BaseModel, Field, ValidationError

from callboard.cards import service as cards
from callboard.crash import crash_point
from callboard.database import session
from callboard.errors import AnswerTooLargeError, ServiceError
from callboard.identity import Caller
from callboard.jobs import service as jobs
from callboard.jobs.errors import JobNotFoundError
from callboard.jobs.models import TERMINAL
from callboard.mcp import catalog, job_tasks, prompts, registry
from callboard.mcp.catalog import ListedTool
from callboard.mcp.errors import (
    InvalidPromptArgumentsError,
    ResourceNotFoundError,
    TaskNotFoundError,
    UnknownPromptError,
    UnknownToolError,
)
from callboard.mcp.models import Arguments, CreatedJob
from callboard.mcp.registry import ToolContext, ToolResult
from callboard.mcp.server import Page
from callboard.mcp.tasks import (
    Acknowledgement,
    Context,
    CreatedTask,
    DetailedTask,
    TaskParams,
    UpdateTaskParams,
    is_declared,
)
from callboard.observability import logger
from callboard.pagination import DEFAULT_LIMIT, InvalidCursorError
from callboard.projects import service as projects
from callboard.projects.errors import ProjectNotFoundError
from callboard.projects.models import Project, ProjectMemory

MEMORY = "callboard://projects/{project_id}/memory"
MEMORY_URI = re.compile(
    r"callboard://projects/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/memory", re.IGNORECASE
)
JSON = "application/json"
# While jobs run, the next moment may change a memory; else, only people and agents do.
LIVE_TTL_MS = 1_000
QUIET_TTL_MS = 15_000
# They are signed anew each time, and say nothing that the rest does not.
SIGNED = frozenset({"url", "url_expires_at", "result_url", "result_url_expires_at"})
VERSION_KEY = "callboard/version"
# What a tool answers is sent twice, as text and as a structure, in an answer of at most 6 MB.
MAX_CONTENT_CHARACTERS = 1_500_000
REVIEWED_CANDIDATES = 20
# The protocol's own limit.
MAX_COMPLETIONS = 100
# As over HTTP, nothing of the inside.
UNFORESEEN = {"code": "INTERNAL_ERROR", "message": "An unexpected error occurred", "details": {}}


class PlanArguments(Arguments):
    """What the prompt for planning is filled in with."""

    project_id: UUID = Field(description="The project's id.")
    brief: str = Field(min_length=1, max_length=20_000, description="What is wanted, in your own words.")


class ReviewArguments(Arguments):
    """What the prompt for reviewing is filled in with."""

    card_id: UUID = Field(description="The card whose candidates are to be compared.")
    question: str = Field(default="", max_length=2_000, description="What to look for beside what the card asks for.")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt: what it is called, what it takes, and what it becomes."""

    name: str
    title: str
    description: str
    arguments: type[Arguments]
    fill_in: Callable[[Caller, Any], list[types.ContentBlock]]

    def described(self) -> types.Prompt:
        """Describe it to clients."""
        return types.Prompt(
            name=self.name,
            title=self.title,
            description=self.description,
            arguments=[
                types.PromptArgument(name=name, description=field.description, required=field.is_required())
                for name, field in self.arguments.model_fields.items()
            ],
        )


@dataclass(frozen=True, slots=True)
class BoardOffers:
    """What one caller is offered: what its tenant has."""

    caller: Caller

    async def list_tools(self, context: Context, params: Page) -> types.ListToolsResult:
        """List the tools built in, then those of the tenant, always in one order and on one page."""
        _only_page(params)
        with session() as db:
            tools = catalog.tools_of(db, self.caller)
        return types.ListToolsResult(tools=[_described(tool) for tool in tools])

    def header_schema(self, name: str) -> dict[str, Any] | None:
        """Return a registered tool's schema, which may ask for headers; those built in ask for none."""
        if registry.is_built_in(name):
            return None
        with session() as db:
            return next((tool.input_schema for tool in catalog.tools_of(db, self.caller) if tool.name == name), None)

    async def call_tool(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | CreatedTask:
        """Carry out a call and do what follows its commit; what is wrong with it is for the model to read.

        A call that makes one job becomes a task for a client that knows tasks.

        Raises:
            UnknownToolError: The caller has no such tool.
        """
        await context.session.report_progress(0, 1)
        result: types.CallToolResult | CreatedTask
        try:
            done = self._carry_out(params.name, params.arguments or {})
            if isinstance(done.content, CreatedJob) and is_declared(context):
                result = self._announced(done.content)
            else:
                result = _result(done.content)
            logger.info("tool called", action="tool_called", tool=params.name, jobs=len(done.accepted_jobs))
        except UnknownToolError:
            raise
        except ServiceError as error:
            logger.info("tool refused", action="tool_refused", tool=params.name, error_code=error.code)
            result = _refusal(error.as_dict() | {"retryable": error.retryable})
        except Exception:  # noqa: BLE001  # whatever it is, the client waits for an answer
            logger.exception("unforeseen error", action="unforeseen_error", tool=params.name)
            result = _refusal(UNFORESEEN)
        await context.session.report_progress(1, 1)
        return result

    def _carry_out(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        with session() as db:
            result = catalog.call(db, ToolContext(self.caller), name, arguments)
            crash_point("mcp_server.after_commit")
            registry.follow_up(db, result, origin="mcp_server")
        return result

    def _announced(self, made: CreatedJob) -> CreatedTask:
        with session() as db:
            return job_tasks.created_task(jobs.get_job(db, self.caller, made.job_id))

    async def get_task(self, context: Context, params: TaskParams) -> DetailedTask:
        """Show a job of the caller's tenant as a task, however it was made.

        Raises:
            TaskNotFoundError: There is no such job for the caller's tenant.
        """
        job_id = job_tasks.job_id_of(params.task_id)
        try:
            with session() as db:
                return job_tasks.detailed_task(jobs.get_job(db, self.caller, job_id))
        except JobNotFoundError as error:
            raise TaskNotFoundError from error

    async def update_task(self, context: Context, params: UpdateTaskParams) -> Acknowledgement:
        """Acknowledge answers without effect: a job asks for nothing.

        Raises:
            TaskNotFoundError: There is no such job for the caller's tenant.
        """
        await self.get_task(context, params)
        return Acknowledgement()

    async def cancel_task(self, context: Context, params: TaskParams) -> Acknowledgement:
        """Cancel a job, or ask for it.

        Raises:
            TaskNotFoundError: There is no such job for the caller's tenant.
        """
        job_id = job_tasks.job_id_of(params.task_id)
        try:
            self._carry_out("cancel_job", {"job_id": job_id})
        except JobNotFoundError as error:
            raise TaskNotFoundError from error
        logger.info("task cancelled", action="task_cancelled", job_id=str(job_id))
        return Acknowledgement()

    async def list_resources(self, context: Context, params: Page) -> types.ListResourcesResult:
        """List the memories of the caller's projects, newest project first."""
        with session() as db:
            page = projects.list_projects(db, self.caller, params.cursor if params else None, DEFAULT_LIMIT)
        return types.ListResourcesResult(
            resources=[_memory_of(project) for project in page.items], next_cursor=page.next_cursor
        )

    async def list_resource_templates(self, context: Context, params: Page) -> types.ListResourceTemplatesResult:
        """List the one form."""
        _only_page(params)
        template = types.ResourceTemplate(
            name="project_memory",
            title="A project's memory",
            uri_template=MEMORY,
            description="All that is known of a project: its activities and cards, approved assets and newest jobs.",
            mime_type=JSON,
        )
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """Read a project's memory; how long it is fresh depends on whether its jobs have ended.

        Raises:
            ResourceNotFoundError: There is no such resource for the caller's tenant.
        """
        found = MEMORY_URI.fullmatch(params.uri)
        if found is None:
            raise ResourceNotFoundError(details={"uri": params.uri})
        try:
            memory = _read_memory(self.caller, UUID(found[1]))
        except ProjectNotFoundError as error:
            raise ResourceNotFoundError(details={"uri": params.uri}) from error
        is_live = any(job.status not in TERMINAL for job in memory.recent_jobs)
        contents = _memory_contents(params.uri, memory)
        return types.ReadResourceResult(
            contents=[contents],
            ttl_ms=LIVE_TTL_MS if is_live else QUIET_TTL_MS,
            cache_scope="private",
            _meta=dict(contents.meta or {}),
        )

    async def list_prompts(self, context: Context, params: Page) -> types.ListPromptsResult:
        """List the prompts, on one page."""
        _only_page(params)
        return types.ListPromptsResult(prompts=[prompt.described() for prompt in PROMPTS.values()])

    async def get_prompt(self, context: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        """Fill in a prompt with what is known now.

        Raises:
            UnknownPromptError: There is no such prompt.
            InvalidPromptArgumentsError: It does not take these arguments.
            ServiceError: What they name does not exist for the caller's tenant.
        """
        prompt = PROMPTS.get(params.name)
        if prompt is None:
            raise UnknownPromptError(details={"prompt": params.name})
        try:
            arguments = prompt.arguments.model_validate(params.arguments or {})
        except ValidationError as error:
            raise InvalidPromptArgumentsError.of(params.name, error) from error
        return types.GetPromptResult(
            description=prompt.description,
            messages=[
                types.PromptMessage(role="user", content=block) for block in prompt.fill_in(self.caller, arguments)
            ],
        )

    async def complete(self, context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        """Suggest the newest projects whose id or name begins so, wherever a project's id is asked for."""
        if params.argument.name != "project_id":
            return types.CompleteResult(completion=types.Completion(values=[]))
        begun = params.argument.value.casefold()
        with session() as db:
            newest = projects.list_projects(db, self.caller, None, MAX_COMPLETIONS).items
        found = [str(project.id) for project in newest if _begins(project, begun)]
        return types.CompleteResult(completion=types.Completion(values=found))


def version_of(memory: ProjectMemory) -> str:
    """Return what changes whenever a memory does, its signed URLs aside."""

    def lasting(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                name: value if name == "params" else lasting(value)
                for name, value in node.items()
                if name not in SIGNED
            }
        return [lasting(value) for value in node] if isinstance(node, list) else node

    content = json.dumps(lasting(memory.model_dump(mode="json")), sort_keys=True)
    return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()[:32]


def _plan(caller: Caller, arguments: PlanArguments) -> list[types.ContentBlock]:
    memory = _read_memory(caller, arguments.project_id)
    uri = MEMORY.format(project_id=arguments.project_id)
    return [
        types.TextContent(text=prompts.PLAN.format(project_id=arguments.project_id, brief=arguments.brief)),
        # As words: not all clients take an embedded resource.
        types.TextContent(text=_memory_contents(uri, memory).text),
    ]


def _review(caller: Caller, arguments: ReviewArguments) -> list[types.ContentBlock]:
    with session() as db:
        card = cards.get_card(db, caller, arguments.card_id)
        candidates = cards.list_candidates(db, caller, arguments.card_id, None, REVIEWED_CANDIDATES)
    question = f", and with this: {arguments.question}" if arguments.question else ""
    attached = {
        "card": card.model_dump(mode="json"),
        "candidates": [candidate.model_dump(mode="json") for candidate in candidates.items],
    }
    return [
        types.TextContent(text=prompts.REVIEW.format(card_id=card.id, question=question)),
        types.TextContent(text=_json(attached)),
    ]


PROMPTS: Mapping[str, Prompt] = {
    prompt.name: prompt
    for prompt in (
        Prompt(
            "plan_project",
            "Plan a project",
            "Plan a production from a brief, and start it, knowing what the project has already.",
            PlanArguments,
            _plan,
        ),
        Prompt(
            "review_card",
            "Review a card",
            "Compare the candidates of a card and recommend one.",
            ReviewArguments,
            _review,
        ),
    )
}


def _described(tool: ListedTool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.name.replace("_", " ").capitalize(),
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=types.ToolAnnotations(
            read_only_hint=tool.read_only,
            idempotent_hint=tool.idempotent,
            # What another service does with a call is its own affair.
            open_world_hint=not tool.is_built_in,
        ),
    )


def _result(answered: BaseModel) -> types.CallToolResult:
    content = answered.model_dump(mode="json")
    text = _json(content)
    if len(json.dumps(text)) > MAX_CONTENT_CHARACTERS:
        raise AnswerTooLargeError
    return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=content)


def _refusal(error: Mapping[str, Any]) -> types.CallToolResult:
    # As text only: some clients hold any structure against the tool's output schema.
    return types.CallToolResult(content=[types.TextContent(text=_json(error))], is_error=True)


def _read_memory(caller: Caller, project_id: UUID) -> ProjectMemory:
    with session() as db:
        return projects.get_project_memory(db, caller, project_id)


def _begins(project: Project, begun: str) -> bool:
    return str(project.id).startswith(begun) or project.name.casefold().startswith(begun)


def _memory_of(project: Project) -> types.Resource:
    return types.Resource(
        uri=MEMORY.format(project_id=project.id),
        name=f"project_memory_{project.id}",
        title=project.name,
        description=project.description or None,
        mime_type=JSON,
    )


def _memory_contents(uri: str, memory: ProjectMemory) -> types.TextResourceContents:
    text = _json(memory)
    if len(json.dumps(text)) > 2 * MAX_CONTENT_CHARACTERS:
        raise AnswerTooLargeError
    return types.TextResourceContents(uri=uri, mime_type=JSON, text=text, _meta={VERSION_KEY: version_of(memory)})


def _only_page(params: Page) -> None:
    if params is not None and params.cursor is not None:
        raise InvalidCursorError


def _json(content: Any) -> str:
    value = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
