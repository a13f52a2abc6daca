"""Kill it anywhere, run the same command again, and get the same weights.

Randomness here is a function of (seed, step), data order is a function of the step, and so a checkpoint
holds what learns, what the optimiser remembers, and a few counters.
"""

import hashlib
import json
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from assent.errors import Interrupted

TENSORS, COUNTERS, MANIFEST = "tensors.safetensors", "counters.json", "manifest.json"
KEPT = 2  # verified checkpoints on disk; the older one is for the day when the newer is damaged


@runtime_checkable
class Stateful(Protocol):
    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]: ...

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, float]) -> None: ...


class Checkpoint:
    """The steps that are still to be made, and their memory.

    Args:
        folder: where checkpoints go.
        stateful: what to save; None: nothing but the number of the step.
        rewind: forgets what was logged of a step and later.
        stop: True when the run should end soon.
        seconds: between saves. When saves happen changes nothing in the results.
    """

    def __init__(
        self,
        folder: Path,
        stateful: Stateful,
        rewind: Callable[[int], None],
        stop: Callable[[], bool],
        seconds: float = 30.0,
    ):
        self.folder, self.stateful, self.rewind, self.stop, self.seconds = (
            folder,
            stateful,
            rewind,
            stop,
            seconds,
        )

    def remaining(self, steps: int) -> Iterator[int]:
        """Each step not made yet; the work of a step is over when the next is asked for.

        Raises:
            Interrupted: after saving, when `stop` says so.
        """
        done = self.restore()
        self.rewind(done)
        saved_at = time.monotonic()
        for step in range(done, steps):
            yield step
            stopping = self.stop()
            if stopping or step + 1 == steps or time.monotonic() - saved_at > self.seconds:
                self.save(step + 1)
                saved_at = time.monotonic()
            if stopping and step + 1 < steps:
                raise Interrupted(f"stopped after step {step + 1} of {steps}; run the same command to go on")

    def save(self, done: int) -> None:
        """Write a checkpoint of `done` steps beside the others, then name it, then drop the oldest."""
        target = self.folder / f"step-{done:08d}"
        if target.exists():
            return
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        tensors, counters = self.stateful.state()
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial / TENSORS)
        (partial / COUNTERS).write_text(json.dumps({"done": done, **counters}), encoding="utf-8")
        hashes = {name: _sha256(partial / name) for name in (TENSORS, COUNTERS)}
        (partial / MANIFEST).write_text(json.dumps(hashes), encoding="utf-8")
        for name in (TENSORS, COUNTERS, MANIFEST, "."):
            _fsync(partial / name)
        os.replace(partial, target)
        _fsync(self.folder)
        for old in self._found()[:-KEPT]:
            shutil.rmtree(old)

    def restore(self) -> int:
        """Go back to the newest checkpoint that is whole; how many steps were done then."""
        for folder in reversed(self._found()):
            problem = _damage(folder)
            if problem:
                warnings.warn(f"checkpoint {folder} is damaged ({problem}); going back further", stacklevel=2)
                _set_aside(folder)
                continue
            counters = json.loads((folder / COUNTERS).read_text(encoding="utf-8"))
            self.stateful.restore(load_file(folder / TENSORS), counters)
            return counters["done"]
        return 0

    def newest(self) -> int | None:
        """The steps that the newest checkpoint has made, whole or damaged; None where there is none."""
        found = self._found()
        return int(found[-1].name.removeprefix("step-")) if found else None

    def _found(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("step-*") if not path.suffix)


def _set_aside(folder: Path) -> None:
    """Make room for a whole checkpoint of the same step, which would not be written over this one."""
    aside = folder.with_suffix(".damaged")
    shutil.rmtree(aside, ignore_errors=True)
    os.replace(folder, aside)


def _damage(folder: Path) -> str:
    """What is wrong with a checkpoint; empty when it is whole."""
    try:
        hashes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if not isinstance(hashes, dict) or hashes.keys() != {TENSORS, COUNTERS}:
            return f"{MANIFEST} does not list its files"
        changed = [name for name, expected in hashes.items() if _sha256(folder / name) != expected]
    except (OSError, ValueError) as error:
        return str(error)
    return f"{', '.join(changed)} changed since it was written" if changed else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def generator_of(*numbers: int | str) -> torch.Generator:
    """A random stream named by (seed, step, rank, ...): the same names give the same numbers."""
    return torch.Generator().manual_seed(seed_of(*numbers))


def seed_of(*numbers: int | str) -> int:
    digest = hashlib.sha256(repr(numbers).encode()).digest()
    return int.from_bytes(digest[:7], "big")
