"""Signatures of what services send us."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from callboard.providers import webhooks
from callboard.providers.webhooks import InvalidSignatureError, verify

# The vector of the Standard Webhooks specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
VECTOR_TIME = "1614265330"
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
BODY = b'{"status": "succeeded"}'


def signed(body: bytes = BODY, at: datetime | None = None) -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", at, body.decode()),
    }


def test_the_specification_s_vector_is_what_we_check_against() -> None:
    at = datetime.fromtimestamp(int(VECTOR_TIME), UTC)

    assert Webhook(SECRET).sign(VECTOR_ID, at, VECTOR_BODY.decode()) == VECTOR_SIGNATURE


def test_a_good_signature_gives_the_webhook_s_id() -> None:
    assert verify(SECRET, BODY, signed()) == "msg_1"


def test_one_good_signature_among_several_is_enough() -> None:
    headers = signed()

    assert verify(SECRET, BODY, headers | {"webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}) == "msg_1"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_five_minutes_either_way_is_all_that_is_taken(minutes: int) -> None:
    with pytest.raises(InvalidSignatureError):
        verify(SECRET, BODY, signed(at=datetime.now(UTC) + timedelta(minutes=minutes)))


def test_a_changed_byte_is_noticed() -> None:
    with pytest.raises(InvalidSignatureError):
        verify(SECRET, BODY.replace(b"s", b"S", 1), signed())


def test_another_secret_is_noticed() -> None:
    with pytest.raises(InvalidSignatureError):
        verify("whsec_b3RoZXItc2VjcmV0LXRoYXQtaXMtd3Jvbmc=", BODY, signed())


@pytest.mark.parametrize("missing", webhooks.HEADERS)
def test_a_missing_header_is_no_signature(missing: str) -> None:
    with pytest.raises(InvalidSignatureError):
        verify(SECRET, BODY, {name: value for name, value in signed().items() if name != missing})


@pytest.mark.parametrize(
    "garbage", ["garbage", "v1", "v1,", "v1,%%%", ",", "v1,a,b", "v2,AAAA", "\u00e9,\u00e9", " ", "v1, v1,"]
)
def test_garbage_is_no_signature_and_no_crash(garbage: str) -> None:
    with pytest.raises(InvalidSignatureError):
        verify(SECRET, BODY, signed() | {"webhook-signature": garbage})


@pytest.mark.parametrize("garbage", ["now", "-1", "1e9", "9" * 40, "nan", "0x10"])
def test_a_garbled_time_is_no_time(garbage: str) -> None:
    with pytest.raises(InvalidSignatureError):
        verify(SECRET, BODY, signed() | {"webhook-timestamp": garbage})


def test_a_body_that_is_not_text_is_not_signed() -> None:
    with pytest.raises(InvalidSignatureError):
        verify(SECRET, b"\xff\xfe", signed())
