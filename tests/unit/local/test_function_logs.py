from datetime import UTC, datetime

from callboard_local import function_logs

AT_MS = 1795420800000


def test_line_of_ours_is_read_into_its_parts() -> None:
    line = function_logs.parse(
        AT_MS,
        '{"level":"INFO","location":"serve:1","message":"request","timestamp":"2026-11-23T08:00:00.250+00:00",'
        '"service":"callboard","status":200}',
    )

    assert (line.level, line.message, line.fields) == ("INFO", "request", {"status": 200})
    assert line.time == datetime(2026, 11, 23, 8, 0, 0, 250_000, tzinfo=UTC)


def test_line_that_is_no_json_is_kept_as_it_is() -> None:
    line = function_logs.parse(AT_MS, "Traceback (most recent call last):\n")

    assert (line.level, line.message, line.fields) == ("", "Traceback (most recent call last):", {})
    assert line.time == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_json_that_is_no_object_is_text() -> None:
    assert function_logs.parse(AT_MS, "[1, 2]").message == "[1, 2]"
