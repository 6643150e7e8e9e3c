"""Fetching outputs: from allowed hosts only, never from private addresses, bounded in size, time and type."""

import hashlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection

from callboard.providers.errors import OutputUnavailableError
from callboard.providers.models import HttpProvider

MAX_BYTES = 100 * 1024 * 1024
MAX_SECONDS = 60.0
MAX_REDIRECTS = 3
CONNECT_SECONDS = 3.0
READ_SECONDS = 20.0
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


def allowed_hosts(provider: HttpProvider) -> list[str]:
    """List the hosts that outputs of a service may come from."""
    delivery = [REPLICATE_DELIVERY] if provider.kind == "replicate" else []
    return [urlsplit(provider.base_url).hostname or "", *delivery, *provider.output_hosts]


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
        with _open(parts, _address_of(parts, hosts), give_up_at) as response:
            if response.status not in {301, 302, 303, 307, 308}:
                return _read(response, max_bytes, give_up_at)
            url = _joined(url, response.headers.get("location", ""))
    raise OutputUnavailableError("The output's address redirects too often.", permanent=True)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise OutputUnavailableError("The output's address redirects to none.", permanent=True) from error


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
    except (OSError, UnicodeError) as error:
        raise OutputUnavailableError("The output's host has no address.") from error
    addresses = sorted(str(address) for address in found)
    literal = host in addresses and host in hosts
    if not literal and not all(_is_public(address) for address in addresses):
        raise OutputUnavailableError("The output's host is inside a private network.", permanent=True)
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.is_site_local:
            return False
        parsed = _embedded_ipv4(parsed) or parsed
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a mapped, 6to4 or NAT64 one leads to."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


@contextmanager
def _open(parts: SplitResult, address: str, give_up_at: float) -> Iterator[urllib3.BaseHTTPResponse]:
    """Send the request, and cut the connection when the time is over, however steadily it trickles until then."""
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(closing(HTTPConnection(address, port, timeout=READ_SECONDS)))
            plain = opened.enter_context(socket.create_connection((address, port), CONNECT_SECONDS))
            opened.enter_context(_cut_at(give_up_at, plain))
            connection.sock = (
                ssl.create_default_context().wrap_socket(plain, server_hostname=host.rstrip("."))
                if parts.scheme == "https"
                else plain
            )
            connection.request("GET", target, headers={"host": netloc}, preload_content=False)
            response = opened.enter_context(closing(connection.getresponse()))
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            raise _broken_off("The output's host does not answer.", give_up_at) from error
        yield response


def _broken_off(reason: str, give_up_at: float) -> OutputUnavailableError:
    late = time.monotonic() > give_up_at
    return OutputUnavailableError("The output takes too long to fetch." if late else reason)


@contextmanager
def _cut_at(give_up_at: float, connected: socket.socket) -> Iterator[None]:
    """Shut a connection down at a time. The timeout of a socket only bounds its silences."""
    # The copy stays when TLS takes the socket over.
    with connected.dup() as copy:

        def cut() -> None:
            with suppress(OSError):  # the other side was first
                copy.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, give_up_at - time.monotonic()), cut)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


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
            digest.update(chunk)
            chunks.append(chunk)
    except urllib3.exceptions.HTTPError as error:
        raise _broken_off("The output broke off.", give_up_at) from error
    # Where no length was announced, a connection that was cut looks like the output's end.
    if time.monotonic() > give_up_at:
        raise _broken_off("", give_up_at)
    if not size:
        raise OutputUnavailableError("The output is empty.", permanent=True)
    return Output(b"".join(chunks), media_type, digest.digest())
