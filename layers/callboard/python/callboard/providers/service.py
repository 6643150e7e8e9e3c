"""Making clients of services."""

from typing import assert_never

from callboard.providers.models import Provider, ProviderClient
from callboard.providers.push import PushClient
from callboard.providers.replicate import ReplicateClient
from callboard.secrets import secret


def client_of(provider: Provider) -> ProviderClient:
    """Make the client of a service with its token."""
    token = secret(provider.token_secret)
    match provider.kind:
        case "replicate":
            return ReplicateClient(provider.base_url, token)
        case "push":
            return PushClient(provider.base_url, token)
        case _:
            assert_never(provider.kind)
