"""How much memory this process takes at its peak, while a stage runs."""

import threading
from types import TracebackType
from typing import Self

import psutil

_SAMPLE_SECONDS = 0.05


class PeakMemory:
    """Samples the resident set of this process in a thread of its own, between enter and exit.

    The system's own peak (`ru_maxrss`) cannot be reset, so it cannot tell one stage from the next.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="peak-memory", daemon=True)
        self._peak_bytes = 0

    @property
    def peak_mb(self) -> float:
        """The highest value seen so far."""
        return max(self._peak_bytes / 1e6, self.rss_mb())

    def rss_mb(self) -> float:
        """The resident set now."""
        return self._process.memory_info().rss / 1e6

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(_SAMPLE_SECONDS):
            self._peak_bytes = max(self._peak_bytes, self._process.memory_info().rss)
