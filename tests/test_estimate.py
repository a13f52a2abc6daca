import pytest

from assent.pipeline import estimate
from assent.pipeline.units import human_bytes, human_seconds
from assent.stages.workspace import Forecast


def test_time_is_arithmetic_at_the_measured_rate_and_a_fixed_cost_a_pass(monkeypatch):
    monkeypatch.setattr(estimate, "matmul_flops_per_second", lambda: 2e9)
    told = estimate.estimate(Forecast(flops=1e9, calls=100, memory_bytes=1e6, disk_bytes=7))
    assert (told.seconds, told.memory_bytes, told.disk_bytes) == (pytest.approx(0.5 + 0.2), 601e6, 7)


def test_the_rate_is_measured_once():
    first = estimate.matmul_flops_per_second()
    assert 1e8 < first < 1e14
    assert estimate.matmul_flops_per_second() == first


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.44, "0.4 s"), (48, "48 s"), (720, "12 min"), (12600, "3.5 h"), (4 * 86400, "4.0 d")],
)
def test_seconds_as_people_say_them(seconds, said):
    assert human_seconds(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(12, "12 B"), (1500, "1.5 kB"), (601e6, "601 MB"), (1.2e9, "1.2 GB"), (3e12, "3.0 TB")],
)
def test_bytes_as_people_say_them(count, said):
    assert human_bytes(count) == said
