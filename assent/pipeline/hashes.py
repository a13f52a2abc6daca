"""The content of input files, as one hash; read again only where a file has changed."""

import glob
import hashlib
import os
import time
from pathlib import Path

from assent.errors import UserError
from assent.pipeline.files import canonical, read_json, sha256, write_json

# A file system may give two writes within this time one and the same mtime, so a hash of a file that was
# written so lately is not remembered.
_MTIME_GRAIN_SECONDS = 2.0


def files_of(source: str) -> dict[str, Path]:
    """The files that a path or a pattern means, by their name below the folder it starts from.

    One plain file has the name "": what it is called does not matter to its content. Hidden files are
    passed over, as `*` does.
    """
    path = Path(source)
    if path.is_file():
        return {"": path}
    if path.is_dir():
        found = [Path(place, name) for place, _, names in os.walk(path) for name in names]
        start = path
    else:
        found = [Path(name) for name in glob.glob(source, recursive=True)]
        start = _fixed_part(path)
    named = {file.relative_to(start).as_posix(): file for file in found if file.is_file()}
    return {name: named[name] for name in sorted(named) if not _hidden(name)}


def content_hash(source: str) -> str:
    """The SHA-256 of a file's content; of a folder's or a pattern's names and contents.

    Raises:
        UserError: when there is no such file.
    """
    return Hashes(None).content(source)


class Hashes:
    """Hashes of input files: one answer a path for as long as this object lives.

    `cache` (`<run>/hashes.json`) saves reading large files again: an entry counts for as long as the
    file's size and mtime stay the same.
    """

    def __init__(self, cache: Path | None) -> None:
        self._cache = cache
        saved = _saved(cache) if cache else {}
        self._files: dict[str, list[object]] = saved  # path -> [size, mtime_ns, sha256]
        self._answers: dict[str, str] = {}

    def content(self, source: str) -> str:
        """The hash of the content behind an absolute path or pattern.

        Raises:
            UserError: when there is no such file, or it cannot be read.
        """
        if source not in self._answers:
            self._answers[source] = self._read(source)
        return self._answers[source]

    def save(self) -> None:
        """Write the cache, if there is one."""
        if self._cache:
            write_json(self._cache, self._files)

    def _read(self, source: str) -> str:
        files = files_of(source)
        if not files:
            raise UserError(f"{source}: no such file")
        try:
            hashes = {name: self._file(path) for name, path in files.items()}
        except OSError as error:
            raise UserError(f"{source}: cannot be read: {error}") from None
        if list(hashes) == [""]:
            return hashes[""]
        return hashlib.sha256(canonical(hashes).encode()).hexdigest()

    def _file(self, path: Path) -> str:
        state = path.stat()
        known = self._files.get(str(path))
        if known and known[:2] == [state.st_size, state.st_mtime_ns]:
            return str(known[2])
        digest = sha256(path)
        if time.time() - state.st_mtime > _MTIME_GRAIN_SECONDS:
            self._files[str(path)] = [state.st_size, state.st_mtime_ns, digest]
        return digest


def _saved(cache: Path) -> dict[str, list[object]]:
    try:
        saved = read_json(cache)
    except UserError:
        return {}  # a damaged cache costs time, nothing else
    if not isinstance(saved, dict):
        return {}
    return {path: entry for path, entry in saved.items() if isinstance(entry, list) and len(entry) == 3}


def _fixed_part(pattern: Path) -> Path:
    """The folder above the first part with a wildcard: `/data/corpus` of `/data/corpus/*/a.txt`."""
    parts: list[str] = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))
