import json
from pathlib import Path
from typing import Any

import pytest

from callboard_local import deployment

ENDPOINT = "http://127.0.0.1:4566"
CODE = {"functions": "functions.zip", "migrate": "migrate.zip", "layer": "layer.zip"}
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: python3.13
    Architectures: [arm64]
    CodeUri: functions/
    Layers: [!Ref CallboardLayer, !Ref DependenciesLayer]
    LoggingConfig: {LogGroup: !Ref Logs}
    Environment:
      Variables: {ENVIRONMENT: local}
Resources:
  CallboardLayer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/callboard/}
  DependenciesLayer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/dependencies/}
  AgentsLayer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/agents/}
  PicturesLayer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layers/pictures/}
  Logs:
    Type: AWS::Logs::LogGroup
  HttpApi:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: AccessToken
        Authorizers:
          AccessToken:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: https://issuer.example.test, audience: [client]}
  WebSocketApi:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: live, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.type}
  MigrateFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: makefile}
    Properties: {CodeUri: functions/migrate/, Handler: migrate.handler.lambda_handler}
  BoardFunction:
    Type: AWS::Serverless::Function
    Properties:
      Handler: manage_board.handler.lambda_handler
      Environment:
        Variables:
          PUBLIC_URL: !Sub https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}
          WEBSOCKET_URL: !Sub wss://${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live
          WEBSOCKET_ENDPOINT: !Sub https://${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live
      Events:
        List:
          Type: HttpApi
          Properties: {ApiId: !Ref HttpApi, Method: GET, Path: /api/projects}
        Read:
          Type: HttpApi
          Properties: {ApiId: !Ref HttpApi, Method: ANY, Path: "/api/projects/{proxy+}"}
        Health:
          Type: HttpApi
          Properties: {ApiId: !Ref HttpApi, Method: GET, Path: /health, Auth: {Authorizer: NONE}}
        Default:
          Type: HttpApi
          Properties: {ApiId: !Ref HttpApi, Method: ANY, Path: $default, Auth: {Authorizer: NONE}}
"""

type Resources = dict[str, dict[str, Any]]


@pytest.fixture
def resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resources:
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE)
    monkeypatch.setattr(deployment, "TEMPLATE", template)
    translated: Resources = deployment.translate(ENDPOINT, {}, CODE)["Resources"]
    return translated


def _properties(resources: Resources, kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == f"AWS::ApiGatewayV2::{kind}"
    }


def _routes(resources: Resources) -> dict[str, dict[str, Any]]:
    return {route["RouteKey"]: route for route in _properties(resources, "Route").values()}


def test_http_api_has_a_route_for_each_event_and_no_body(resources: Resources) -> None:
    assert set(_routes(resources)) == {"GET /api/projects", "ANY /api/projects/{proxy+}", "GET /health", "$default"}
    assert "Body" not in resources["HttpApi"]["Properties"]
    assert resources["HttpApi"]["Properties"]["ProtocolType"] == "HTTP"


def test_route_behind_the_default_authorizer_checks_tokens(resources: Resources) -> None:
    (authorizer,) = _properties(resources, "Authorizer").items()

    for key in ("GET /api/projects", "ANY /api/projects/{proxy+}"):
        route = _routes(resources)[key]
        assert (route["AuthorizationType"], route["AuthorizerId"]) == ("JWT", {"Ref": authorizer[0]})
    assert authorizer[1]["JwtConfiguration"] == {"Issuer": "https://issuer.example.test", "Audience": ["client"]}


@pytest.mark.parametrize("key", ["GET /health", "$default"])
def test_route_without_an_authorizer_is_open(resources: Resources, key: str) -> None:
    assert "AuthorizationType" not in _routes(resources)[key]


def test_routes_of_one_function_share_its_integration(resources: Resources) -> None:
    (integration,) = _properties(resources, "Integration")

    targets = [route["Target"] for route in _routes(resources).values()]

    assert targets == [{"Fn::Join": ["/", ["integrations", {"Ref": integration}]]}] * 4


def test_urls_of_the_apis_become_those_of_the_emulator(resources: Resources) -> None:
    variables = resources["BoardFunction"]["Properties"]["Environment"]["Variables"]

    assert variables["PUBLIC_URL"] == {"Fn::Sub": "http://127.0.0.1:4566/_aws/execute-api/${HttpApi}"}
    assert variables["WEBSOCKET_URL"] == {"Fn::Sub": "ws://127.0.0.1:4566/_aws/execute-api/${WebSocketApi}/live"}
    assert variables["WEBSOCKET_ENDPOINT"] == {"Fn::Sub": "http://127.0.0.1:4566/_aws/execute-api/${WebSocketApi}/live"}


def test_functions_run_the_uploaded_code(resources: Resources) -> None:
    def code(name: str) -> str:
        key: str = resources[name]["Properties"]["Code"]["S3Key"]
        return key

    assert code("BoardFunction") == "functions.zip"
    assert code("MigrateFunction") == "migrate.zip"


def test_dependencies_stay_out_because_the_emulators_interpreter_has_them(resources: Resources) -> None:
    assert "DependenciesLayer" not in json.dumps(resources)
    assert len(resources["BoardFunction"]["Properties"]["Layers"]) == 1


def test_functions_log_into_groups_of_their_names(resources: Resources) -> None:
    function = resources["BoardFunction"]["Properties"]

    assert "LoggingConfig" not in function
    assert function["Environment"]["Variables"]["LOG_LEVEL"] == "INFO"
