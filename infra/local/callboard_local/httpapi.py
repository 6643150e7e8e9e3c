"""HTTP APIs for an emulator that ignores the OpenAPI body of `AWS::ApiGatewayV2::Api`."""

import json
import re
from typing import Any

type Template = dict[str, Any]

# Properties of CORS keep their case: the emulator stores them as they come.
INTEGRATION_KEY = "x-amazon-apigateway-integration"
AUTHORIZER_KEY = "x-amazon-apigateway-authorizer"


def expand(template: Template) -> Template:
    """Replace the body of each HTTP API by the integrations, routes and authorizers that it describes.

    SAM turns `AWS::Serverless::HttpApi` into such a body. Intrinsic functions stay as they are, so that
    CloudFormation resolves them, and updates and deletions are its own.
    """
    resources: dict[str, Any] = {}
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in resource["Properties"]:
            resources |= _expand_api(logical_id, resource)
        else:
            resources[logical_id] = resource
    return template | {"Resources": resources}


def _expand_api(logical_id: str, resource: dict[str, Any]) -> dict[str, Any]:
    properties = dict(resource["Properties"])
    body = properties.pop("Body")
    properties.pop("FailOnWarnings", None)
    properties |= {"ProtocolType": "HTTP", "Name": properties.get("Name") or logical_id}
    if cors := body.get("x-amazon-apigateway-cors"):
        properties.setdefault("CorsConfiguration", cors)
    made: dict[str, Any] = {logical_id: resource | {"Properties": properties}}
    api = {"Ref": logical_id}
    authorizers: dict[str, str] = {}
    for name, scheme in body.get("components", {}).get("securitySchemes", {}).items():
        authorizers[name] = f"{logical_id}Authorizer{name}"
        made[authorizers[name]] = _authorizer(api, name, scheme[AUTHORIZER_KEY])
    integrations: dict[str, str] = {}
    for path, operations in body["paths"].items():
        for verb, operation in operations.items():
            integration = operation.get(INTEGRATION_KEY) if isinstance(operation, dict) else None
            if integration is None:
                continue
            uri = json.dumps(integration["uri"], sort_keys=True)
            if uri not in integrations:
                integrations[uri] = f"{logical_id}Integration{len(integrations)}"
                made[integrations[uri]] = _integration(api, integration)
            key = _route_key(path, verb)
            made[_logical(f"{logical_id}Route", key)] = _route(api, key, integrations[uri], operation, authorizers)
    return made


def _authorizer(api: dict[str, Any], name: str, extension: dict[str, Any]) -> dict[str, Any]:
    jwt = extension["jwtConfiguration"]
    source = extension.get("identitySource", "$request.header.Authorization")
    return {
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            "ApiId": api,
            "Name": name,
            "AuthorizerType": "JWT",
            "IdentitySource": source if isinstance(source, list) else [source],
            "JwtConfiguration": {"Issuer": jwt["issuer"], "Audience": jwt.get("audience", [])},
        },
    }


def _integration(api: dict[str, Any], extension: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {
            "ApiId": api,
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": extension["uri"],
            "PayloadFormatVersion": extension.get("payloadFormatVersion", "2.0"),
        },
    }


def _route(
    api: dict[str, Any], key: str, integration: str, operation: dict[str, Any], authorizers: dict[str, str]
) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "ApiId": api,
        "RouteKey": key,
        "Target": {"Fn::Join": ["/", ["integrations", {"Ref": integration}]]},
    }
    for requirement in operation.get("security", []):
        for name, scopes in requirement.items():
            if name in authorizers:
                properties |= {
                    "AuthorizationType": "JWT",
                    "AuthorizerId": {"Ref": authorizers[name]},
                    "AuthorizationScopes": scopes,
                }
    return {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties}


def _route_key(path: str, verb: str) -> str:
    if path in {"$default", "/$default"}:
        return "$default"
    return f"{'ANY' if verb.startswith('x-') else verb.upper()} {path}"


def _logical(prefix: str, text: str) -> str:
    """Make a readable logical id: `Route`, `GET /api/jobs/{job_id}` -> `RouteGetApiJobsJobId`."""
    words = re.findall(r"[A-Za-z0-9]+", text.replace("+", " plus "))
    return prefix + "".join(word[0].upper() + word[1:].lower() for word in words)
