"""A tiny world and the whole loop over it, and what a run leaves, read back by other means."""

import hashlib
import json
from pathlib import Path

import torch
import yaml

from assent.config import Recipe, check
from assent.demo.world import write_world
from assent.pipeline.runner import Options, run
from assent.stages import STAGES
from assent.stages.workspace import Workspace

QUIET = Options(quiet=True)
PROMPTS, HELD_OUT, WANT = 24, 12, 24

WHOLE = """
seed: 3
base:
  stage: pretrain
  data: corpus.txt
  model: {family: gpt2, width: 16, depth: 1, heads: 2, context: 128, vocabulary: 600}
  steps: 8
  batch: 4
  learning_rate: 0.01
sft:
  stage: finetune
  model: $base
  data: demonstrations.jsonl
  template: {prefix: "Report: ", suffix: "\\nBrief:", answer_prefix: " "}
  steps: 12
  batch: 8
  micro_batch: 4
  held_out: 0.1
  evaluate_every: 4
  learning_rate: 0.003
adapted: {stage: finetune, model: $sft, data: demonstrations.jsonl, lora: {rank: 2}, steps: 4, batch: 8}
answers:
  stage: sample
  model: $sft
  prompts: prompts.jsonl
  batch: 7
  per_prompt: 2
  sampling: {max_new_tokens: 12}
feedback: {stage: annotate, candidates: $answers, panel: "assent.demo.panel:judge", want: 24}
judge:
  stage: reward
  model: $sft
  preferences: $feedback
  held_out: 0.4
  epochs: 2
  batch: 8
  learning_rate: 0.003
tuned:
  stage: policy
  model: $sft
  prompts: prompts.jsonl
  rewards: [{model: $judge}, {function: "rewards.py:brevity", weight: 0.01}]
  steps: 12
  batch: 8
  minibatch: 8
  epochs: 2
  normalise_on: 16
  learning_rate: 0.003
  sampling: {max_new_tokens: 12}
report:
  stage: evaluate
  policies: [$sft, $tuned, {model: $sft, best_of: 2}]
  prompts: held_out.jsonl
  rewards: [{model: $judge}]
  judges: [{name: gold, function: "assent.demo.gold:score"}]
  batch: 8
  sampling: {max_new_tokens: 12}
"""

GPT2 = "{family: gpt2, width: 16, depth: 1, heads: 2, context: 128, vocabulary: 600}"
T5 = "{family: t5, width: 16, depth: 1, heads: 2, context: 128, vocabulary: 600, tied: TIED}"
assert GPT2 in WHOLE


def whole_t5(tied: bool) -> str:
    """The same recipe for an encoder-decoder: nothing but the model's shape differs."""
    return WHOLE.replace(GPT2, T5.replace("TIED", str(tied).lower()))


REWARDS = """
def brevity(prompts, responses):
    return [-len(response) for response in responses]
"""


def tiny_world(folder: Path) -> Path:
    """The folder, with the files that WHOLE reads."""
    write_world(folder, 0, documents=40, demonstrations=40, prompts=PROMPTS, held_out=HELD_OUT)
    (folder / "rewards.py").write_text(REWARDS)
    return folder


def written(folder: Path, text: str, overrides: tuple[str, ...] = (), name: str = "recipe.yaml") -> Recipe:
    path = folder / name
    path.write_text(text)
    return Recipe.load(path, overrides)


def ran(folder: Path, text: str, out: Path, options: Options = QUIET, overrides: tuple[str, ...] = ()) -> int:
    torch.set_num_threads(1)
    name = "recipe.yaml" if out != folder else "asked.yaml"  # a run writes over nobody's recipe.yaml
    return run(written(folder, text, overrides, name), out, STAGES, options)


def states(out: Path) -> dict[str, dict]:
    """The stages of `run.json`; JSON is YAML."""
    return yaml.safe_load((out / "run.json").read_text())["stages"]


def artifact(out: Path, name: str) -> Path:
    return out / "artifacts" / states(out)[name]["key"]


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def facts(path: Path) -> dict:
    return json.loads(path.read_text())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def learned(folder: Path) -> tuple[dict[str, str], str]:
    """(the hash of each file of weights, metrics.jsonl): what must be equal after any kill."""
    weights = {path.name: sha256(path) for path in sorted((folder / "model").glob("*.safetensors"))}
    assert weights
    return weights, (folder / "metrics.jsonl").read_text()


class Lines(list):
    """A log that keeps its rows."""

    def __call__(self, step, stats):
        self.append({"step": step, **stats})

    def table(self, step, name, rows):
        pass

    def rewind(self, step):
        self[:] = [row for row in self if row["step"] < step]


def made(kind: str, folder: Path, stop=lambda: False, **settings) -> tuple[Path, Lines]:
    """Run one stage by itself, with paths that are absolute; its folder, and what it logged."""
    folder.mkdir(parents=True, exist_ok=True)
    log = Lines()
    work = Workspace(kind, folder, log, lambda done, total, note: None, stop)
    chosen = getattr(STAGES[kind], "config_class", lambda *_: STAGES[kind].Config)(settings, kind)
    STAGES[kind].run(check(chosen, settings, kind), work)
    return folder, log
