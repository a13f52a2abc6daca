"""What a report is made of: one run, as plain values read from its folder."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class StageRecord:
    """One stage of a run."""

    name: str
    kind: str
    key: str | None  # None until its inputs are known
    status: str  # done | waiting | failed | pending | interrupted
    seconds: float
    peak_rss_mb: float
    settings: dict[str, Any]
    inputs: list[str]  # names of the stages that it reads; anything else is ignored
    metrics: list[dict[str, Any]]  # rows of metrics.jsonl
    message: str  # why it waits, failed, or finished early


@dataclass(frozen=True)
class RunRecord:
    """One run. `summary`, `answers` and `rewards` are empty where the run did not get that far."""

    name: str
    command: str
    seed: int | None
    versions: dict[str, str]
    machine: str
    created: str
    stages: list[StageRecord]
    summary: dict[str, Any]  # summary.json
    answers: list[dict[str, Any]]  # rows of answers.jsonl
    rewards: dict[str, dict[str, Any]]  # reward.json by the name of its stage, in the recipe's order
    checked: list[dict[str, Any]] = field(default_factory=list)  # rows of safety.jsonl
    feedback: dict[str, dict[str, Any]] = field(default_factory=dict)  # frozen judgements, counted, by stage
