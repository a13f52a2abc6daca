"""The card of an exported model: what it is, how to use it, what it was made of, and how well it does.

Every fact is read from the model's files or from its run. What is not known there is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from assent.config import ModelSource, read_yaml
from assent.models.exporting import shape_of
from assent.models.load import saved_settings, saved_template
from assent.pipeline.machine import versions
from assent.pipeline.sources import located
from assent.pipeline.stage_folder import said
from assent.pipeline.state import read_run
from assent.tools.card_figures import figures, given_settings, table
from assent.tools.card_usage import usage
from assent.tools.lineage import Ancestor, ancestors
from assent.tools.model_at import FoundModel

CARD = "README.md"
HUB = "hub:"


@dataclass(frozen=True)
class Exported:
    """What goes out, and what people wish to call it."""

    found: FoundModel
    form: str  # model | adapters | reward | classes
    name: str
    licence: str | None = None
    base: str = ""  # of adapters: the model that they are loaded on
    merged: bool = False  # adapters went into the weights


def card(exported: Exported, folder: Path) -> str:
    """The text of README.md for what lies in `folder`.

    Raises:
        UserError: the run that the model comes from cannot be read.
    """
    found = exported.found
    lineage = ancestors(found.run, found.stage) if found.run else ()
    return "\n".join(
        [
            "---",
            yaml.safe_dump(_front(exported, lineage), sort_keys=False, allow_unicode=True).strip(),
            "---",
            "",
            f"# {exported.name}",
            "",
            *_what(exported, lineage),
            "",
            "## Use",
            "",
            *usage(exported.form, exported.name, exported.base, folder, Path(found.source)),
            "",
            *(_of_run(found.run, found.stage, lineage) if found.run else []),
            "## Limits",
            "",
            *_limits(exported, lineage, folder),
            "",
            "## Made with",
            "",
            *_made_with(found),
            "",
        ]
    )


def _front(exported: Exported, lineage: Sequence[Ancestor]) -> dict[str, Any]:
    """What the hub reads."""
    base = _hub_base(exported, lineage)
    sets = {data.name for one in lineage for data in one.data if data.name.startswith(HUB)}
    hub_sets = sorted({name.removeprefix(HUB).split("@")[0].split(":")[0] for name in sets})
    algorithms = [one.settings.get("algorithm") for one in lineage if one.kind == "policy"]
    tags = ["assent", *(["rlhf"] if algorithms else []), *dict.fromkeys(filter(None, algorithms))]
    if exported.form == "adapters" or exported.merged:
        tags.append("lora")
    known = {
        "license": exported.licence,
        "base_model": base,
        "library_name": {"adapters": "peft", "reward": None}.get(exported.form, "transformers"),
        "datasets": [name for name in hub_sets if not name.startswith("/")],
        "tags": tags,
    }
    return {key: value for key, value in known.items() if value}


def _hub_base(exported: Exported, lineage: Sequence[Ancestor]) -> str | None:
    """The model that all began with, where it has a name that others can look up."""
    run = exported.found.run
    if run is None:
        return exported.base if exported.base and not Path(exported.base).is_absolute() else None
    folder = Path(read_run(run)[0].folder)
    begun_with = [
        one.settings.get("model") for one in lineage if one.kind in ("pretrain", "finetune", "policy")
    ]
    names = [name for name in begun_with if isinstance(name, str) and not name.startswith("$")]
    hub = [
        name for name in names if located(ModelSource(name), folder) == name and not Path(name).is_absolute()
    ]
    return hub[0] if hub else None


def _what(exported: Exported, lineage: Sequence[Ancestor]) -> list[str]:
    found = exported.found
    shape = shape_of(Path(found.source)) if Path(found.source).is_dir() else ""
    kinds = {
        "model": "A language model",
        "adapters": "Low-rank adapters for a language model",
        "reward": "A reward model: it judges answers, and writes none",
        "classes": "A text classifier",
    }
    lines = [f"{kinds[exported.form]}{f' ({shape})' if shape else ''}."]
    if found.run:
        name = read_run(found.run)[0].name
        steps = " -> ".join(f"{one.name} ({one.kind})" for one in lineage)
        lines.append(f"It is the result of the stage `{found.stage}` of the recipe `{name}`: {steps}.")
    if exported.merged:
        lines.append("Its low-rank adapters are merged into the weights.")
    return lines


def _of_run(run: Path, stage: str, lineage: Sequence[Ancestor]) -> list[str]:
    written = read_yaml(run / "recipe.yaml")
    measured = figures(run, stage, lineage)
    return [
        "## How it was made",
        "",
        *table(
            ["stage", "kind", "settings given"],
            [[f"`{one.name}`", one.kind, given_settings(written.get(one.name, {}))] for one in lineage],
        ),
        *_data(lineage),
        *_recipe(run),
        *(["## Figures", "", *measured] if measured else []),
    ]


def _data(lineage: Sequence[Ancestor]) -> list[str]:
    rows = [
        [
            f"`{one.name}`",
            f"`{data.name}`",
            "" if data.rows is None else f"{data.rows:,}",
            f"`{data.sha256}`" if data.sha256 else "",
        ]
        for one in lineage
        for data in one.data
    ]
    if not rows:
        return []
    lines = ["The data, as the recipe names it:", "", *table(["stage", "data", "rows", "SHA-256"], rows)]
    if any(data.sha256 is None and not data.name.startswith(HUB) for one in lineage for data in one.data):
        lines += ["A SHA-256 is missing where the file is no longer there as the stage read it.", ""]
    return lines


def _recipe(run: Path) -> list[str]:
    text = (run / "recipe.yaml").read_text(encoding="utf-8").strip()
    return [
        "<details><summary>The recipe as it was run</summary>",
        "",
        "````yaml",
        text,
        "````",
        "",
        "</details>",
        "",
    ]


def _limits(exported: Exported, lineage: Sequence[Ancestor], folder: Path) -> list[str]:
    lines = ["- The figures hold for the prompts and the judges that they name, and tell nothing of others."]
    if not lineage:
        lines = ["- Nothing is known here of its data or its quality: it came without the run that made it."]
    settings = saved_settings(str(folder))
    if settings.get("kind") == "policy":
        limit = saved_template(str(folder)).max_prompt_tokens
        lines.append(f"- In training, prompts were cut to {limit} tokens.")
    if settings.get("chats") is False:
        lines.append("- It was taught single prompts, not conversations.")
    for one in lineage:
        lines += [f"- `{one.name}`: {line}" for line in said(one.folder).splitlines()]
    if exported.form == "adapters" and Path(exported.base).is_absolute():
        made_by = f"the model of `{lineage[-1].settings['model']}`" if lineage else exported.base
        lines.append(f"- The base model, {made_by}, was made here too: these adapters need it beside them.")
    return lines


def _made_with(found: FoundModel) -> list[str]:
    made: Mapping[str, str] = versions()
    lines = []
    if found.run:
        head = read_run(found.run)[0]
        made = head.versions
        lines = [f"- run begun {head.created}" + (f", seed {head.seed}" if head.seed is not None else "")]
    told = ", ".join(f"{name} {version}" for name, version in made.items())
    return [*lines, f"- {told}", f"- exported {datetime.now(UTC).date().isoformat()}"]
