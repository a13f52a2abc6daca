"""A recipe that is paid for by rules and by people, run as a user runs it."""

import json

from live_person import vowels
from stage_world import artifact, ran, states, tiny_world

from assent.errors import Waiting
from assent.rewards.human_inbox import Inbox

RECIPE = """
base:
  stage: pretrain
  data: corpus.txt
  model: {family: gpt2, width: 16, depth: 1, heads: 2, context: 128, vocabulary: 300}
  steps: 2
  batch: 4
tuned:
  stage: policy
  model: $base
  prompts: prompts.jsonl
  rewards:
    - {rule: {kind: length, unit: characters, most: 3}}
    - {rule: {kind: words, unwanted_file: rude.txt}, name: polite, weight: 0.5}
    - {rule: {kind: exact_match, expected: answers.jsonl}}
    - {human: {deadline_seconds: 0}, weight: 0.1}
  steps: 1
  batch: 4
  minibatch: 4
  epochs: 1
  sampling: {max_new_tokens: 4}
report:
  stage: evaluate
  policies: [$base, $tuned]
  prompts: held_out.jsonl
  rewards: [{rule: {kind: repetition, ngram: 1}}]
  sampling: {max_new_tokens: 4}
"""


def world(folder):
    tiny_world(folder)
    asked = [json.loads(line)["input_text"] for line in (folder / "prompts.jsonl").read_text().splitlines()]
    rows = [json.dumps({"input_text": text, "output_text": "yes"}) for text in asked]
    (folder / "answers.jsonl").write_text("\n".join(rows))
    (folder / "rude.txt").write_text("fool\n")
    return folder


def test_a_run_waits_for_people_and_goes_on(tmp_path):
    folder, out = world(tmp_path), tmp_path / "out"
    assert ran(folder, RECIPE, out) == Waiting.exit_code
    assert states(out)["tuned"]["message"].startswith("4 of 4 answers wait for people: ")
    [place] = out.glob("artifacts/*.partial/human")
    inbox = Inbox(place)
    for question in inbox.open():
        inbox.answer(question["id"], vowels(question["prompt"], question["response"]))
    assert ran(folder, RECIPE, out) == 0
    # the journal stays with the artifact
    assert len((artifact(out, "tuned") / "human" / "journal.jsonl").read_text().splitlines()) == 4
    result = json.loads((artifact(out, "report") / "evaluation.json").read_text())
    assert set(result["policies"]) == {"base", "tuned"}


def test_the_files_of_a_rule_are_inputs_of_the_stage(tmp_path):
    folder = world(tmp_path)
    assert ran(folder, RECIPE, tmp_path / "out") == Waiting.exit_code
    before = states(tmp_path / "out")["tuned"]["request"]
    (tmp_path / "rude.txt").write_text("fool\nrogue\n")
    assert ran(folder, RECIPE, tmp_path / "out") == Waiting.exit_code
    assert states(tmp_path / "out")["tuned"]["request"] != before
