"""What a demo leaves, and what the next one takes away."""

import json
from pathlib import Path

import pytest

from callboard_local.demo import report


def test_the_next_demo_takes_away_what_the_one_before_wrote_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / report.CANDIDATES).mkdir()
    for name in ("01-lamp.png", "mine.png", report.CONTACT_SHEET, f"{report.CANDIDATES}/1.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / report.REPORT).write_text(json.dumps({"cards": [{"picture": "01-lamp.png"}, {"picture": None}]}))

    report.forget(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.png"]


def test_a_report_leads_nowhere_out_of_its_folder(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside.png", tmp_path / "out"
    outside.write_bytes(b"x")
    folder.mkdir()
    (folder / report.REPORT).write_text(json.dumps({"cards": [{"picture": "../outside.png"}]}))

    report.forget(folder)

    assert outside.exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cards": [{}]}', '{"cards": [{"picture": 7}]}'])
def test_somebody_else_s_report_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / report.REPORT).write_text(text)
    (tmp_path / "mine.png").write_bytes(b"x")

    report.forget(tmp_path)

    assert (tmp_path / "mine.png").exists()


def test_there_may_be_nothing_to_take_away(tmp_path: Path) -> None:
    report.forget(tmp_path / "out")

    assert not (tmp_path / "out").exists()
