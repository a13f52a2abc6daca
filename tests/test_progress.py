import os
from types import SimpleNamespace

import pytest
from rich.console import Console

from assent.pipeline.progress import Progress


@pytest.fixture
def log(monkeypatch):
    """What a terminal that is none is told, and the clock: (console, [seconds])."""
    now = [0.0]
    monkeypatch.setattr("assent.pipeline.progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    with open(os.devnull, "w") as nowhere:
        yield Console(record=True, force_terminal=False, file=nowhere), now


def test_a_line_each_tenth_where_there_is_no_terminal(log):
    console, now = log
    with Progress(console=console).stage("[sft]") as advance:
        for step in range(100):
            now[0] += 0.5
            advance(step + 1, 100, "loss 2.1")
    lines = console.export_text().splitlines()
    assert len(lines) == 10  # each tenth takes 5 s
    assert lines[0] == "[sft]: 10 of 100 (10%) loss 2.1"


def test_a_slow_stage_is_heard_of_every_ten_seconds(log):
    console, now = log
    with Progress(console=console).stage("sft") as advance:
        for step in range(30):
            now[0] += 1
            advance(step + 1, 1000, "")
    assert console.export_text().splitlines() == [
        "sft: 10 of 1000 (1%)",
        "sft: 20 of 1000 (2%)",
        "sft: 30 of 1000 (3%)",
    ]


def test_each_pass_of_a_stage_has_its_own_lines(log):
    console, now = log
    with Progress(console=console).stage("report") as advance:
        for name in ("sft", "tuned"):
            for done in (5, 10):
                now[0] += 2
                advance(done, 10, f"prompts, {name}")
    assert console.export_text().splitlines() == [
        "report: 5 of 10 (50%) prompts, sft",
        "report: 10 of 10 (100%) prompts, sft",
        "report: 5 of 10 (50%) prompts, tuned",
        "report: 10 of 10 (100%) prompts, tuned",
    ]


def test_a_terminal_shows_a_bar():
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, force_terminal=True, file=nowhere, width=100)
        with Progress(console=console).stage("sft") as advance:
            advance(5, 10, "loss 2.1")
        printed = console.export_text()
    assert "sft" in printed
    assert "5/10" in printed
    assert "loss 2.1" in printed


def test_names_between_colons_are_no_pictures(capsys):
    Progress().warn("reward judge:m: no known answer")
    assert capsys.readouterr().err == "reward judge:m: no known answer\n"
