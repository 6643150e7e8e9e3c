"""Making clients of services."""

from typing import assert_never

from callboard.providers.bedrock import BedrockClient
from callboard.providers.models import Provider, ProviderClient
from callboard.providers.push import PushClient
from callboard.providers.replicate import ReplicateClient
from callboard.secrets import secret


def client_of(provider: Provider) -> ProviderClient:
    """Make the client of a service, with its token if it has one."""
    match provider.kind:
        case "replicate":
            return ReplicateClient(provider, secret(provider.token_secret))
        case "push":
            return PushClient(provider, secret(provider.token_secret))
        case "bedrock":
            return BedrockClient(provider)
        case _:
            assert_never(provider.kind)
