"""The example of a tool that is registered: one picture of all approved pictures of a project."""

from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ValidationError

from callboard.database import session
from callboard.errors import ServiceError
from callboard.mcp.errors import InvalidToolArgumentsError
from callboard.mcp.models import ToolCall
from callboard.observability import correlated, logger
from tool_contact_sheet.making import make_contact_sheet


class Arguments(BaseModel):
    """What the tool takes."""

    project_id: UUID


def _project_of(call: ToolCall) -> UUID:
    try:
        return Arguments.model_validate(call.arguments).project_id
    except ValidationError as error:
        # The caller reads the message alone.
        raise InvalidToolArgumentsError("project_id is to be the id of a project.") from error


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Draw, store and show a contact sheet.

    Trigger: an invocation as a registered tool, whose `tenant` decides what is seen. Effect: a picture in the assets
    bucket, the same object for the same pictures. What is refused is answered as `error`; a raise fails the call alone.
    """
    call = ToolCall.model_validate(event)
    with correlated(call.request_id):
        try:
            project_id = _project_of(call)
            with session() as db:
                sheet = make_contact_sheet(db, call.tenant, project_id)
        except ServiceError as error:
            if error.retryable:
                raise
            return {"error": error.as_dict()}
        logger.info("contact sheet drawn", action="contact_sheet_drawn", pictures=sheet.pictures)
        return sheet.model_dump(mode="json")
