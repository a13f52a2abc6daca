"""What a run was made with: versions and machine, for its record."""

import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil

_PACKAGES = ("assent", "torch", "transformers", "tokenizers", "peft", "safetensors", "numpy")

# oneDNN keeps its buffers for each shape of matrices, 1,024 of them unless told otherwise, and rows of
# differing length make another shape at each step: a model of 4 million weights was at 3.0 GB after 16
# updates, and with 16 shapes at 2.0 GB, as fast.
_SHAPES_KEPT = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")


def keep_few_shapes() -> None:
    """Bound what torch keeps on a processor, before its first product; who has set it decides."""
    os.environ.setdefault(*_SHAPES_KEPT)


@cache
def versions() -> dict[str, str]:
    """The versions of Python and of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


@cache
def machine() -> str:
    """One line: processor, cores, memory, system."""
    cores = psutil.cpu_count(logical=True) or 1
    memory_gb = psutil.virtual_memory().total / 1e9
    return f"{_processor()}, {cores} cores, {memory_gb:.0f} GB, {platform.system()} {platform.release()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
