"""Named crash points: places where a test can kill the process to prove that nothing is lost.

A point does nothing unless `CRASH_POINTS_FILE` names a file, which only tests do. The file holds a JSON object
`{point: correlation id}`: a point kills only the work of that correlation id, so that many can be armed in one run. It
is read at each point, so that a running stack can be armed. An armed point fires once: it claims itself by creating
`<file>.<point>.fired`.
"""

import json
import os
from pathlib import Path

from callboard.observability import correlation_id, logger


def crash_point(name: str, correlation: str | None = None) -> None:
    """Kill the process here, as a power cut would, when the point is armed for this work.

    Args:
        name: `function.moment`, for example `submit_job.after_create`.
        correlation: The correlation id of the work at hand; the current one when a single request is served.
    """
    file_name = os.environ.get("CRASH_POINTS_FILE")
    if not file_name:
        return
    armed_file = Path(file_name)
    try:
        armed: dict[str, str] = json.loads(armed_file.read_text())
    except FileNotFoundError:
        return
    if name not in armed or armed[name] != (correlation if correlation is not None else correlation_id()):
        return
    try:
        armed_file.with_name(f"{armed_file.name}.{name}.fired").touch(exist_ok=False)
    except FileExistsError:
        return
    logger.warning("crash point", action="crash_point", point=name)
    os._exit(137)
