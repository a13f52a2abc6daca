"""Weights that exist only as a pickle (`pytorch_model.bin`): their tensors, made into safetensors once.

A pickle can run code. `weights: torch` reads it with `torch.load(weights_only=True)`, which knows tensors and
plain containers and refuses the rest, and does so in a process of its own: a file that is damaged or too
large ends that process and not a training. This module is that process's program too.
"""

import hashlib
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from uuid import uuid4

import torch
from huggingface_hub import snapshot_download
from safetensors.torch import save_file
from torch import Tensor

from assent.errors import Interrupted, UserError

Weights = Literal["safetensors", "torch"]

ONE, INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
PICKLES = "pytorch_model*.bin"
BESIDE = ".assent"  # hidden, so that what stands there does not change the key of what reads the folder
COMPANIONS = ("*.json", "*.txt", "*.model", "*.jinja")  # settings and tokenizer
REFUSED = 3  # exit code of the process: its last line says why, in our words
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")  # of the environment; keys and tokens are not


def in_safetensors(source: str, weights: Weights) -> str:
    """A folder or hub id that can be loaded as safetensors: `source` itself, or what is made of its pickle.

    What is made lies beside a local folder's files, in `.assent/`, or for a hub id and for a folder that
    cannot be written in `$XDG_CACHE_HOME/assent/weights`; its name is a hash of all that it was made from.

    Args:
        weights: of the recipe; with `safetensors` nothing is looked at here.

    Raises:
        UserError: no pickle is there, or it holds something other than tensors, or cannot be read.
    """
    if weights == "safetensors":
        return source
    local = Path(source).is_dir()
    folder = Path(source) if local else _downloaded(source)
    if local and any(folder.glob("*.safetensors")):
        return source
    pickles = _pickles(folder, source)
    name = _hash([*pickles, *_companions(folder)])
    rooms = [folder / BESIDE, _cache()] if local and os.access(folder, os.W_OK) else [_cache()]
    for room in rooms:
        if (room / name).is_dir():
            return str(room / name)
    with _made_whole(rooms[0], name) as unfinished:
        for path in _companions(folder):
            shutil.copyfile(path, unfinished / path.name)
        _in_its_own_process(folder, unfinished, source)
    return str(rooms[0] / name)


def _downloaded(source: str) -> Path:
    try:
        return Path(snapshot_download(source, allow_patterns=[PICKLES, *COMPANIONS]))
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"model {source}: cannot be loaded: {reason}. Expected a folder, or a hub id that this machine "
            "can reach"
        ) from error


def _pickles(folder: Path, source: str) -> list[Path]:
    """The files with weights, and their index where there are several."""
    index = folder / INDEX
    paths = [index, *(folder / name for name in _shards(index))] if index.is_file() else [folder / ONE]
    for path in paths:
        if not path.is_file():
            raise UserError(
                f"model {source}: weights: torch: no {path.name} there. If it has *.safetensors, leave "
                "`weights` out"
            )
    return paths


def _shards(index: Path) -> list[str]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{index}: expected JSON with a weight_map, of weights to files: {error}") from None
    for name in names:
        if Path(str(name)).name != name:  # the index is as little to be trusted as the pickles
            raise UserError(f"{index}: {name!r}: expected the name of a file in the same folder")
    return names


def _companions(folder: Path) -> list[Path]:
    found = {path for pattern in COMPANIONS for path in folder.glob(pattern) if path.is_file()}
    return sorted(path for path in found if path.name != INDEX)


def _hash(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(f"{path.name}:{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assent" / "weights"


@contextmanager
def _made_whole(room: Path, name: str) -> Iterator[Path]:
    """A folder to work in that gets its name when all is there; of two at once the first one counts.

    Raises:
        UserError: it cannot be written.
    """
    unfinished = room / f"partial-{uuid4().hex}"
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.rename(room / name)
    except OSError as error:
        if not (room / name).is_dir():  # else another process, as one of several ranks, was faster
            told = f"{error.filename or room}: cannot be written: {error.strerror}"
            raise UserError(f"weights: torch: {told}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _in_its_own_process(folder: Path, made: Path, source: str) -> None:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "assent.models.torch_weights", str(folder), str(made)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode == 0:
        return
    if ended.returncode in (-signal.SIGINT, -signal.SIGTERM):
        raise Interrupted(f"stopped while the weights of {source} were read")
    said = (ended.stderr.strip().splitlines() or ["it gave no reason"])[-1]
    if ended.returncode < 0:
        said = f"the process that read it was ended by signal {signal.Signals(-ended.returncode).name}"
        said += ", as happens when memory runs out" if ended.returncode == -signal.SIGKILL else ""
    elif ended.returncode != REFUSED:
        said = f"cannot be read, and may be damaged: {said}"
    raise UserError(f"model {source}: weights: torch: {said}")


# What follows runs in the process of its own.


def convert(folder: Path, made: Path) -> None:
    """Write every pickle of a folder as safetensors, one at a time, and their index last."""
    index = folder / INDEX
    shards = _shards(index) if index.is_file() else [ONE]
    names = dict(zip(shards, _names(len(shards)), strict=True))
    for shard, name in names.items():
        save_file(_tensors(folder / shard), made / name, metadata={"format": "pt"})
        shutil.copymode(folder / shard, made / name)
    if index.is_file():
        facts = json.loads(index.read_text(encoding="utf-8"))
        facts["weight_map"] = {weight: names[shard] for weight, shard in facts["weight_map"].items()}
        (made / "model.safetensors.index.json").write_text(json.dumps(facts), encoding="utf-8")


def _names(count: int) -> list[str]:
    if count == 1:
        return ["model.safetensors"]
    return [f"model-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1)]


def _tensors(path: Path) -> dict[str, Tensor]:
    """Every weight by name; those that share memory, as tied ones do, each with a copy of its own.

    Which of them are tied is told by the model's settings, not by the file, so nothing is lost.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise UserError(f"{path.name}: expected weights by name, found {type(state).__name__}")
    seen: set[int] = set()
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise UserError(f"{path.name}: {name}: expected a tensor, found {type(value).__name__}")
        memory = value.untyped_storage()
        alone = memory.data_ptr() not in seen and memory.nbytes() == value.nbytes and value.is_contiguous()
        seen.add(memory.data_ptr())
        found[str(name)] = value.detach() if alone else value.detach().clone().contiguous()
    return found


def _refusal(error: pickle.UnpicklingError) -> str:
    """What a pickle asked for that is neither a tensor nor a plain value."""
    asked = re.search(r"GLOBAL (\w[\w.]*)", str(error))
    if asked is not None:
        return (
            f"it holds more than plain tensors: {asked[1]}, which could run code, so it is refused. Ask its "
            "makers for safetensors"
        )
    said = re.search(r"WeightsUnpickler error: ([^\n]+)", str(error))
    return f"it is no plain table of tensors, or damaged: {said[1].strip() if said else 'torch refuses it'}"


def main(folder: str, made: str) -> int:
    try:
        convert(Path(folder), Path(made))
    except pickle.UnpicklingError as error:
        sys.stderr.write(_refusal(error))
        return REFUSED
    except UserError as error:
        sys.stderr.write(str(error))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
