"""What a run folder holds that its last recipe does not need."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from assent.errors import UserError
from assent.pipeline.files import size_bytes
from assent.pipeline.guard import exclusive
from assent.pipeline.state import read_run


@dataclass(frozen=True)
class Unneeded:
    """A folder below `artifacts/` that may go."""

    path: Path
    bytes: int


def unneeded(out: Path) -> list[Unneeded]:
    """The artifacts, and the unfinished and damaged work, that the last run of a folder does not rest on.

    Raises:
        UserError: when there is no run in the folder.
    """
    out = out.absolute()
    _, stages = read_run(out)
    needed = {stage.key for stage in stages.values()}
    needed |= {f"{stage.request}.partial" for stage in stages.values()}
    root = out / "artifacts"
    if root.is_symlink():
        raise UserError(f"{root}: is a symlink; put the files themselves there")
    found = sorted(root.iterdir()) if root.is_dir() else []
    return [Unneeded(path, size_bytes(path)) for path in found if path.name not in needed]


def remove(out: Path, folders: list[Unneeded]) -> None:
    """Delete what `unneeded` found; symlinks are unlinked, never followed.

    Raises:
        UserError: when a process works in the run folder.
    """
    with exclusive(out.absolute()):
        for folder in folders:
            if folder.path.is_symlink() or folder.path.is_file():
                folder.path.unlink()
            else:
                shutil.rmtree(folder.path)
