"""A brief of any form becomes a plan."""

import re

from callboard_local.planner.markdown import is_markdown, plan_markdown
from callboard_local.planner.plans import Plan
from callboard_local.planner.prose import cards_of_words, plan_prose

# Not those that indent a line. Patterns that look for words between spaces take long over thousands of them.
SPACES = re.compile(r"(?<=\S)[^\S\n]+")


def plan(brief: str) -> Plan:
    """Plan a brief; the same words always give the same plan, no words give none."""
    brief = SPACES.sub(" ", brief)
    planned = plan_markdown(brief, cards_of_words) if is_markdown(brief) else ()
    return planned or plan_prose(brief)
