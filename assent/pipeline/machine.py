"""What a run was made with: versions and machine, for its record."""

import platform
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil

_PACKAGES = ("assent", "torch", "transformers", "tokenizers", "peft", "safetensors", "numpy")


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
