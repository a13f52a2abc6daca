"""The embedded default: write the small world to disk, then run an ordinary recipe over it."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from assent.config import Recipe
from assent.demo.world import write_world
from assent.evaluation.numbers import duration, megabytes
from assent.pipeline.files import write_text
from assent.pipeline.plan import plan
from assent.pipeline.plan_table import NARROW, plan_table
from assent.pipeline.progress import output
from assent.pipeline.runner import Options, run
from assent.pipeline.state import last_stages
from assent.stages import STAGES

RECIPE = """\
# A small made-up world: reports of what people did, and one-sentence briefs of them.
# The panel is made up too; it stands where people will judge. Only `report` knows the gold judge.
seed: {seed}
base:
  stage: pretrain
  data: corpus.txt
{base}
  optimiser: {{warmup: 0.05, beta2: 0.98, weight_decay: 0.05}}
sft:
  stage: finetune
  model: $base
  data: demonstrations.jsonl
  template: {{prefix: "Report: ", suffix: "\\nBrief:", answer_prefix: " "}}
  epochs: 1
  batch: 16
  learning_rate: 0.0005
answers:
  stage: sample
  model: $sft
  prompts: prompts.jsonl
  batch: 128
  per_prompt: 2
  sampling: {{max_new_tokens: 48}}
feedback:
  stage: annotate
  candidates: $answers
  panel: assent.demo.panel:judge
  want: 6000
judge:
  stage: reward
  model: $sft
  preferences: $feedback
  epochs: 2
  batch: 32
  learning_rate: 0.0005
  evaluate_every: 40
tuned:
  stage: policy
  model: $sft
  prompts: prompts.jsonl
  rewards: [{{model: $judge}}]
  steps: 60
  kl_coef: 0.15
  learning_rate: 0.00015
  sampling: {{max_new_tokens: 48}}
report:
  stage: evaluate
  policies: [$sft, $tuned, {{model: $sft, best_of: 4}}]
  compare: [[tuned, sft]]
  prompts: held_out.jsonl
  rewards: [{{model: $judge}}]
  judges:
    - {{name: gold, function: "assent.demo.gold:score"}}
    - {{name: facts, function: "assent.demo.gold:facts_kept"}}
  sampling: {{max_new_tokens: 48}}
"""

GPT2 = """\
  model: {family: gpt2, width: 128, depth: 3, heads: 4, context: 128, vocabulary: 1024}
  pack: false
  steps: 1100
  batch: 16
  micro_batch: 16
  learning_rate: 0.003"""

# The encoder reads about the report, the decoder writes about the brief.
T5 = """\
  model: {family: t5, width: 128, depth: 2, heads: 8, context: 128, vocabulary: 1124, tied: false}
  pack: false
  objective: prefix
  suffix_share: 0.25
  steps: 1000
  batch: 32
  learning_rate: 0.003"""

BASES = {"gpt2": GPT2, "t5": T5}  # by family: how the model begins; all else is the same

SIZES = {"documents": 20_000, "demonstrations": 1_500, "prompts": 6_000, "held_out": 300}


def run_demo(out: Path, seed: int, options: Options, family: str = "gpt2") -> int:
    """Make the world if it is not there, say what will be done and how long it takes, and do it."""
    recipe_file = write_demo(out, seed, family)
    recipe = Recipe.load(recipe_file)
    output().print(
        "A small language model learns to write briefs from simulated people's judgements: text,\n"
        "fine-tuning, answers, judgements, reward model, PPO, and a report of whether it helped.\n"
    )
    output().print(plan_table(plan(recipe, STAGES, out), {}, narrow=output().width < NARROW))
    code = run(recipe, out, STAGES, options)
    if code == 0:
        output().print("\n".join(["", *results(json.loads((out / "summary.json").read_text("utf-8")))]))
        output().print("\n".join(["", *next_steps(out)]), markup=False, soft_wrap=True)
    return code


def next_steps(out: Path) -> list[str]:
    """What to type next: to talk to the models, and to judge answers oneself."""
    command = "assent" if shutil.which("assent") else sys.argv[0]
    [drawn] = [stage.key for stage in last_stages(out).values() if stage.kind == "sample" and stage.key]
    answers = out / "artifacts" / drawn / "candidates.jsonl"
    return [
        f"talk to both          {command} chat {out}:sft {out}:tuned",
        f"judge yourself        {command} annotate {answers} --out mine.jsonl",
    ]


def results(summary: dict[str, Any]) -> list[str]:
    """Ten lines: what the fine-tuned and the tuned policy are worth, and how far to trust it."""
    sft, tuned, best = (summary["policies"][name] for name in ("sft", "tuned", "best_of_4"))
    [gold] = [c for c in summary["comparisons"] if (c["a"], c["b"], c["judge"]) == ("tuned", "sft", "gold")]
    reports = gold["wins"] + gold["losses"] + gold["ties"]
    trust = summary["reward_model"]
    return [
        f"gold score, of 1      fine-tuned {sft['gold_mean']:.2f}, tuned {tuned['gold_mean']:.2f}",
        f"the same, best of 4   {best['gold_mean']:.2f} (four answers drawn, the reward model chooses)",
        f"facts kept            fine-tuned {sft['facts_mean']:.2f}, tuned {tuned['facts_mean']:.2f}",
        f"tuned beats it on     {gold['win_rate']:.0%} of {reports} held-out reports "
        f"(95% interval {gold['ci_low']:.0%} to {gold['ci_high']:.0%})",
        f"reward, deviations    fine-tuned {sft['score_mean']:.2f}, tuned {tuned['score_mean']:.2f}",
        f"drift                 {tuned['kl_per_answer']:.1f} nats an answer",
        f"length                fine-tuned {sft['length_mean']:.0f}, tuned {tuned['length_mean']:.0f} tokens",
        f"reward model          right on {trust['accuracy']:.0%} of {trust['n']} held-out judgements "
        f"({trust['ci_low']:.0%} to {trust['ci_high']:.0%})",
        f"time                  {duration(sum(summary['seconds'].values()))} in all",
        f"memory                {megabytes(summary['peak_rss_mb'])} at most",
    ]


def recipe_text(seed: int, family: str = "gpt2") -> str:
    return RECIPE.format(seed=seed, base=BASES[family])


def write_demo(out: Path, seed: int, family: str = "gpt2") -> Path:
    """The recipe and its data below `out`; the path of the recipe."""
    folder = out / f"world-{seed}"
    recipe = folder / "demo.yaml"
    text = recipe_text(seed, family)
    if not recipe.exists() or recipe.read_text(encoding="utf-8") != text:
        folder.mkdir(parents=True, exist_ok=True)
        write_world(folder, seed, **SIZES)
        write_text(recipe, text)
    return recipe
