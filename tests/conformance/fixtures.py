"""What the suite asks a server to offer, each named and answering as its scenarios say."""

import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    InputRequiredResult,
    MissingRequiredClientCapabilityErrorData,
)

from callboard.identity import Caller
from callboard.mcp.errors import ResourceNotFoundError, UnknownPromptError, UnknownToolError
from callboard.mcp.offers import BoardOffers
from callboard.mcp.server import Page
from callboard.mcp.tasks import (
    Acknowledgement,
    Context,
    CreatedTask,
    DetailedTask,
    TaskParams,
    UpdateTaskParams,
    require_declared,
)

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
# A header of RIFF, and no sound.
WAV = base64.b64encode(
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\0"
).decode()
STATE_KEY = b"of a test"

Params = types.CallToolRequestParams
type Answer = CallToolResult | InputRequiredResult
# No job fails as a call of the protocol does, so this is no job.
FAILED_TASK = "protocol-error-job"


def text(words: str) -> types.TextContent:
    return types.TextContent(text=words)


def result(*content: types.ContentBlock, is_error: bool = False) -> CallToolResult:
    return CallToolResult(content=list(content), is_error=is_error)


def image() -> types.ImageContent:
    return types.ImageContent(data=PNG, mime_type="image/png")


def embedded(uri: str, words: str, mime_type: str = "text/plain") -> types.EmbeddedResource:
    return types.EmbeddedResource(resource=types.TextResourceContents(uri=uri, mime_type=mime_type, text=words))


def form(message: str, name: str, kind: str) -> types.ElicitRequest:
    schema: Any = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def sampling(question: str) -> types.CreateMessageRequest:
    message = types.SamplingMessage(role="user", content=text(question))
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=[message], max_tokens=100))


def signed(state: str) -> str:
    return f"{state}.{hmac.new(STATE_KEY, state.encode(), hashlib.sha256).hexdigest()}"


def verified(state: str | None) -> str | None:
    """Return the state that we signed; None if there is none.

    Raises:
        MCPError: Somebody else made it.
    """
    if state is None:
        return None
    plain = state.rpartition(".")[0]
    if not hmac.compare_digest(signed(plain), state):
        raise MCPError(code=types.INVALID_PARAMS, message="The state was changed.")
    return plain


def asking(
    params: Params | types.GetPromptRequestParams,
    requests: Mapping[str, types.InputRequest],
    *,
    state: str | None = None,
) -> InputRequiredResult | None:
    """Ask for what was not answered yet; None if nothing is left to ask."""
    answered = params.input_responses or {}
    if requests.keys() <= answered.keys():
        return None
    return InputRequiredResult(input_requests=dict(requests), request_state=state and signed(state))


async def simple_text(context: Context, params: Params) -> Answer:
    return result(text("This is a simple text response for testing."))


async def image_content(context: Context, params: Params) -> Answer:
    return result(image())


async def audio_content(context: Context, params: Params) -> Answer:
    return result(types.AudioContent(data=WAV, mime_type="audio/wav"))


async def embedded_resource(context: Context, params: Params) -> Answer:
    return result(embedded("test://embedded-resource", "This is an embedded resource content."))


async def multiple_content_types(context: Context, params: Params) -> Answer:
    mixed = embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
    return result(text("Multiple content types test:"), image(), mixed)


async def error_handling(context: Context, params: Params) -> Answer:
    return result(text("This tool intentionally returns an error for testing"), is_error=True)


async def tool_with_progress(context: Context, params: Params) -> Answer:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
    return result(text("Done."))


async def tool_with_logging(context: Context, params: Params) -> Answer:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message(  # type: ignore[deprecated, unused-ignore]
            "info", words, related_request_id=context.request_id
        )
    return result(text("Done."))


async def missing_capability(context: Context, params: Params) -> Answer:
    known = context.session.client_capabilities
    if known is None or known.sampling is None:
        required = types.ClientCapabilities(sampling=types.SamplingCapability())
        data = MissingRequiredClientCapabilityErrorData(required_capabilities=required)
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="Sampling is needed.",
            data=data.model_dump(by_alias=True, mode="json", exclude_none=True),
        )
    return result(text("Done."))


async def elicitation(context: Context, params: Params) -> Answer:
    asked = asking(params, {"user_name": form("What is your name?", "name", "string")})
    return asked or result(text("Hello!"))


async def sampled(context: Context, params: Params) -> Answer:
    return asking(params, {"capital_question": sampling("What is the capital of France?")}) or result(text("Paris."))


async def roots(context: Context, params: Params) -> Answer:
    asked = asking(params, {"client_roots": types.ListRootsRequest()})
    return asked or result(text(str((params.input_responses or {})["client_roots"])))


async def request_state(context: Context, params: Params) -> Answer:
    known = verified(params.request_state)
    asked = asking(params, {"confirm": form("Please confirm", "ok", "boolean")}, state="confirming")
    return asked or result(text("state-ok" if known == "confirming" else "no state"))


async def multiple_inputs(context: Context, params: Params) -> Answer:
    verified(params.request_state)
    requests: dict[str, types.InputRequest] = {
        "user_name": form("What is your name?", "name", "string"),
        "greeting": sampling("Generate a greeting"),
        "client_roots": types.ListRootsRequest(),
    }
    asked = asking(params, requests, state="all three")
    return asked or result(text("Done."))


async def multi_round(context: Context, params: Params) -> Answer:
    known = verified(params.request_state)
    if known is None:
        first = asking(params, {"step1": form("Step 1: What is your name?", "name", "string")}, state="first")
        return first or result(text("No state."), is_error=True)
    if known == "first" and "step1" in (params.input_responses or {}):
        step2 = form("Step 2: What is your favorite color?", "color", "string")
        return InputRequiredResult(input_requests={"step2": step2}, request_state=signed("second"))
    return result(text("Done."))


async def capabilities(context: Context, params: Params) -> Answer:
    known = context.session.client_capabilities
    requests: dict[str, types.InputRequest] = {}
    if known is not None and known.sampling is not None:
        requests["greeting"] = sampling("Generate a greeting")
    if known is not None and known.elicitation is not None:
        requests["user_name"] = form("What is your name?", "name", "string")
    return asking(params, requests) or result(text("Done."))


async def greet(context: Context, params: Params) -> Answer:
    return result(text(f"Hello, {(params.arguments or {})['name']}!"))


async def confirm_delete(context: Context, params: Params) -> Answer:
    # A job asks nothing while it runs; the suite takes an answer at once as well.
    return result(text("Deleted."))


TOOLS: Mapping[str, Callable[[Context, Params], Awaitable[Answer]]] = {
    "test_simple_text": simple_text,
    "test_image_content": image_content,
    "test_audio_content": audio_content,
    "test_embedded_resource": embedded_resource,
    "test_multiple_content_types": multiple_content_types,
    "test_error_handling": error_handling,
    "test_tool_with_progress": tool_with_progress,
    "test_tool_with_logging": tool_with_logging,
    "test_logging_tool": tool_with_logging,
    "test_missing_capability": missing_capability,
    "test_streaming_elicitation": elicitation,
    "test_input_required_result_elicitation": elicitation,
    "test_input_required_result_sampling": sampled,
    "test_input_required_result_list_roots": roots,
    "test_input_required_result_request_state": request_state,
    "test_input_required_result_tampered_state": request_state,
    "test_input_required_result_multiple_inputs": multiple_inputs,
    "test_input_required_result_multi_round": multi_round,
    "test_input_required_result_capabilities": capabilities,
    "greet": greet,
    "confirm_delete": confirm_delete,
}
TASK_TOOLS = ("slow_compute", "failing_job", "protocol_error_job", "test_tool_with_task")
RESOURCES = {"test://static-text": "text/plain", "test://static-binary": "image/png"}
TEMPLATED = re.compile(r"test://template/([^/]+)/data")
PROMPTS: Mapping[str, list[str]] = {
    "test_simple_prompt": [],
    "test_prompt_with_arguments": ["arg1", "arg2"],
    "test_prompt_with_embedded_resource": ["resourceUri"],
    "test_prompt_with_image": [],
    "test_input_required_result_prompt": [],
}


class FixtureOffers:
    """What the suite asks for, instead of what the board has. Tasks are jobs of the caller's tenant, on one card."""

    def __init__(self, caller: Caller, card_id: str) -> None:
        self._board = BoardOffers(caller)
        self._card_id = card_id

    async def list_tools(self, context: Context, params: Page) -> types.ListToolsResult:
        """List the tools."""
        schema = {"type": "object", "properties": {}}
        return types.ListToolsResult(
            tools=[
                types.Tool(name=name, description=f"The suite's {name}.", input_schema=schema)
                for name in (*TOOLS, *TASK_TOOLS)
            ]
        )

    async def call_tool(self, context: Context, params: Params) -> Answer | CreatedTask:
        """Call a tool."""
        if params.name in TOOLS:
            return await TOOLS[params.name](context, params)
        match params.name:
            case "slow_compute":
                return await self._job(context, duration=(params.arguments or {})["seconds"])
            case "failing_job":
                require_declared(context)
                return await self._job(context, outcome="refuse")
            case "test_tool_with_task":
                require_declared(context)
                asked = asking(params, {"user_name": form("What is your name?", "name", "string")})
                return asked or await self._job(context, prompt=f"A portrait of {params.input_responses}")
            case "protocol_error_job":
                require_declared(context)
                now = datetime.now(UTC)
                return CreatedTask(task_id=FAILED_TASK, status="working", created_at=now, last_updated_at=now)
        raise UnknownToolError(details={"tool": params.name})

    async def _job(self, context: Context, prompt: str = "A clock", **simulate: Any) -> Answer | CreatedTask:
        """Have the stand-in service work on the card as told."""
        arguments = {"card_id": self._card_id, "params": {"prompt": prompt, "simulate": {"duration": 0.1} | simulate}}
        return await self._board.call_tool(context, Params(name="create_job", arguments=arguments))

    async def get_task(self, context: Context, params: TaskParams) -> DetailedTask:
        """Show a job, or the call that failed."""
        if params.task_id != FAILED_TASK:
            return await self._board.get_task(context, params)
        now = datetime.now(UTC)
        error = types.ErrorData(code=types.INTERNAL_ERROR, message="It broke.").model_dump(exclude_none=True)
        return DetailedTask(task_id=FAILED_TASK, status="failed", created_at=now, last_updated_at=now, error=error)

    async def update_task(self, context: Context, params: UpdateTaskParams) -> Acknowledgement:
        """Answer a job."""
        return await self._board.update_task(context, params)

    async def cancel_task(self, context: Context, params: TaskParams) -> Acknowledgement:
        """Cancel a job."""
        return await self._board.cancel_task(context, params)

    def header_schema(self, name: str) -> dict[str, Any] | None:
        """Say that none of the tools repeats arguments in headers."""
        return None

    async def list_resources(self, context: Context, params: Page) -> types.ListResourcesResult:
        """List the resources."""
        return types.ListResourcesResult(
            resources=[types.Resource(uri=uri, name=uri, mime_type=kind) for uri, kind in RESOURCES.items()]
        )

    async def list_resource_templates(self, context: Context, params: Page) -> types.ListResourceTemplatesResult:
        """List the one form."""
        template = types.ResourceTemplate(name="template", uri_template="test://template/{id}/data")
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult | InputRequiredResult:
        """Read a resource."""
        uri = params.uri
        found: types.TextResourceContents | types.BlobResourceContents
        if uri == "test://static-text":
            words = "This is the content of the static text resource."
            found = types.TextResourceContents(uri=uri, mime_type=RESOURCES[uri], text=words)
        elif uri == "test://static-binary":
            found = types.BlobResourceContents(uri=uri, mime_type=RESOURCES[uri], blob=PNG)
        elif match := TEMPLATED.fullmatch(uri):
            words = f'{{"id":"{match[1]}","templateTest":true,"data":"Data for ID: {match[1]}"}}'
            found = types.TextResourceContents(uri=uri, mime_type="application/json", text=words)
        else:
            raise ResourceNotFoundError(details={"uri": uri})
        return types.ReadResourceResult(contents=[found])

    async def list_prompts(self, context: Context, params: Page) -> types.ListPromptsResult:
        """List the prompts."""
        return types.ListPromptsResult(
            prompts=[
                types.Prompt(
                    name=name,
                    description=f"The suite's {name}.",
                    arguments=[types.PromptArgument(name=argument, required=True) for argument in arguments],
                )
                for name, arguments in PROMPTS.items()
            ]
        )

    async def get_prompt(
        self, context: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult | InputRequiredResult:
        """Fill in a prompt."""
        given = params.arguments or {}
        match params.name:
            case "test_simple_prompt":
                content: list[types.ContentBlock] = [text("This is a simple prompt for testing.")]
            case "test_prompt_with_arguments":
                content = [text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'")]
            case "test_prompt_with_embedded_resource":
                attached = embedded(given["resourceUri"], "Embedded resource content for testing.")
                content = [attached, text("Please process the embedded resource above.")]
            case "test_prompt_with_image":
                content = [image(), text("Please analyze the image above.")]
            case "test_input_required_result_prompt":
                question = form("What context should the prompt use?", "context", "string")
                if asked := asking(params, {"user_context": question}):
                    return asked
                content = [text("A prompt with context.")]
            case _:
                raise UnknownPromptError(details={"prompt": params.name})
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=block) for block in content])

    async def complete(self, context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        """Suggest nothing."""
        return types.CompleteResult(completion=types.Completion(values=[]))
