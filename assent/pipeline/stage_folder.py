"""What lies in the folder of a stage beside its result: read back for resuming, for reports, for plans."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assent.pipeline.files import read_json, read_rows
from assent.pipeline.tracking import TIMING

STAGE = "stage.json"
MESSAGE = "message.txt"  # what a stage has found of itself, and why it ended early, and well


@dataclass(frozen=True)
class Effort:
    """What the work on a stage has taken, over all sessions."""

    seconds: float = 0.0
    peak_rss_mb: float = 0.0


def effort_so_far(folder: Path) -> Effort:
    """What a stage's folder says of the work on it, also when a kill kept the last session from saying."""
    described: dict[str, Any] = read_json(folder / STAGE) or {}
    rows = read_rows(folder / TIMING)
    return Effort(
        seconds=max([float(described.get("seconds", 0.0)), *(float(row["seconds"]) for row in rows)]),
        peak_rss_mb=max([float(described.get("peak_rss_mb", 0.0)), *(float(row["rss_mb"]) for row in rows)]),
    )


def said(folder: Path) -> str:
    """What a stage has to say about its own end, such as that a guard stopped it at a good checkpoint."""
    path = folder / MESSAGE
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""
