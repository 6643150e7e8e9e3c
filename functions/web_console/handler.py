"""GET /, /docs, /openapi.json and /assets/...: the pages for people; for any other path, our 404."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.errors import RouteNotFoundError
from callboard.http import Api
from web_console import files

api = Api()


@api.get("/", include_in_schema=False)
def show_home() -> Response[str]:
    return _answer(files.page("home.html"))


@api.get("/docs", include_in_schema=False)
def show_reference() -> Response[str]:
    return _answer(files.page("docs.html"))


@api.get("/openapi.json", include_in_schema=False)
def show_document() -> Response[str]:
    return _answer(files.document())


@api.get("/assets/<name>", include_in_schema=False)
def show_asset(name: str) -> Response[str]:
    asset = files.asset(name)
    if asset is None:
        raise RouteNotFoundError
    return _answer(asset)


def _answer(file: files.File) -> Response[str]:
    unchanged = file.etag in (api.header("if-none-match") or "")
    return Response(
        status_code=HTTPStatus.NOT_MODIFIED if unchanged else HTTPStatus.OK,
        content_type=None if unchanged else file.media_type,
        body="" if unchanged else file.text,
        headers=dict(file.headers),
        compress=not unchanged,
    )


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer with a page, or with our 404.

    Trigger: the HTTP API, also for whatever no other route takes. Effect: none. A raise leads to the gateway's 500.
    """
    return api.serve(event, context)
