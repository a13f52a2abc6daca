"""From a stage's forecast to seconds and bytes on this machine."""

import time
from dataclasses import dataclass
from functools import cache

import torch

from assent.stages.workspace import Forecast
from assent.training import parallel

# One forward or backward pass of a small model costs this much beside its arithmetic: Python, the
# dispatcher and some tens of small kernels, of about 10 to 50 microseconds each.
SECONDS_PER_CALL = 0.002

# The interpreter with torch and transformers loaded.
BASE_MEMORY_BYTES = 600e6

_MEASURE_SECONDS = 0.2
# 3 MB of float32 for the three matrices: in the cache, as the weights of small models are. An accelerator
# needs larger ones to be busy.
_SIDE, _SIDE_OF_ACCELERATOR = 512, 4096


@dataclass(frozen=True)
class Estimate:
    """What a stage takes on this machine, right within a factor of two."""

    seconds: float
    memory_bytes: float
    disk_bytes: float


def estimate(forecast: Forecast) -> Estimate:
    """Turn arithmetic and passes into seconds, at the rate that this machine multiplies matrices."""
    arithmetic = forecast.flops / matmul_flops_per_second() if forecast.flops else 0.0
    return Estimate(
        seconds=arithmetic + forecast.calls * SECONDS_PER_CALL,
        memory_bytes=BASE_MEMORY_BYTES + forecast.memory_bytes,
        disk_bytes=forecast.disk_bytes,
    )


@cache
def matmul_flops_per_second() -> float:
    """The float32 rate of this machine in multiplications and additions, measured once a process."""
    device = parallel.device()
    side = _SIDE if device.type == "cpu" else _SIDE_OF_ACCELERATOR
    matrix = torch.ones(side, side, device=device)
    torch.mm(matrix, matrix)[0, 0].item()  # the first call also starts the threads
    products, start = 0, time.perf_counter()
    while time.perf_counter() - start < _MEASURE_SECONDS:
        torch.mm(matrix, matrix)[0, 0].item()  # an accelerator is waited for
        products += 1
    return 2.0 * side**3 * products / (time.perf_counter() - start)
