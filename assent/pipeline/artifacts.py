"""Finished work, kept under the hash of what it was made from.

`artifacts/<key>/` is complete or absent: work happens in `<key>.partial/`, a manifest with the SHA-256 of
every file is written last, and a rename finishes it.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assent.errors import UserError
from assent.pipeline.files import canonical, files_below, read_json, sha256, sync, write_json

MANIFEST = "manifest.json"
KEY_DIGITS = 12  # 48 bits: with a million artifacts, the chance that two keys meet is 0.2 %

_KEY = re.compile(r"[a-z][a-z0-9_]*-[0-9a-f]{12}")


def key_of(kind: str, version: int, settings: Any, inputs: Mapping[str, Any]) -> str:
    """The name of the artifact that these settings make of these inputs: `<kind>-<12 hex digits>`.

    `settings` are plain values without the inputs; `inputs` maps a setting's path to what identifies its
    content. Neither may hold a path of this machine, or a copy of a run would have other keys.
    """
    made_from = canonical({"stage": kind, "version": version, "settings": settings, "inputs": inputs})
    return f"{kind}-{hashlib.sha256(made_from.encode()).hexdigest()[:KEY_DIGITS]}"


def key_of_bytes(kind: str, path: Path) -> str:
    """The name of an artifact that is known by the bytes it exports."""
    return f"{kind}-{sha256(path)[:KEY_DIGITS]}"


class ArtifactStore:
    """The artifacts of one run folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Where the finished artifact lies, or will lie.

        Raises:
            UserError: when `key` is not a key (`..`, a path), or a symlink stands in its place.
        """
        if not _KEY.fullmatch(key):
            raise UserError(f"{key!r} is not the name of an artifact: expected <stage>-<12 hex digits>")
        return self._without_link(self.root / key)

    def partial(self, key: str) -> Path:
        """Where the work on an artifact goes on until it is finished."""
        return self._without_link(self.path(key).with_name(f"{key}.partial"))

    def finished(self, key: str) -> bool:
        """Whether the artifact is there, with every file as long as its manifest says.

        This is cheap, so it is asked on each reuse; `verify` also reads the content.
        """
        folder = self.path(key)
        return folder.is_dir() and not any(_size_problems(folder))

    def damaged(self, key: str) -> bool:
        """Whether something lies in the artifact's place that is not the whole artifact."""
        return self.path(key).exists() and not self.finished(key)

    def verify(self, key: str) -> list[str]:
        """What is wrong with a finished artifact, down to a flipped byte; [] when nothing is."""
        folder = self.path(key)
        if not folder.is_dir():
            return [f"{folder}: missing"]
        problems = list(_size_problems(folder))
        if problems:
            return problems
        listed: dict[str, Any] = read_json(folder / MANIFEST)["files"]
        changed = [name for name, entry in listed.items() if sha256(folder / name) != entry["sha256"]]
        there = {path.relative_to(folder).as_posix() for path in files_below(folder)}
        unknown = sorted(there - listed.keys() - {MANIFEST})
        return [f"{folder / name}: content differs from the manifest" for name in changed] + [
            f"{folder / name}: not in the manifest" for name in unknown
        ]

    def finish(self, key: str, final_key: str | None = None) -> Path:
        """Turn the work on `key` into a finished artifact, under `final_key` where that differs.

        Afterwards the artifact survives a power cut. Where it is there already, the work is dropped: two
        artifacts of one key are the same.

        Raises:
            UserError: when the work holds a symlink or something else that is not a plain file.
        """
        partial, target = self.partial(key), self.path(final_key or key)
        if target.exists() and self.finished(target.name):
            shutil.rmtree(partial)
            return target
        self.set_aside(target.name)
        entries = _entries(partial)
        for name in entries:
            sync(partial / name)
        for folder in {above for name in entries for above in Path(name).parents}:
            sync(partial / folder)
        write_json(partial / MANIFEST, {"files": entries})
        partial.rename(target)
        sync(self.root)
        return target

    def set_aside(self, key: str) -> Path | None:
        """Move a damaged artifact to `<key>.damaged`, so that it can be made anew; None if there is none."""
        if not self.damaged(key):
            return None
        aside = self.path(key).with_name(f"{key}.damaged")
        if aside.exists():
            shutil.rmtree(aside)
        self.path(key).rename(aside)
        return aside

    def _without_link(self, path: Path) -> Path:
        for part in (path, self.root):
            if part.is_symlink():
                raise UserError(f"{part}: is a symlink; put the files themselves there")
        return path


def _entries(folder: Path) -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    for path in files_below(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file():
            raise UserError(f"{path}: an artifact holds plain files only, no symlinks")
        if name != MANIFEST:  # left by a kill between the manifest and the rename
            entries[name] = {"sha256": sha256(path), "size": path.stat().st_size}
    return entries


def _size_problems(folder: Path) -> Iterator[str]:
    try:
        listed: dict[str, dict[str, Any]] = read_json(folder / MANIFEST)["files"]
        sizes = {name: int(entry["size"]) for name, entry in listed.items()}
    except (UserError, TypeError, KeyError, AttributeError, ValueError):
        yield f"{folder / MANIFEST}: missing or damaged"
        return
    for name, size in sizes.items():
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            yield f"{folder / MANIFEST}: names {name!r}, which lies outside the artifact"
        elif any(part.is_symlink() for part in (path, *path.parents) if folder in part.parents):
            yield f"{path}: is a symlink"
        elif not path.is_file():
            yield f"{path}: missing"
        elif path.stat().st_size != size:
            yield f"{path}: {path.stat().st_size} bytes, the manifest says {size}"
