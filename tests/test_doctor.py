"""Each diagnosis against rows written by hand, and healthy rows against all of them."""

import json
import random

import pytest
from click.testing import CliRunner
from pipeline_fakes import STAGES, ran, stage
from pipeline_fakes import end as end_of
from stage_world import WHOLE, tiny_world
from stage_world import ran as run_whole

from assent.cli import main
from assent.training.ailments import AILMENTS
from assent.training.doctor import Doctor, diagnose

HEALTHY = {
    "score": 0.4,
    "score_std": 0.8,
    "score_clipped": 0.02,
    "kl": 1.3,
    "kl_per_token": 0.1,
    "kl_coef": 0.15,
    "length": 13.0,
    "end_rate": 0.99,
    "explained_variance": 0.02,
    "entropy": 0.6,
    "approx_kl": 0.002,
    "clip_fraction": 0.03,
    "policy_loss": -0.01,
    "value_loss": 0.14,
    "loss": 0.002,
    "ratio_off": 0.02,
    "first_ratio_off": 1e-6,
    "top_token": 0.07,
    "learning_rate": 1e-4,
    "grad_norm": 0.3,
    "skipped": 0.0,
    "unread/judge": 0.0,
    "policy_grad_norm": 0.3,
    "mix_grad_norm": 0.9,
    "mix_pull": 0.3,
}


def history(steps=40, begin=20, **ill):
    """Healthy steps with some noise after the first, and from `begin` on the numbers of an ailment."""
    noise = random.Random(0)
    rows = []
    for step in range(steps):
        clock = {"step": step, "schedule": (step + 1) / steps, "planned": (step + 1) / steps}
        numbers = {name: value * (noise.uniform(0.9, 1.1) if step else 1) for name, value in HEALTHY.items()}
        rows.append(clock | numbers | (ill if step >= begin else {}))
    return rows


def names(rows):
    return [diagnosis.name for diagnosis in diagnose(rows)]


def test_a_healthy_history_has_no_diagnosis():
    assert diagnose(history(400)) == []


@pytest.mark.parametrize(
    ("ill", "name", "seen"),
    [
        ({"kl": -0.7}, "KL is negative", "KL -0.7 nats an answer"),
        ({"kl": -0.08}, "KL is negative", "KL -0.08 nats an answer"),
        ({"kl": 30.0, "kl_per_token": 2.3}, "KL explodes", "KL 30 nats an answer, 2.3 a token"),
        ({"first_ratio_off": 0.2}, "ratios are not 1 in the first minibatch", "|ratio - 1| is 0.2 before"),
        ({"end_rate": 0.1}, "answers end no more", "10% of the answers end by themselves, 99% at first"),
        ({"explained_variance": -0.3}, "the critic explains less than nothing", "variance -0.30"),
        ({"top_token": 0.8}, "answers become one token", "80% of all tokens are the same one, 7% at first"),
        ({"length": 1.2}, "answers become one token", "answers have 1.2 tokens with their end, 13 at first"),
        ({"score_std": 0.01}, "rewards saturate", "differ by 0.01"),
        ({"score_clipped": 0.7}, "rewards saturate", "70% of the scores are clipped"),
        ({"schedule": 1.0, "planned": 0.6}, "the learning rate is per micro-batch", "100.0% of the schedule"),
        (
            {"unread/judge": 0.4},
            "policy and reward disagree on tokens",
            "40% of the characters are lost on judge",
        ),
        ({"entropy": 0.01}, "entropy collapses", "entropy 0.01 nats a token"),
        ({"clip_fraction": 0.6}, "updates go too far", "60% of the tokens are clipped"),
        ({"skipped": 0.25}, "updates are skipped", "25% of the updates"),
        ({"length": 40.0, "score": 2.5}, "the reward pays for length", "answers are 3.1 times as long"),
        ({"mix_pull": 9.0}, "the pretraining mix swamps the policy", "norm is 9 from the mix, 0."),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_ailment_is_named_with_its_first_step_and_its_numbers(ill, name, seen):
    (found,) = diagnose(history(begin=23, **ill))
    assert (found.name, found.step) == (name, 23)
    assert seen in found.seen


@pytest.mark.parametrize("ailment", AILMENTS, ids=lambda ailment: ailment.name)
def test_one_step_is_not_an_illness_unless_it_is_certain(ailment):
    ills = {"kl": -3.0, "kl_per_token": 5.0, "first_ratio_off": 1.0, "end_rate": 0.0, "top_token": 1.0}
    ills |= {"explained_variance": -9.0, "length": 1.0, "score_std": 0.0, "unread/judge": 1.0, "entropy": 0.0}
    rows = history()
    rows[25] |= ills
    assert ailment.name not in names(rows)


def test_what_is_severe():
    assert {ailment.name for ailment in AILMENTS if ailment.severe} == {
        "KL explodes",
        "answers become one token",
    }


def test_a_number_that_is_not_there_or_not_finite_is_not_judged():
    assert diagnose([{"step": step} for step in range(50)]) == []
    assert diagnose([{"step": step, **dict.fromkeys(HEALTHY)} for step in range(50)]) == []
    assert diagnose([{"step": step, "kl": float("nan")} for step in range(50)]) == []


def test_a_collapse_in_the_first_steps_is_measured_against_the_very_first():
    assert names(history(begin=1, top_token=0.9)) == ["answers become one token"]


def test_short_answers_that_were_short_are_no_collapse():
    """Sentiment in one word: two tokens with the end, of which the first is the same in most answers."""
    assert names(history(begin=0, length=2.0, top_token=0.6)) == []


def test_a_policy_that_repeats_itself_from_the_start_is_named():
    assert names(history(begin=0, top_token=0.95)) == ["answers become one token"]


def test_answers_that_never_ended_are_not_said_to_end_no_more():
    (found,) = diagnose(history(begin=0, end_rate=0.0))
    assert (found.name, found.step) == ("answers never ended", 0)


def test_scores_that_never_differed():
    assert names(history(begin=0, score_std=0.0)) == ["rewards saturate"]


def test_a_young_critic_may_be_wrong():
    assert names(history(begin=0, steps=19, explained_variance=-2.0)) == []
    (found,) = diagnose(history(begin=0, steps=20, explained_variance=-2.0))
    assert found.step == 10


def test_small_negative_estimates_come_and_go():
    """k1 of eight answers at a true KL of 0.01 has a deviation of sqrt(2 * 0.01 / 8) = 0.05 nats."""
    noise = random.Random(1)
    rows = [{"step": step, "kl": noise.gauss(0.01, 0.05)} for step in range(5_000)]
    assert min(row["kl"] for row in rows) < -0.1
    assert diagnose(rows) == []


def test_the_loop_hears_each_diagnosis_once_when_it_is_certain():
    doctor, rows = Doctor(), history(begin=20, first_ratio_off=0.2)
    told = {row["step"]: doctor.see(row["step"], row) for row in rows}
    assert [step for step, found in told.items() if found] == [22]  # the third in a row
    assert told[22] == diagnose(rows)


def test_a_diagnosis_reads_as_a_sentence():
    (found,) = diagnose(history(begin=20, skipped=1.0))
    assert str(found).startswith("updates are skipped, since step 20: 100% of the updates of the step")
    assert "Likely cause: their gradient was not finite" in str(found)
    assert "What to do: lower learning_rate" in str(found)


def fitted(held_out, loss=0.4, accuracy=0.7, held_out_accuracy=0.7, every=10):
    """A fit that is evaluated every ten steps, with these held-out losses."""
    rows = [{"step": step, "loss": loss, "accuracy": accuracy} for step in range(every * len(held_out))]
    for index, value in enumerate(held_out):
        rows[every * (index + 1) - 1] |= {"held_out_loss": value, "held_out_accuracy": held_out_accuracy}
    return rows


def test_overfitting():
    assert names(fitted([0.7, 0.6, 0.61, 0.6, 0.62])) == []
    assert names(fitted([0.7, 0.6, 0.64, 0.61, 0.64])) == []  # one bad evaluation, twice
    (found,) = diagnose(fitted([0.7, 0.6, 0.65, 0.7]))
    assert (found.name, found.step) == ("overfitting", 29)
    assert found.seen == "held-out loss 0.7, at best 0.6; training loss 0.4"
    assert names(fitted([0.7, 0.6, 0.65, 0.7], loss=0.9)) == []  # the training itself has come apart


def test_a_reward_model_at_chance():
    guessing = {"loss": 0.694, "accuracy": 0.5}
    assert names(fitted([0.69] * 5, **guessing, held_out_accuracy=0.51)) == [
        "nothing is learned from the preferences"
    ]
    assert names(fitted([0.69] * 3, **guessing, held_out_accuracy=0.51)) == []  # 30 steps are too few to say
    assert names(fitted([0.69] * 5, **guessing, held_out_accuracy=0.6)) == []
    assert names(fitted([1.38] * 5, loss=1.3, accuracy=0.4, held_out_accuracy=0.4)) == []  # four candidates


# assent doctor RUN


def doctored(folder, rows, end=""):
    """What `assent doctor` says of a run with one policy stage that logged these rows."""

    def policy(config, work):
        for row in rows:
            work.log(row["step"], {name: value for name, value in row.items() if name != "step"})
        end_of(end)
        (work.folder / "model").mkdir()

    stages = {**STAGES, "policy": stage(STAGES["train"].Config, policy, "model")}
    assert ran(folder, "tuned: {stage: policy}", stages=stages) == (4 if end else 0)
    return asked(folder / "run")


def asked(run):
    return CliRunner().invoke(main, ["doctor", str(run)])


def test_nothing_found(tmp_path):
    shown = doctored(tmp_path, history(40))
    assert (shown.exit_code, shown.output) == (0, "tuned (policy): nothing found in 40 steps\n")


def test_what_is_found_is_told_with_its_cause_and_remedy(tmp_path):
    shown = doctored(tmp_path, history(40, first_ratio_off=0.2))
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert lines[:3] == [
        "tuned (policy): 1 found in 40 steps",
        "  ratios are not 1 in the first minibatch, since step 20",
        "    seen: mean |ratio - 1| is 0.2 before any update",
    ]
    assert [line.split(":")[0] for line in lines[3:]] == ["    likely cause", "    what to do"]


def test_a_severe_diagnosis_ends_with_4_also_while_the_stage_is_not_finished(tmp_path):
    shown = doctored(tmp_path, history(40, top_token=0.9), end="stop")
    assert shown.exit_code == 4
    assert "answers become one token, since step 20, and going on cannot give anything good" in shown.output


def test_a_stage_without_steps(tmp_path):
    assert doctored(tmp_path, []).output == "tuned (policy): no steps yet\n"


def test_a_run_without_training_and_no_run_at_all(tmp_path):
    assert ran(tmp_path, "a: {stage: rows}") == 0
    for run, message in (
        (tmp_path / "run", "none of its stages is one of"),
        (tmp_path, "no run in this folder"),
    ):
        shown = asked(run)
        assert shown.exit_code == 2
        assert message in shown.stderr


def test_damaged_metrics(tmp_path):
    doctored(tmp_path, history(3))
    (path,) = (tmp_path / "run" / "artifacts").glob("policy-*/metrics.jsonl")
    text = path.read_text()
    path.write_text("x" + text[1:])  # as long as before
    shown = asked(tmp_path / "run")
    assert shown.exit_code == 2
    assert "metrics.jsonl: damaged" in shown.stderr
    assert json.loads(text.splitlines()[0])["step"] == 0


def test_the_whole_loop_on_a_tiny_world(tmp_path):
    """A model of one layer has not learned to end its answers in twelve updates; the rest is healthy."""
    world = tiny_world(tmp_path / "world")
    assert run_whole(world, WHOLE, tmp_path / "run") == 0
    shown = asked(tmp_path / "run")
    assert shown.exit_code == 0
    assert [line for line in shown.output.splitlines() if not line.startswith("    ")] == [
        "base (pretrain): nothing found in 8 steps",
        "sft (finetune): nothing found in 12 steps",
        "adapted (finetune): nothing found in 4 steps",
        "judge (reward): nothing found in 4 steps",
        "tuned (policy): 1 found in 12 steps",
        "  answers never ended, since step 0",
    ]
