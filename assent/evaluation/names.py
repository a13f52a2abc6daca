"""What the names in a report stand for: its policies and its judges."""

from collections.abc import Mapping
from typing import Any

from assent.evaluation.run_record import RunRecord, StageRecord
from assent.evaluation.verdict import policies

Settings = Mapping[str, Any]


def names(record: RunRecord) -> list[tuple[str, str]]:
    """(Name, what it is) of each policy and judge of the last evaluation."""
    stages = {stage.name: stage for stage in record.stages}
    asked = [stage.settings for stage in record.stages if stage.kind == "evaluate"]
    settings: Settings = asked[-1] if asked else {}
    entries = _entries(settings)
    if not policies(record):
        return []
    found = [(name, _policy(entries.get(name, {"model": name}), stages)) for name in policies(record)]
    said = record.summary.get("judges") or {}
    judges = {judge["name"]: judge["function"] for judge in settings.get("judges") or []}
    return found + [
        (name, f"A judge that the evaluation asks, the function {function}. {said.get(name, '')}")
        for name, function in judges.items()
    ]


def _entries(settings: Settings) -> dict[str, Settings]:
    """Policies that are more than the model of a stage, by the names that the evaluate stage gives them."""
    given = [entry for entry in settings.get("policies") or [] if isinstance(entry, Mapping)]
    return {entry.get("name") or f"best_of_{entry.get('best_of')}": entry for entry in given}


def _policy(entry: Settings, stages: Mapping[str, StageRecord]) -> str:
    model = str(entry["model"]).removeprefix("$")
    best_of = entry.get("best_of", 1)
    if best_of > 1:
        return f"Of {best_of} answers by {model}, the one that the reward scores highest."
    if model not in stages:
        return "A model that was there before this run."
    stage = stages[model]
    start = str(stage.settings.get("model", "A model")).removeprefix("$")
    match stage.kind:
        case "pretrain":
            return f"A model trained on plain text, by stage {model}."
        case "finetune":
            return f"{start} after fine-tuning on demonstrations, by stage {model}."
        case "policy":
            return f"{start} after policy optimisation, by stage {model}."
    return f"The model that stage {model} made."
