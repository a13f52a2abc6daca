"""The checklist of a correct implementation: lines 1 to 4, 7, 9 and 10.

Lines 6, 8 and 18 are in test_checklist_stage.py, the others in test_checklist_updates.py. Each line holds for
causal and encoder-decoder policies, all weights learning or adapters only. What is expected comes from
transformers' own forward over one bare row, and from the definitions.
"""

import copy
import json
import shutil
from dataclasses import replace

import pytest
import torch
import transformers
from checklist_models import (
    ASKED,
    gradient,
    own_reading,
    party_of,
    rows_of,
)
from policy_loop import Loop
from torch.nn import functional as F  # noqa: N812

from assent.batch import Rollout, Tokens
from assent.config import check
from assent.errors import UserError
from assent.models.heads import RewardModel
from assent.models.load import load
from assent.models.sampler import Sampling, sample
from assent.records import Prompt
from assent.stages.policy_config import Config
from assent.training.checkpoint import generator_of
from assent.training.learner import Learner
from assent.training.policy_memory import PolicyMemory
from assent.training.policy_settings import PPOConfig, Shaping
from assent.training.ppo import learn, ppo_credit, ppo_terms
from assent.training.rollouts import collect


@torch.no_grad()
def test_01_the_reward_is_read_at_the_last_real_token_and_value_and_logprob_at_the_prefix(party):
    rollout, players = party.rollout(), party.players
    assert len(set(rollout.responses.lengths.tolist())) > 1
    reward = RewardModel(copy.deepcopy(players.policy))
    scores = reward.scores(rollout.prompts, rollout.responses)
    reader = getattr(players.critic, "body", players.policy).network
    for row, (prompt, response) in enumerate(rows_of(rollout.prompts, rollout.responses)):
        count = len(response)
        states, logits = own_reading(players.policy.network, prompt, response)
        logprobs = (logits[:-1] / 0.7).log_softmax(-1)[range(count), response]
        values = players.critic.head(own_reading(reader, prompt, response)[0][:-1])
        assert torch.allclose(rollout.logprobs[row, :count], logprobs, atol=1e-4)
        assert torch.allclose(rollout.values[row, :count], values, atol=1e-4)
        assert torch.allclose(scores[row], reward.head(states[-1]), atol=1e-4)


def answered_by_hand(party, prompts, responses):
    """A rollout of answers that the policy did not draw."""
    with torch.no_grad():
        logprobs, _ = party.players.policy.logprobs(prompts, responses, 0.7)
    scores = torch.arange(len(prompts)) - 1.0
    return Rollout(
        prompts=prompts,
        responses=responses,
        logprobs=logprobs,
        ref_logprobs=logprobs - 0.1,
        kl=torch.full_like(logprobs, 0.1),
        values=torch.zeros_like(logprobs),
        ended=torch.ones(len(prompts), dtype=torch.bool),
        scores=scores,
        parts=scores[:, None],
    )


def with_pad(pad, source, folder):
    """The same folder with another token for padding, in tokenizer and network, or with none."""
    shutil.copytree(source, folder)
    inner = transformers.AutoTokenizer.from_pretrained(source)
    inner.pad_token = {"another": "Z", "end": inner.eos_token, None: None}[pad]
    inner.save_pretrained(folder)
    known = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(known | {"pad_token_id": inner.pad_token_id}))
    return folder


def test_02_masks_and_not_ids_decide_what_is_real(variant, folders, tmp_path):
    found = []
    for pad in ("another", "end", None):
        folder = with_pad(pad, folders[variant.family], tmp_path / str(pad))
        party = party_of(variant, folder)
        end_id = party.tokenizer.end_id
        assert (party.tokenizer.pad_id == end_id) == (pad != "another")
        prompts, _ = party.tokenizer.prompts([Prompt(text) for text in ASKED[:4]])
        prompts.ids[3, -4] = end_id  # a real token wherever it stands
        responses, _ = party.tokenizer.responses(["saw the ball", "", "park", "ball"])
        assert responses.ids[1][responses.mask[1]].tolist() == [end_id]  # an empty answer
        rollout = answered_by_hand(party, prompts, responses)
        experience = ppo_credit(rollout, rollout.scores, party.config, kl_coef=0.1)
        for row, (prompt, response) in enumerate(rows_of(prompts, responses)):
            last = len(response) - 1
            assert response.index(end_id) == last
            _, logits = own_reading(party.players.policy.network, prompt, response)
            expected = (logits[last] / 0.7).log_softmax(-1)[end_id].item()
            assert rollout.logprobs[row, last].item() == pytest.approx(expected, abs=1e-4)
            paid = rollout.scores[row] - 0.1 * rollout.kl[row, last]  # the return of the last step
            assert experience.returns[row, last].item() == pytest.approx(paid.item(), abs=1e-6)
        found.append(gradient(party, experience, 2))
    for name, expected in found[0].items():
        for other in found[1:]:
            assert torch.allclose(other[name], expected, atol=1e-6, rtol=1e-4), name


@torch.no_grad()
def test_03_left_padding_changes_nothing(party):
    policy, asked = party.players.policy, party.questions(6).tokens
    assert len(set(asked.lengths.tolist())) > 3
    responses, _ = party.tokenizer.responses(["saw", "the ball", "", "park", "a", "she asked her"])
    logits = policy.logits(policy.states(asked, responses))
    for row, (prompt, response) in enumerate(rows_of(asked, responses)):
        _, expected = own_reading(policy.network, prompt, response)
        assert torch.allclose(logits[row, : len(response) + 1], expected, atol=1e-4)


@torch.no_grad()
def test_04_logits_are_divided_by_the_temperature_everywhere(party):
    temperature, players = 0.4, party.players
    sampling = Sampling(max_new_tokens=5, temperature=temperature)
    config = party.config.model_copy(update={"sampling": sampling})
    asked = party.questions(600).tokens.rows(torch.zeros(600, dtype=torch.long))
    drawn = sample(players.policy, asked, sampling, players.end_id, generator_of(0))
    [prompt, *_] = [row for row, _ in rows_of(asked, asked)]
    _, logits = own_reading(players.policy.network, prompt, [1])
    shares = F.one_hot(drawn.responses.ids[:, 0], logits.shape[1]).float().mean(dim=0)
    assert (shares - (logits[0] / temperature).softmax(-1)).abs().max() < 0.07  # 3.4 standard errors
    rollout = collect(players, party.questions(), config, generator_of(5))
    _, report = ppo_terms(players, ppo_credit(rollout, rollout.scores, config, 0.3), config)
    assert report["ratio_off"][rollout.responses.mask].max() < 1e-4
    drawn = sample(players.policy, rollout.prompts, sampling, players.end_id, generator_of(5))
    for row, (prompt, response) in enumerate(rows_of(rollout.prompts, rollout.responses)):
        count, at = len(response), (range(len(response)), response)
        mine, theirs = (
            (own_reading(network, prompt, response)[1][:-1] / temperature).log_softmax(-1)
            for network in (players.policy.network, party.original)
        )
        assert torch.allclose(drawn.logprobs[row, :count], mine[at], atol=1e-4)
        assert torch.allclose(rollout.logprobs[row, :count], mine[at], atol=1e-4)
        assert torch.allclose(rollout.ref_logprobs[row, :count], theirs[at], atol=1e-4)
        if party.config.kl.estimator == "full":
            exact = (mine.exp() * (mine - theirs)).sum(-1)
            assert torch.allclose(rollout.kl[row, :count], exact, atol=1e-4)


@pytest.mark.parametrize("update_limit", [None, 1e-7])
def test_07_the_rate_decays_to_zero_an_optimiser_step_at_a_time(party, tmp_path, update_limit):
    kl = party.config.kl.model_copy(update={"update_limit": update_limit})
    config = party.config.model_copy(update={"kl": kl, "learning_rate": 0.003})
    rates = []
    model, tokenizer = party.players.policy, party.tokenizer
    loop = Loop(model, tokenizer, config, tmp_path, players=party.players)
    optimiser = loop.learner.optimiser
    optimiser.register_step_pre_hook(lambda *_: rates.append(optimiser.param_groups[0]["lr"]))
    loop.run()
    # 2 steps of 2 epochs of 2 minibatches: 8 updates; or two of each step, the second tells
    made_ones = range(8) if update_limit is None else (0, 1, 4, 5)
    assert rates == pytest.approx([0.003 * (8 - n) / 8 for n in made_ones])
    assert loop.learner.rate() == 0.0


@pytest.mark.parametrize("refused", [{"top_k": 5}, {"top_p": 0.9}, {"min_p": 0.1}, {"min_new_tokens": 2}])
@pytest.mark.parametrize("algorithm", ["ppo", "grpo", "rloo", "best_of_n"])
def test_09_sampling_that_an_optimiser_would_exploit_is_refused(algorithm, refused):
    given = {"model": "m", "prompts": "p", "rewards": [{"function": "f.py:f"}], "algorithm": algorithm}
    with pytest.raises(UserError, match="top_k, top_p, min_p, min_new_tokens and temperature 0 are refused"):
        check(Config, given | {"sampling": refused}, "tuned")
    with pytest.raises(ValueError, match="are refused here: an answer"):
        PPOConfig(sampling=Sampling(**refused))
    check(Config, given | {"sampling": {"temperature": 0.7}}, "tuned")


@torch.no_grad()
def test_09_the_samplers_logprobs_are_those_of_the_full_tempered_distribution(party):
    prompts = party.questions().tokens
    narrow = Sampling(max_new_tokens=4, temperature=0.7, top_k=3, top_p=0.8, min_p=0.01)
    drawn = sample(party.players.policy, prompts, narrow, party.players.end_id, generator_of(1))
    for row, (prompt, response) in enumerate(rows_of(prompts, drawn.responses)):
        _, logits = own_reading(party.players.policy.network, prompt, response)
        expected = (logits[:-1] / 0.7).log_softmax(-1)[range(len(response)), response]
        assert torch.allclose(drawn.logprobs[row, : len(response)], expected, atol=1e-4)


@pytest.mark.parametrize("rule", [{"no_end_penalty": 3.0}, {"no_end_score": -7.0}, {}])
def test_10_an_answer_is_cut_at_its_first_end_then_scored_then_the_no_end_rule_applies(party, rule):
    end_id, judged, credited = party.players.end_id, [], []

    def score(asked, responses):
        """What a reward would get to read, cut by hand; its score is its own length."""
        for row, mask in zip(responses.ids.tolist(), responses.mask.tolist(), strict=True):
            read = [token for token, real in zip(row, mask, strict=True) if real]
            assert end_id not in read[:-1]
            judged.append(read)
        scores = responses.lengths.float()
        return scores, scores[:, None]

    def credit(rollout, scores, config, kl_coef):
        credited.append(scores)
        return ppo_credit(rollout, scores, config, kl_coef)

    players = replace(party.players, score=score)
    config = party.config.model_copy(update={"shaping": Shaping(**rule)})
    rollout = collect(players, party.questions(16), config, generator_of(5))
    learner = Learner({"policy": players.policy}, 1e-4, config.optimiser, 9, 8)
    stats = learn(players, rollout, PolicyMemory(learner, config), config, generator_of(0), credit)
    whole = [read[-1] == end_id for read in judged]
    assert 0 < sum(whole) < 16
    for is_whole, read, found in zip(whole, judged, credited[0].tolist(), strict=True):
        cut = rule.get("no_end_score", len(read) - rule.get("no_end_penalty", 0.0))
        assert found == (len(read) if is_whole else cut)
    assert stats["end_rate"] == pytest.approx(sum(whole) / 16)
    assert stats["score"] == pytest.approx(sum(map(len, judged)) / 16)  # as judged, before the rule


def test_10_a_text_ends_at_its_first_end(variant, folders):
    _, tokenizer = load(str(folders[variant.family]))
    ids, _ = tokenizer.response_ids("saw the ball")
    written = Tokens.of([ids, ids[:-1], ids[-1:]], tokenizer.pad_id)
    assert tokenizer.texts(written) == ["saw the ball", "saw the ball", ""]
