"""An issuer of access tokens: keys, tokens that are signed with them, and where its public keys are."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "client-of-callboard"
NAME = "https://issuer.example.test/pool"


@lru_cache(maxsize=8)
def private_key(name: str) -> rsa.RSAPrivateKey:
    """Make a key, once a process: that takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class FakeIssuer:
    """Signs tokens as Cognito does; `keys` are the ids of the public keys that it shows."""

    name: str = NAME
    keys: list[str] = field(default_factory=lambda: ["key-1"])
    asked: list[str] = field(default_factory=list)
    is_down: bool = False
    url: str = ""

    def token(
        self,
        user: str = "alice",
        *,
        key: str = "key-1",
        headers: Mapping[str, Any] | None = None,
        groups: Sequence[str] | None = None,
        **claims: Any,
    ) -> str:
        """Sign an access token of a user in a tenant of its name or in these groups; a claim of None is left out."""
        now = int(time.time())
        standard = {
            "sub": f"user-{user}",
            "username": user,
            "cognito:groups": [f"tenant:{user}"] if groups is None else list(groups),
            "client_id": AUDIENCE,
            "token_use": "access",
            "iss": self.name,
            "iat": now,
            "exp": now + 3600,
        }
        given = {name: value for name, value in (standard | claims).items() if value is not None}
        return jwt.encode(given, private_key(key), algorithm="RS256", headers={"kid": key} | dict(headers or {}))

    def documents(self, path: str) -> dict[str, Any]:
        """Answer for what the issuer publishes."""
        self.asked.append(path)
        if path.endswith("/.well-known/openid-configuration"):
            return {"issuer": self.name, "jwks_uri": f"{self.url}/keys"}
        keys: list[dict[str, Any]] = [{"kty": "EC", "kid": "of-another-kind", "use": "sig"}]
        for key in self.keys:
            public = json.loads(RSAAlgorithm.to_jwk(private_key(key).public_key()))
            keys.append(public | {"kid": key, "use": "sig", "alg": "RS256"})
        return {"keys": keys}


@contextmanager
def running_issuer() -> Iterator[FakeIssuer]:
    """Publish an issuer's documents on 127.0.0.1."""
    issuer = FakeIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(issuer.documents(self.path)).encode()
            self.send_response(503 if issuer.is_down else 200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
