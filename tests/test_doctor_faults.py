"""Each diagnosis made by the real loop: its fault is injected, and the doctor names it.

The random policy's commonest token stands in for its end, so that eight of ten answers end by themselves.
"""

import json

import pytest
import torch
from policy_loop import Loop, config_of, players_of
from stage_world import made
from tiny_models import tiny
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import models, pre_tokenizers
from torch import nn
from transformers import PreTrainedTokenizerFast

from assent.batch import LanguageBatch, PreferenceBatch, Tokens
from assent.models.heads import RewardModel, SharedCritic
from assent.models.load import save, save_reward
from assent.models.sampler import Sampling
from assent.training.checkpoint import Checkpoint
from assent.training.doctor import diagnose
from assent.training.language import language_terms, train_language
from assent.training.learner import Learner, Mix, Optimiser
from assent.training.policy_settings import Shaping
from assent.training.reward import train_reward
from assent.training.rollouts import Players

END, COMMON = 21, 129  # the two tokens that this policy likes best
SAMPLING = Sampling(max_new_tokens=12, temperature=0.35)


def scored(scores_of):
    def score(asked, responses):
        scores = scores_of(responses).float()
        return scores, scores[:, None]

    return score


def share(wanted):
    """A reward: the share of an answer's tokens that are wanted."""
    return lambda responses: (wanted(responses.ids) & responses.mask).sum(dim=1) / responses.lengths


def count_of(token):
    return lambda responses: ((responses.ids == token) & responses.mask).sum(dim=1)


mild = share(lambda ids: ids >= 150)  # half of the vocabulary: there is little to gain


@pytest.fixture
def loop(gpt2, tmp_path):
    """Make a loop that is sound but for what is asked for."""

    def make(score=mild, end_id=END, critic=None, mixing=None, **settings):
        model, tokenizer = gpt2
        players = players_of(model, end_id, scored(score))
        parts = vars(players) | ({"critic": critic} if critic else {})
        shape = {"steps": 12, "batch": 32, "minibatch": 32, "micro_batch": 32, "learning_rate": 5e-4}
        config = config_of(**{**shape, "sampling": SAMPLING, **settings})
        return Loop(model, tokenizer, config, tmp_path, Players(**parts), mixing=mixing)

    return make


def diagnosed(loop):
    """What the doctor says of a loop's run: the first step of each diagnosis by its name."""
    stats = loop.run().stats
    return {found.name: found for found in diagnose({"step": step, **row} for step, row in enumerate(stats))}


def test_a_sound_loop(loop):
    assert diagnosed(loop(steps=24)) == {}


def test_a_sound_loop_in_bfloat16(loop):
    assert diagnosed(loop(optimiser=Optimiser(precision="bfloat16"))) == {}


def test_dropout_makes_kl_negative(loop):
    """A network with dropout finds its own tokens less likely: the mean of the logarithm is below its own."""
    faulty = loop(learning_rate=1e-6)
    for module in faulty.players.policy.network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.1
    faulty.players.policy.train()
    found = diagnosed(faulty)
    assert found["KL is negative"].step == 0
    assert "dropout" in found["KL is negative"].cause
    assert "dropout" in found["ratios are not 1 in the first minibatch"].cause


def test_log_probabilities_at_another_temperature(loop):
    faulty = loop()
    policy, honest = faulty.players.policy, faulty.players.policy.token_logprobs

    def untempered_in_rollouts(states, responses, temperature):
        return honest(states, responses, temperature if torch.is_grad_enabled() else 1.0)

    policy.token_logprobs = untempered_in_rollouts
    found = diagnosed(faulty)
    assert found["ratios are not 1 in the first minibatch"].step == 0
    assert found["KL is negative"].step == 0  # the sampler's temperature is not that of the log-probabilities


@pytest.mark.parametrize(
    ("name", "score", "settings"),
    [
        ("answers end no more", lambda r: r.lengths / 12, {"kl_coef": 0.0, "learning_rate": 1e-2}),
        (
            "the reward pays for length",
            lambda r: r.lengths / 6,
            {"learning_rate": 3e-3, "sampling": Sampling(max_new_tokens=20, temperature=0.35)},
        ),
        ("answers become one token", lambda r: -r.lengths, {"kl_coef": 0.0, "learning_rate": 1e-2}),
        ("rewards saturate", lambda r: torch.ones(len(r)), {}),
        (
            "rewards saturate",
            lambda r: mild(r) > 0.4,
            {"kl_coef": 0.0, "learning_rate": 1e-2, "steps": 16},
        ),
        ("rewards saturate", mild, {"shaping": Shaping(clip=0.1)}),
        ("updates go too far", mild, {"learning_rate": 1e-2, "epochs": 8}),
    ],
    ids=["endless", "long", "empty", "constant", "ceiling", "clipped", "too fast"],
)
def test_faults_of_rewards_and_settings(loop, name, score, settings):
    assert name in diagnosed(loop(score, **settings))


def test_one_token_is_all_that_counts(loop):
    found = diagnosed(loop(count_of(COMMON), kl_coef=0.0, learning_rate=1e-2, steps=24))
    assert {name for name, diagnosis in found.items() if diagnosis.severe} == {
        "answers become one token",
        "KL explodes",
    }
    assert "entropy collapses" in found
    assert "of all tokens are the same one" in found["answers become one token"].seen


def test_no_token_is_the_end(loop):
    assert set(diagnosed(loop(end_id=-1))) == {"answers never ended"}


class Guessing(SharedCritic):
    """A critic whose values have nothing to do with the answers."""

    def values(self, states, prompts, responses):
        return super().values(states, prompts, responses) + torch.randn(responses.ids.shape)


def test_a_critic_that_guesses(loop):
    assert set(diagnosed(loop(critic=Guessing(16), steps=20))) == {"the critic explains less than nothing"}


class PerMicroBatch(Learner):
    """Counts a step of the schedule for each micro-batch, as many trainers with accumulation do."""

    def step(self, batch, terms, mix=None):
        stats = super().step(batch, terms, mix)
        self.updates += len(batch) // self.micro_batch - 1
        return stats


def test_a_schedule_per_micro_batch(loop):
    faulty = loop(micro_batch=16)
    faulty.learner.__class__ = PerMicroBatch
    found = diagnosed(faulty)
    assert set(found) == {"the learning rate is per micro-batch"}
    # Two updates a step, each counted twice; the second row makes it certain.
    assert found["the learning rate is per micro-batch"].seen.startswith(
        "33.3% of the schedule is used up after 16.7%"
    )


def test_one_score_without_measure(loop):
    judged = iter([1.0, 1.0, 1e30] + [1.0] * 20)
    found = diagnosed(loop(lambda responses: mild(responses) * next(judged)))
    assert set(found) == {"updates are skipped"}
    assert found["updates are skipped"].step == 2


def text(rows, time=8):
    ids = torch.randint(0, 300, (rows, time), generator=torch.Generator().manual_seed(0))
    tokens = Tokens(ids, torch.ones_like(ids, dtype=torch.bool))
    first, rest = (tokens.map(lambda x, at=at: x[:, at]) for at in (slice(0, 1), slice(1, None)))
    return LanguageBatch(first, rest, rest.mask)


@pytest.mark.parametrize(
    ("normalised", "names"), [(False, {"the pretraining mix swamps the policy"}), (True, set())]
)
def test_a_mix_that_is_weighed_too_much(loop, gpt2, normalised, names):
    def mixing(update):
        return Mix(
            text(4), lambda batch: language_terms(gpt2[0], batch), 1.0 if normalised else 300.0, normalised
        )

    assert set(diagnosed(loop(mixing=mixing))) == names


def test_a_reward_model_that_cannot_spell_the_answers(gpt2, tmp_path):
    """Its tokenizer knows a few whole words, and a random policy writes anything but those."""
    words = {word: index for index, word in enumerate(["<unk>", "<end>", "once", "upon", "a", "time"])}
    inner = FastTokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    spelling = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>", eos_token="<end>")
    body, its_tokenizer = tiny("gpt2", spelling)
    save(*gpt2, tmp_path / "policy", kind="finetuned")
    save_reward(RewardModel(body), its_tokenizer, tmp_path / "speller")
    asked = tmp_path / "prompts.jsonl"
    asked.write_text("".join(json.dumps({"input_text": f"say {n}"}) + "\n" for n in range(8)))
    _, logged = made(
        "policy",
        tmp_path / "tuned",
        model=str(tmp_path / "policy"),
        prompts=str(asked),
        rewards=[{"model": str(tmp_path / "speller")}],
        steps=4,
        batch=8,
        normalise_on=8,
        sampling={"max_new_tokens": 6},
    )
    found = {diagnosis.name: diagnosis for diagnosis in diagnose(logged)}
    assert found["policy and reward disagree on tokens"].step == 0
    assert found["policy and reward disagree on tokens"].seen.endswith(
        "of the characters are lost on speller"
    )


def fitted(train, model, folder, rate, **more):
    learner = Learner({"model": model}, rate, Optimiser(schedule="constant"), 64, 64)
    logged = []
    checkpoint = Checkpoint(folder, learner, lambda done: None, lambda: False, seconds=1e9)
    train(
        learner=learner,
        checkpoint=checkpoint,
        steps=64,
        log=lambda step, stats: logged.append({"step": step, **stats}),
        evaluate_every=8,
        **more,
    )
    return [diagnosis.name for diagnosis in diagnose(logged)]


def test_text_learned_by_heart(gpt2, tmp_path):
    """What is held out is as random as what is learned: learning it can only make the rest less likely."""
    whole = text(12)
    learned, unseen = whole.rows(slice(0, 4)), whole.rows(slice(4, 12))
    names = fitted(
        lambda **more: train_language(gpt2[0], lambda step: learned, held_out=[unseen], **more),
        gpt2[0],
        tmp_path,
        rate=3e-3,
    )
    assert names == ["overfitting"]


def preferences(count, seed):
    """Pairs of random answers, with votes by a coin."""
    coin = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 300, (count, 2, 6), generator=coin)
    asked = torch.ones(count, 2, dtype=torch.long)
    chosen = torch.randint(0, 2, (count,), generator=coin)
    return PreferenceBatch(
        Tokens(asked, asked.bool()),
        ids,
        torch.ones_like(ids, dtype=torch.bool),
        nn.functional.one_hot(chosen, 2).float(),
    )


def test_judgements_by_a_coin(gpt2, tmp_path):
    model = RewardModel(gpt2[0])
    nn.init.zeros_(model.head.linear.weight)
    names = fitted(
        lambda **more: train_reward(
            model, lambda step: preferences(32, step), held_out=[preferences(400, 1_000)], **more
        ),
        model,
        tmp_path,
        rate=1e-4,
    )
    assert names == ["nothing is learned from the preferences"]
