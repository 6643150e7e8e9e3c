"""Fetching outputs: from allowed hosts only, never from private addresses, bounded in size, time and type."""

import hashlib
import ipaddress
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3

from callboard.providers.errors import OutputUnavailableError
from callboard.providers.models import Provider

MAX_BYTES = 100 * 1024 * 1024
MAX_SECONDS = 60.0
MAX_REDIRECTS = 3
CHUNK_BYTES = 256 * 1024

# RFC 6052, section 2.1.
NAT64 = ipaddress.ip_network("64:ff9b::/96")

EXTENSION_OF = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/ogg": ".ogg",
}
# What the hosted service serves outputs from, beside its API's own host.
REPLICATE_DELIVERY = "*.replicate.delivery"


@dataclass(frozen=True, slots=True)
class Output:
    """A fetched output."""

    content: bytes
    media_type: str
    sha256: bytes

    @property
    def extension(self) -> str:
        """The file name extension of its media type, with a dot."""
        return EXTENSION_OF[self.media_type]


def allowed_hosts(provider: Provider) -> list[str]:
    """List the hosts that outputs of a service may come from."""
    own = urlsplit(provider.base_url).hostname or ""
    match provider.kind:
        case "replicate":
            return [own, REPLICATE_DELIVERY, *provider.output_hosts]
        case "push":
            return [own, *provider.output_hosts]
        case _:
            assert_never(provider.kind)


def fetch(url: str, hosts: Sequence[str], *, max_bytes: int = MAX_BYTES, max_seconds: float = MAX_SECONDS) -> Output:
    """Fetch an output.

    Each hop's host must be on the list and resolve to public addresses; the connection goes to the very address that
    was checked, so that a name cannot resolve to another one in between. A private address is reached only when the
    list names it literally, as an operator does for a service inside the network.

    Raises:
        OutputUnavailableError: It cannot be fetched; `permanent` when another try is pointless.
    """
    give_up_at = time.monotonic() + max_seconds
    for _ in range(MAX_REDIRECTS + 1):
        parts = _checked(url, hosts)
        response = _open(parts, _address_of(parts, hosts), give_up_at)
        try:
            if response.status in {301, 302, 303, 307, 308}:
                url = urljoin(url, response.headers.get("location", ""))
                continue
            return _read(response, max_bytes, give_up_at)
        finally:
            response.close()
    raise OutputUnavailableError("The output's address redirects too often.", permanent=True)


def _checked(url: str, hosts: Sequence[str]) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password:
        raise OutputUnavailableError("The output's address is not a plain http(s) URL.", permanent=True)
    host = str(parts.hostname).lower()
    if not any(_matches(host, pattern.lower()) for pattern in hosts):
        raise OutputUnavailableError("The output's host is not an allowed one.", permanent=True)
    return parts


def _matches(host: str, pattern: str) -> bool:
    return host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _address_of(parts: SplitResult, hosts: Sequence[str]) -> str:
    host = str(parts.hostname)
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, parts.port or None, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise OutputUnavailableError("The output's host has no address.") from error
    addresses = sorted(str(address) for address in found)
    literal = host in addresses and host in hosts
    if not literal and not all(_is_public(address) for address in addresses):
        raise OutputUnavailableError("The output's host is inside a private network.", permanent=True)
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = _embedded_ipv4(parsed) or parsed
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a mapped, 6to4 or NAT64 one leads to."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _open(parts: SplitResult, address: str, give_up_at: float) -> urllib3.BaseHTTPResponse:
    timeout = urllib3.Timeout(connect=3.0, read=max(0.1, min(20.0, give_up_at - time.monotonic())))
    pool: urllib3.HTTPConnectionPool
    host = str(parts.hostname)
    if parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(
            address, parts.port or 443, timeout=timeout, retries=False, server_hostname=host, assert_hostname=host
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, parts.port or 80, timeout=timeout, retries=False)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    try:
        return pool.request("GET", target, headers={"host": netloc}, redirect=False, preload_content=False)
    except urllib3.exceptions.HTTPError as error:
        raise OutputUnavailableError("The output's host does not answer.") from error


def _read(response: urllib3.BaseHTTPResponse, max_bytes: int, give_up_at: float) -> Output:
    if response.status != 200:
        gone = response.status in {403, 404, 410}
        raise OutputUnavailableError(f"The output's host answered {response.status}.", permanent=gone)
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in EXTENSION_OF:
        raise OutputUnavailableError(f"Outputs of type {media_type[:60] or 'unknown'} are not taken.", permanent=True)
    digest, chunks, size = hashlib.sha256(), [], 0
    try:
        for chunk in response.stream(CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise OutputUnavailableError(f"The output is larger than {max_bytes} bytes.", permanent=True)
            if time.monotonic() > give_up_at:
                raise OutputUnavailableError("The output takes too long to fetch.")
            digest.update(chunk)
            chunks.append(chunk)
    except urllib3.exceptions.HTTPError as error:
        raise OutputUnavailableError("The output broke off.") from error
    if not size:
        raise OutputUnavailableError("The output is empty.", permanent=True)
    return Output(b"".join(chunks), media_type, digest.digest())
