"""How far a run is, and whether its files are as they were written."""

from pathlib import Path

from rich.table import Table
from rich.text import Text

from assent.pipeline.artifacts import ArtifactStore
from assent.pipeline.plan_table import COMPACT
from assent.pipeline.state import StageState, read_run
from assent.pipeline.units import human_bytes, human_seconds


def status_table(name: str, stages: dict[str, StageState], narrow: bool = False) -> Table:
    """The last run of a folder: one row a stage.

    Args:
        narrow: messages below the table and few lines, to fit into 80 columns.
    """
    columns = ("stage", "kind", "key", "status", "time", "memory", *(() if narrow else ("message",)))
    told = [f"{stage}: {state.message}" for stage, state in stages.items() if state.message]
    table = Table(
        *columns, title=name, title_justify="left",
        caption=Text("\n".join(told)) if narrow and told else None, caption_justify="left",
        **(COMPACT if narrow else {}),
    )  # fmt: skip
    for stage, state in stages.items():
        seconds = human_seconds(state.seconds) if state.seconds else ""
        memory = human_bytes(state.peak_rss_mb * 1e6) if state.peak_rss_mb else ""
        cells = stage, state.kind, state.key or "", state.status, seconds, memory, state.message
        table.add_row(*cells[: len(columns)])
    return table


def problems(out: Path) -> list[str]:
    """What differs from its manifest in the artifacts of a folder's last run; [] when nothing does.

    Raises:
        UserError: when there is no run in the folder.
    """
    out = out.absolute()
    store = ArtifactStore(out / "artifacts")
    keys = [
        state.key for state in read_run(out)[1].values() if state.key is not None and state.status == "done"
    ]
    return [problem for key in dict.fromkeys(keys) for problem in store.verify(key)]
