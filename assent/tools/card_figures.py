"""The figures of a model card, out of the files that the stages wrote; what no file says is left out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assent.evaluation.numbers import interval, number, percent
from assent.pipeline.artifacts import ArtifactStore
from assent.pipeline.files import read_json, read_rows
from assent.pipeline.state import StageState, read_run
from assent.pipeline.tracking import METRICS
from assent.tools.lineage import Ancestor, settings_of

REWARD_FIGURES = {  # by the name in reward.json: in words, and the names of its interval's ends
    "accuracy": ("agrees with held-out judgements", "ci_low", "ci_high"),
    "macro_f1": ("macro-F1 on held-out texts", "macro_f1_low", "macro_f1_high"),
}


def figures(run: Path, stage: str, lineage: Sequence[Ancestor]) -> list[str]:
    """Markdown: held-out losses, rewards' quality, and every evaluation that the model took part in."""
    lines = [*_held_out_losses(lineage), *_reward_quality(lineage)]
    if lines:
        lines.append("")
    for name, folder in _evaluations(run, stage):
        lines += _evaluation(name, folder, stage)
    return lines


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of Markdown, and the empty line after it."""
    written = [heads, ["---"] * len(heads), *rows]
    return [*(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in written), ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _held_out_losses(lineage: Sequence[Ancestor]) -> Iterator[str]:
    for one in lineage:
        rows = [row for row in read_rows(one.folder / METRICS) if "held_out_loss" in row]
        if rows and one.kind in ("pretrain", "finetune"):
            loss = number(rows[-1]["held_out_loss"])
            yield f"- `{one.name}`: loss on rows held out of its data {loss} nats a token"


def _reward_quality(lineage: Sequence[Ancestor]) -> Iterator[str]:
    for one in lineage:
        found = read_json(one.folder / "reward.json") if one.kind == "reward" else None
        for key, (words, low, high) in REWARD_FIGURES.items():
            if found and found.get(key) is not None:
                between = interval(found.get(low), found.get(high))
                count = f", n = {found['n']}" if found.get("n") else ""
                yield f"- reward `{one.name}`: {words} {percent(found[key])}{_in_brackets(between + count)}"


def _in_brackets(text: str) -> str:
    return f" ({text.removeprefix(', ')})" if text else ""


def _evaluations(run: Path, stage: str) -> Iterator[tuple[str, Path]]:
    """(name, artifact) of each finished `evaluate` stage that the stage's model took part in."""
    store = ArtifactStore(run.absolute() / "artifacts")
    for name, state in read_run(run)[1].items():
        if state.kind == "evaluate" and stage in state.inputs and _done(store, state):
            assert state.key is not None
            yield name, store.path(state.key)


def _done(store: ArtifactStore, state: StageState) -> bool:
    return state.key is not None and store.finished(state.key)


def _evaluation(name: str, folder: Path, stage: str) -> list[str]:
    found: dict[str, Any] = read_json(folder / "evaluation.json") or {}
    settings = settings_of(folder)
    own = _own_names(settings.get("policies", ()), stage)
    asked = sum(1 for _ in read_rows(folder / "answers.jsonl"))
    lines = [
        f"Evaluation `{name}`: answers to {asked} prompts of `{settings.get('prompts')}`; this model is "
        f"{' and '.join(f'`{policy}`' for policy in own)}.",
        "",
        *_policies(found.get("policies", {})),
        *_comparisons(found.get("comparisons", ()), own),
    ]
    if "references" in found:
        lines += _against_references(found["references"])
    if "safety" in found:
        lines += _safety(found["safety"])
    return lines


def _own_names(policies: Sequence[Any], stage: str) -> list[str]:
    """What an evaluation calls the stage's model, alone or as the best of several answers."""
    entries = [{"model": one} if isinstance(one, str) else one for one in policies]
    best = [entry.get("best_of") or 1 for entry in entries]
    return [
        entry.get("name") or (stage if of == 1 else f"best_of_{of}")
        for entry, of in zip(entries, best, strict=True)
        if entry["model"] == f"${stage}"
    ]


def _policies(policies: Mapping[str, Mapping[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(key for numbers in policies.values() for key in numbers))
    rows = [[f"`{p}`", *(number(numbers.get(key)) for key in names)] for p, numbers in policies.items()]
    return table(["", *(f"`{name}`" for name in names)], rows) if rows else []


def _comparisons(comparisons: Sequence[Mapping[str, Any]], own: Sequence[str]) -> list[str]:
    rows = [
        [
            f"`{one['a']}` beats `{one['b']}`",
            f"`{one['judge']}`",
            percent(one["win_rate"]),
            interval(one["ci_low"], one["ci_high"]),
            f"{one['wins']} / {one['ties']} / {one['losses']}",
        ]
        for one in comparisons
        if {one["a"], one["b"]} & set(own)
    ]
    return table(["", "judge", "win rate", "95% interval", "wins / ties / losses"], rows) if rows else []


def _against_references(references: Mapping[str, Any]) -> list[str]:
    rows = [
        [f"`{policy}`", name, number(found["value"]), _ends(found)]
        for policy, numbers in references["policies"].items()
        for name, found in numbers.items()
    ]
    return ["Against what people wrote:", "", *table(["", "figure", "value", "95% interval"], rows)]


def _ends(found: Mapping[str, Any]) -> str:
    low, high = found.get("ci_low"), found.get("ci_high")
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"


def _safety(safety: Mapping[str, Any]) -> list[str]:
    rows = [
        [
            f"`{policy}`",
            suite["name"],
            suite["axis"],
            f"{found['passed']} of {suite['n']}",
            percent(found["share"]),
            interval(found["ci_low"], found["ci_high"]),
        ]
        for suite in safety["suites"]
        for policy, found in suite["policies"].items()
    ]
    return [
        "Sets with a check of their own:",
        "",
        *table(["", "set", "", "passed", "share", "95% interval"], rows),
    ]


def given_settings(written: Mapping[str, Any]) -> str:
    """The settings that a recipe gives a stage, in one line; defaults are not named."""
    return ", ".join(f"`{name}: {value}`" for name, value in _flat((), written))


def _flat(path: tuple[str, ...], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat((*path, key), value)
        elif (*path, key) != ("stage",):
            text = value if _plain(value) else json.dumps(value, ensure_ascii=False)
            yield ".".join((*path, key)), text.replace("`", "'")


def _plain(value: Any) -> bool:
    """A text that reads the same without quotes."""
    return isinstance(value, str) and value.isprintable() and value == value.strip() != ""
