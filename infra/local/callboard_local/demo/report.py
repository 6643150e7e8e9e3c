"""What a production leaves: the pictures, a contact sheet, a report."""

import json
import re
import shutil
from pathlib import Path

from callboard_local.contact_sheet import Frame, draw_contact_sheet
from callboard_local.demo.production import Production

CONTACT_SHEET = "contact-sheet.png"
REPORT = "report.json"


def write(folder: Path, production: Production, pictures: dict[str, bytes]) -> list[Path]:
    """Write everything into a folder that is emptied first; return the files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = []
    frames: list[Frame] = []
    for number, card in enumerate(production.cards.values(), start=1):
        path = folder / f"{number:02d}-{_slug(card.title)}.png"
        path.write_bytes(pictures[card.card_id])
        written.append(path)
        frames.append(Frame(card.title, card.activity, pictures[card.card_id]))
    sheet = folder / CONTACT_SHEET
    sheet.write_bytes(draw_contact_sheet(production.brief.title, frames))
    report = folder / REPORT
    report.write_text(json.dumps(_report(production, written), indent=2, ensure_ascii=False))
    return [*written, sheet, report]


def _report(production: Production, pictures: list[Path]) -> dict[str, object]:
    return {
        "title": production.brief.title,
        "project_id": production.project_id,
        "cards": [
            {
                "card_id": card.card_id,
                "activity": card.activity,
                "title": card.title,
                "jobs": card.jobs,
                "approved_job_id": card.asset["job_id"] if card.asset else None,
                "picture": picture.name,
            }
            for card, picture in zip(production.cards.values(), pictures, strict=True)
        ],
        "updates_received": production.updates,
        "timings_seconds": {
            name: {"meaning": meaning, "median": round(middle, 4), "worst": round(worst, 4)}
            for name, meaning, middle, worst in production.timings.rows()
        },
    }


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "card"
