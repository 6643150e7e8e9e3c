"""What a production leaves: the pictures, a contact sheet, a report."""

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path

from callboard_local.demo.production import Production
from tool_contact_sheet.drawing import Frame, draw_contact_sheet

CONTACT_SHEET = "contact-sheet.png"
REPORT = "report.json"
# Those that a person is asked to choose from.
CANDIDATES = "candidates"


def forget(folder: Path) -> None:
    """Delete what an earlier production wrote into a folder, and nothing else."""
    report = folder / REPORT
    try:
        cards = json.loads(report.read_text())["cards"]
        pictures = [Path(card["picture"]).name for card in cards if card["picture"]]
    except (OSError, ValueError, LookupError, TypeError):
        # There is none, or somebody else's: it says nothing of what is ours.
        pictures = []
    shutil.rmtree(folder / CANDIDATES, ignore_errors=True)
    for name in (*pictures, CONTACT_SHEET, REPORT):
        (folder / name).unlink(missing_ok=True)


def write(folder: Path, production: Production, pictures: dict[str, bytes]) -> list[Path]:
    """Write everything into a folder; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, Path] = {}
    frames: list[Frame] = []
    for number, card in enumerate((card for card in production.board if card.card_id in pictures), start=1):
        path = folder / f"{number:02d}-{_slug(card.title)}.png"
        path.write_bytes(pictures[card.card_id])
        written[card.card_id] = path
        frames.append(Frame(card.title, production.activity_of(card), pictures[card.card_id]))
    sheet = folder / CONTACT_SHEET
    sheet.write_bytes(draw_contact_sheet(production.brief.title, frames))
    report = folder / REPORT
    report.write_text(json.dumps(_report(production, written), indent=2, ensure_ascii=False))
    return [*written.values(), sheet, report]


def _report(production: Production, pictures: dict[str, Path]) -> dict[str, object]:
    return {
        "title": production.brief.title,
        "project_id": production.project_id,
        "thread_id": production.thread_id,
        "run_ids": production.run_ids,
        "plan": [asdict(activity) for activity in production.plan],
        "waits": [
            {
                "jobs": len(wait.job_ids),
                "mode": wait.mode,
                "slept_at": wait.slept_at.isoformat(),
                "woken_at": wait.woken_at.isoformat() if wait.woken_at else None,
                "seconds": wait.seconds,
            }
            for wait in production.waits
        ],
        "questions": [
            {
                "question": question.text,
                "card_id": question.card_id,
                "choices": question.choices,
                "answer": answer.resume,
            }
            for question, answer in production.talks
        ],
        "agent_words": production.words,
        "model_usage": dict(production.usage),
        "cards": [
            {
                "card_id": card.card_id,
                "activity": production.activity_of(card),
                "title": card.title,
                "jobs": card.jobs,
                "approved_job_id": card.asset["job_id"] if card.asset else None,
                "picture": pictures[card.card_id].name if card.card_id in pictures else None,
            }
            for card in production.board
        ],
        "updates_received": production.updates,
        "timings_seconds": {
            name: {"meaning": meaning, "median": round(middle, 4), "worst": round(worst, 4)}
            for name, meaning, middle, worst in production.timings.rows()
        },
    }


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "card"
