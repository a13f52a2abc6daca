"""A recipe out of the parameters of a managed RLHF pipeline (Vertex AI, `rlhf-train-template`).

Names, meanings and defaults of the parameters are those of its published definition:
google_cloud_pipeline_components, preview/llm/rlhf/component.py. What its containers did was never published;
where a number is ours, the recipe says so.
"""

import difflib
import glob
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from assent.config import Recipe, Settings, check, parse_yaml
from assent.data.files.containers import count_rows
from assent.errors import UserError
from assent.pipeline.files import write_text
from assent.pipeline.outline import outline
from assent.stages import STAGES

BATCH = 64  # fixed there, of both trainings
REWARD_LORA, POLICY_LORA = 4, 1  # ranks, fixed there
REWARD_RATE, POLICY_RATE = "1e-4", "1e-5"  # ours: the defaults of our stages; theirs are not published
CLOUD = "gs://"
MODELS = {
    "llama-2-7b": "meta-llama/Llama-2-7b-hf",
    "llama-2-7b-chat": "meta-llama/Llama-2-7b-chat-hf",
    "llama-2-13b": "meta-llama/Llama-2-13b-hf",
    "llama-2-13b-chat": "meta-llama/Llama-2-13b-chat-hf",
    "t5-small": "google/flan-t5-small",  # its T5 models were Flan-T5
    "t5-large": "google/flan-t5-large",
    "t5-xl": "google/flan-t5-xl",
    "t5-xxl": "google/flan-t5-xxl",
}
CLOSED = ("text-bison", "chat-bison")


class OfTheCloud(Settings):
    """Where it ran, and what became of the model: nothing that training depends on."""

    project: str | None = None
    location: str | None = None
    accelerator_type: str | None = None
    model_display_name: str | None = None
    deploy_model: bool | None = None
    encryption_spec_key_name: str | None = None
    tensorboard_resource_id: str | None = None


class Epochs(Settings):
    """Ours: what people count in before they compute the steps; its guide advises 20-30 and 10-20."""

    reward_model_train_epochs: int | None = Field(default=None, ge=1)
    reinforcement_learning_train_epochs: int | None = Field(default=None, ge=1)


class Parameters(OfTheCloud, Epochs):
    """What training depends on. The defaults are the pipeline's own."""

    preference_dataset: str
    prompt_dataset: str
    eval_dataset: str | None = None
    large_model_reference: str
    instruction: str | None = None
    prompt_sequence_length: int = Field(default=512, ge=1)  # tokens
    target_sequence_length: int = Field(default=64, ge=1)  # tokens
    reward_model_train_steps: int | None = Field(default=None, ge=1)  # 1000, unless epochs are given
    reinforcement_learning_train_steps: int | None = Field(default=None, ge=1)  # as well
    reward_model_learning_rate_multiplier: float = Field(default=1.0, gt=0)
    reinforcement_learning_rate_multiplier: float = Field(default=1.0, gt=0)
    kl_coeff: float = Field(default=0.1, ge=0)

    @field_validator("large_model_reference")
    @classmethod
    def _open(cls, name: str) -> str:
        if "/" in name or name in MODELS:
            return name
        known = f"{', '.join(MODELS)}, a hub id or a folder"
        if name.partition("@")[0] in CLOSED:
            raise ValueError(f"{name}: its weights were never published. Give an open model: {known}")
        near = difflib.get_close_matches(name, MODELS, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else f"; expected {known}"
        raise ValueError(f"no model is called {name!r}{hint}")

    @model_validator(mode="after")
    def _one_length(self) -> "Parameters":
        for name in ("reward_model_train", "reinforcement_learning_train"):
            if getattr(self, f"{name}_steps") is not None and getattr(self, f"{name}_epochs") is not None:
                raise ValueError(f"give {name}_steps or {name}_epochs, not both")
        return self


@dataclass(frozen=True)
class Imported:
    """A recipe, and what to fetch from the cloud before it can run."""

    text: str
    to_fetch: tuple[str, ...]  # commands


def import_vertex(source: Path, out: Path, force: bool = False) -> Imported:
    """Write the recipe of a file of parameters.

    Args:
        force: write over a file that is there.

    Raises:
        UserError: the file is no JSON, a parameter is unknown or wrong, the model is not open, or `out` is
            there already or cannot be written.
    """
    if out.exists() and not force:
        raise UserError(f"{out}: is there already: give another name, or --force to write over it")
    made = recipe_of(parameters_in(source), source, out.parent)
    values = parse_yaml(made.text, str(out))
    recipe = Recipe(name=out.stem, folder=out.parent.resolve(), seed=values.pop("seed"), stages=values)
    outline(recipe, STAGES)  # what is written is a recipe
    try:
        write_text(out, made.text)
    except OSError as error:
        raise UserError(f"{out}: cannot be written: {error.strerror}") from None
    return made


def parameters_in(source: Path) -> Parameters:
    """The parameters of a file: an object of them, or of a job with `parameter_values`."""
    try:
        found = json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{source}: no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{source}: cannot be read as JSON: {error}") from None
    if not isinstance(found, Mapping):
        raise UserError(f'{source}: expected {{"preference_dataset": ...}}, found {type(found).__name__}')
    values = found.get("parameter_values", found.get("parameterValues", found))
    return check(Parameters, values, str(source))


def recipe_of(given: Parameters, source: Path, folder: Path) -> Imported:
    """The recipe, with a comment on where each value comes from; `folder` is where it will lie."""
    data = _Data(source.parent, folder)
    model = _model(given, data)
    reward = _length(given, "reward_model_train", data.rows(given.preference_dataset), "epochs")
    policy = _length(given, "reinforcement_learning_train", data.rows(given.prompt_dataset), "passes")
    lines = [
        "judge:",
        "  stage: reward",
        *model,
        *data.lines("preferences", "preference_dataset", given.preference_dataset),
        f"  max_response_tokens: {given.target_sequence_length} # target_sequence_length",
        f"  {reward}; its guide: 20 to 30 passes",
        f"  batch: {BATCH} # fixed there",
        "  micro_batch: 4 # ours: rows in memory at once; changes no result",
        _rate("reward_model_learning_rate_multiplier", given, REWARD_RATE),
        f"  lora: {{rank: {REWARD_LORA}}} # fixed there",
        "",
        "tuned:",
        "  stage: policy",
        *model,
        *data.lines("prompts", "prompt_dataset", given.prompt_dataset),
        "  rewards: [{model: $judge}]",
        f"  {policy}; its guide: 10 to 20 passes",
        f"  batch: {BATCH} # fixed there",
        f"  minibatch: {BATCH}",
        "  micro_batch: 4",
        _rate("reinforcement_learning_rate_multiplier", given, POLICY_RATE),
        f"  kl_coef: {given.kl_coeff:g} # kl_coeff",
        f"  lora: {{rank: {POLICY_LORA}}} # fixed there",
        f"  sampling: {{max_new_tokens: {given.target_sequence_length}}} # target_sequence_length",
        *_report(given, data),
    ]
    return Imported("\n".join([*_head(source, data.to_fetch), *lines]) + "\n", tuple(data.to_fetch))


class _Data:
    """Where the data sets lie: as given, or, for one in the cloud, where it is to be fetched to."""

    def __init__(self, given_in: Path, folder: Path):
        self.given_in, self.folder = given_in, folder
        self.to_fetch: list[str] = []

    def lines(self, key: str, parameter: str, source: str) -> list[str]:
        """The key with its value, under a comment."""
        if not source.startswith(CLOUD):
            return [f"  {key}: {_quoted(self.place(source))} # {parameter}"]
        several = "*" in source
        copy = f"gcloud storage cp '{source}' {parameter}"
        self.to_fetch.append(f"mkdir -p {parameter} && {copy}/" if several else f"{copy}.jsonl")
        place = f"{parameter}/*.jsonl" if several else f"{parameter}.jsonl"
        return [f"  # {parameter}: {source}", f"  {key}: {place}"]

    def place(self, source: str) -> str:
        """A file or folder as the recipe's folder sees it; a hub's name, and what is not there, as it is."""
        beside = self.given_in / source
        return os.path.relpath(beside, self.folder) if _is_here(beside) else source

    def rows(self, source: str) -> int | None:
        """None where that is not known here. Raises UserError where there are none."""
        beside = self.given_in / source
        if source.startswith((CLOUD, "hub:")) or not _is_here(beside):
            return None
        rows = count_rows(str(beside))
        if rows == 0:
            raise UserError(f"{beside}: no rows there")
        return rows


def _is_here(path: Path) -> bool:
    return path.exists() or bool(glob.glob(str(path), recursive=True))


def _head(source: Path, to_fetch: Sequence[str]) -> list[str]:
    lines = [
        f"# Made by `assent import-vertex {source.name}` from the parameters of Vertex AI's RLHF pipeline.",
        "#",
        "# A comment names the parameter that a value comes from, or says that the pipeline fixed it. Its",
        "# base learning rates were never published: the multipliers count in the defaults of our stages.",
        "# What else was not published (epochs a rollout, the optimiser) has our defaults.",
    ]
    if to_fetch:
        lines += ["#", "# Fetch the data first, in this file's folder:", "#"]
        lines += [f"#     {command}" for command in to_fetch]
    return [*lines, "", "seed: 0", ""]


def _template(given: Parameters) -> str:
    """`instruction` comes before every prompt, on a line of its own."""
    parts = [f"max_prompt_tokens: {given.prompt_sequence_length}"]
    if given.instruction:
        parts.insert(0, f"instruction: {json.dumps(given.instruction + chr(10), ensure_ascii=False)}")
    return f"{{{', '.join(parts)}}}"


def _model(given: Parameters, data: _Data) -> list[str]:
    told = "instruction and prompt_sequence_length" if given.instruction else "prompt_sequence_length"
    return [
        f"  model: {_quoted(_source_of(given, data))} # large_model_reference",
        f"  # {told}; kept with the model",
        f"  template: {_template(given)}",
    ]


def _source_of(given: Parameters, data: _Data) -> str:
    return MODELS.get(given.large_model_reference) or data.place(given.large_model_reference)


def _length(given: Parameters, name: str, rows: int | None, epochs_key: str) -> str:
    """How long a training is: its steps; or its epochs, where the rows are not here to count."""
    steps, epochs = getattr(given, f"{name}_steps"), getattr(given, f"{name}_epochs")
    if epochs is not None and rows is None:
        return f"{epochs_key}: {epochs} # {name}_epochs"
    if epochs is not None:
        assert rows is not None
        return f"steps: {math.ceil(rows / BATCH) * epochs} # {name}_epochs {epochs} x ceil({rows} / {BATCH})"
    told = f"{name}_steps" if steps is not None else f"{name}_steps, by default"
    steps = steps or 1000
    passes = "" if rows is None else f", {steps / math.ceil(rows / BATCH):.3g} passes over {rows} rows"
    return f"steps: {steps} # {told}{passes}"


def _report(given: Parameters, data: _Data) -> list[str]:
    if given.eval_dataset is None:
        return []
    return [
        "",
        "report:",
        "  stage: evaluate",
        "  policies:",
        f"    - model: {_quoted(_source_of(given, data))}",
        "      name: before",
        f"      template: {_template(given)}",
        "    - $tuned",
        *data.lines("prompts", "eval_dataset", given.eval_dataset),
        "  rewards: [{model: $judge}]",
        f"  sampling: {{max_new_tokens: {given.target_sequence_length}}}",
    ]


def _rate(parameter: str, given: Parameters, base: str) -> str:
    multiplier = getattr(given, parameter)
    rate = f"{multiplier * float(base):g}".replace("e-0", "e-")
    return f"  learning_rate: {rate} # {parameter} {multiplier:g} x {base}"


def _quoted(text: str) -> str:
    """Text as YAML: quoted, as JSON does, unless it is as plain as a path."""
    plain = text[:1].isalnum() and all(character.isalnum() or character in "_-./*" for character in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
