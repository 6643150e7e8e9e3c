"""Which addresses outputs may come from."""

import random
import socket
import string
from typing import Any

import pytest

from callboard.providers import outputs
from callboard.providers.errors import OutputUnavailableError
from callboard.providers.models import HttpProvider

PROVIDER = HttpProvider(
    name="replicate",
    kind="replicate",
    base_url="https://api.example.com",
    token_secret="t",
    webhook_secret="w",
    output_hosts=["cdn.example.net"],
)


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def getaddrinfo(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def refuse_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def connected(*_: Any) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(outputs, "_open", connected)


def test_a_service_s_own_host_its_delivery_hosts_and_the_configured_ones_are_allowed() -> None:
    assert outputs.allowed_hosts(PROVIDER) == ["api.example.com", "*.replicate.delivery", "cdn.example.net"]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.org/x.png",
        "https://api.example.com.evil.org/x.png",
        "https://notreplicate.delivery/x.png",
        "https://replicate.delivery/x.png",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/x.png",
        "file:///etc/passwd",
        "ftp://api.example.com/x.png",
        "javascript:alert(1)",
        "//api.example.com/x.png",
        "https://user:secret@api.example.com/x.png",
        "https://api.example.com:0/x.png",
        "https://",
        "",
        "https://[::1/x.png",
        "https://api.example.com:99999/x.png",
    ],
)
def test_other_addresses_are_never_connected_to(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    refuse_connections(monkeypatch)
    resolve_to(monkeypatch, "93.184.216.34")

    with pytest.raises(OutputUnavailableError) as refused:
        outputs.fetch(url, outputs.allowed_hosts(PROVIDER))

    assert refused.value.permanent


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("10.1.2.3",),
        ("172.16.0.1",),
        ("192.168.1.1",),
        ("169.254.169.254",),
        ("100.64.0.1",),
        ("0.0.0.0",),
        ("224.0.0.1",),
        ("::1",),
        ("fe80::1",),
        ("fc00::1",),
        ("::ffff:127.0.0.1",),
        ("::ffff:10.0.0.1",),
        ("2002:7f00:1::",),
        ("64:ff9b::7f00:1",),
        ("::7f00:1",),
        ("64:ff9b:1::a00:1",),
        ("2001:0:7f00:1::",),
        ("fec0::1",),
        ("ff0e::1",),
        ("fe80::1%eth0",),
        ("2606:2800:220:1::1", "fd00::1"),
        ("93.184.216.34", "10.0.0.1"),
    ],
)
def test_an_allowed_name_that_leads_inside_is_never_connected_to(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    refuse_connections(monkeypatch)
    resolve_to(monkeypatch, *addresses)

    with pytest.raises(OutputUnavailableError, match="private network"):
        outputs.fetch("https://api.example.com/x.png", outputs.allowed_hosts(PROVIDER))


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def getaddrinfo(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port or 0))]

    def opening(parts: Any, address: str, give_up_at: float) -> None:
        opened.append(address)
        raise OutputUnavailableError("enough")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(outputs, "_open", opening)

    with pytest.raises(OutputUnavailableError, match="enough"):
        outputs.fetch("https://api.example.com/x.png", outputs.allowed_hosts(PROVIDER))

    assert opened == ["93.184.216.34"]


@pytest.mark.parametrize("seed", range(5))
def test_garbage_is_refused_and_never_crashes(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    refuse_connections(monkeypatch)
    resolve_to(monkeypatch, "127.0.0.1")
    chance = random.Random(seed)
    alphabet = string.printable + ":/@[]%\u00e9\u2603\x00"

    for _ in range(300):
        url = chance.choice(["", "http://", "https://"]) + "".join(chance.choices(alphabet, k=chance.randrange(40)))
        with pytest.raises(OutputUnavailableError):
            outputs.fetch(url, outputs.allowed_hosts(PROVIDER))


@pytest.mark.parametrize(
    ("host", "literal"), [("127.0.0.1", "127.0.0.1"), ("10.0.0.7", "10.0.0.7"), ("[fd00::7]", "fd00::7")]
)
def test_a_private_address_is_reached_only_where_the_list_names_it(
    monkeypatch: pytest.MonkeyPatch, host: str, literal: str
) -> None:
    opened: list[str] = []

    def opening(parts: Any, address: str, give_up_at: float) -> None:
        opened.append(address)
        raise OutputUnavailableError("enough")

    resolve_to(monkeypatch, literal)
    monkeypatch.setattr(outputs, "_open", opening)

    with pytest.raises(OutputUnavailableError, match="enough"):
        outputs.fetch(f"http://{host}/x.png", [literal])
    with pytest.raises(OutputUnavailableError, match="private network"):
        outputs.fetch("http://inside.example.com/x.png", [literal, "*.example.com"])

    assert opened == [literal]


@pytest.mark.parametrize("host", ["a" * 64, "", ".", "a..b", "\u2603" * 70])
def test_a_name_that_cannot_be_looked_up_is_unavailable(host: str) -> None:
    with pytest.raises(OutputUnavailableError, match="has no address"):
        outputs.fetch(f"https://{host}.replicate.delivery/x.png", outputs.allowed_hosts(PROVIDER))


@pytest.mark.parametrize("host", ["\u2603", "%0d%0a", "a\x00b", "a b", "\x7f"])
def test_a_name_that_no_request_can_carry_is_unavailable(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    resolve_to(monkeypatch, "127.0.0.1")
    monkeypatch.setattr(outputs, "_is_public", lambda address: True)

    with pytest.raises(OutputUnavailableError):
        outputs.fetch(f"http://{host}.replicate.delivery:9/x.png", outputs.allowed_hosts(PROVIDER))


@pytest.mark.parametrize("seed", range(3))
def test_garbage_about_an_allowed_host_never_crashes(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Everything but the lookup is real: nothing listens at the port that the garbage leads to."""
    chance = random.Random(seed)
    alphabet = string.printable + "/?#%@:[]\u00e9\u2603\x00\ud800"
    resolve_to(monkeypatch, "127.0.0.1")
    monkeypatch.setattr(outputs, "_is_public", lambda address: True)

    for _ in range(100):
        before, after = ("".join(chance.choices(alphabet, k=chance.randrange(12))) for _ in range(2))
        with pytest.raises(OutputUnavailableError):
            outputs.fetch(f"http://{before}.replicate.delivery:9{after}", outputs.allowed_hosts(PROVIDER))
