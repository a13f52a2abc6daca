"""The checklist of a correct implementation: lines 5, 11 to 17, 19 and 20. See test_checklist.py."""

import inspect
import itertools
import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import test_checklist
import test_checklist_stage
import torch
from checklist_models import (
    VARIANTS,
    experience_of,
    gradient,
    moved,
    own_reading,
    party_of,
    rows_of,
)
from checklist_ranks import free_port, on_a_rank
from policy_loop import Loop
from safetensors.torch import load_file
from torch import multiprocessing

from assent.models.language_model import LanguageModel, Unadapted
from assent.training.policy_settings import Convergence, Credit, Leash, Shaping
from assent.training.ppo import ppo_credit, ppo_terms
from assent.training.rollout_summary import kl_per_answer

MOMENTS = {"parameter", "exp_avg", "exp_avg_sq", "step"}


@pytest.fixture(scope="module")
def two_ranks(folders, tmp_path_factory):
    """What each of two processes did, by variant."""
    out, port = tmp_path_factory.mktemp("ranks"), free_port()
    other = multiprocessing.get_context("spawn").Process(target=on_a_rank, args=(1, 2, port, folders, out))
    other.start()
    on_a_rank(0, 2, port, folders, out)
    other.join(120)
    assert other.exitcode == 0
    first, second = (torch.load(out / f"rank-{rank}", weights_only=True) for rank in range(2))
    return {name: (first[name], second[name]) for name in first}


def test_05_ranks_see_disjoint_rows_and_sample_with_different_seeds(variant, two_ranks):
    first, second = two_ranks[str(variant)]
    assert len(set(first["asked"])) == len(set(second["asked"])) == 6
    assert not set(first["asked"]) & set(second["asked"])
    asked = [[prompt for prompt, _ in share["answers"]] for share in (first, second)]
    written = [[answer for _, answer in share["answers"]] for share in (first, second)]
    assert asked[0] == asked[1]
    assert sum(a != b for a, b in zip(*written, strict=True)) > 4  # of 8, and two may be alike by chance


def test_11_a_token_is_paid_its_kl_and_the_last_one_the_score(party):
    rollout = party.rollout()
    undiscounted = party.config.model_copy(update={"credit": Credit(gamma=1.0, lam=1.0)})
    returns = ppo_credit(rollout, rollout.scores, undiscounted, kl_coef=0.3).returns  # to go, whatever V says
    assert rollout.kl.abs().max() > 1e-3
    for row, (prompt, response) in enumerate(rows_of(rollout.prompts, rollout.responses)):
        at = (range(len(response)), response)
        mine, theirs = (
            (own_reading(network, prompt, response)[1][:-1] / 0.7).log_softmax(-1)
            for network in (party.players.policy.network, party.original)
        )
        d = (mine - theirs)[at]
        kl = {
            "k1": d,
            "k2": d**2 / 2,
            "k3": (-d).exp() - 1 + d,
            "full": (mine.exp() * (mine - theirs)).sum(-1),
        }
        expected = -0.3 * kl[party.config.kl.estimator]
        expected[-1] += rollout.scores[row]
        to_go = expected.flip(0).cumsum(0).flip(0)
        assert torch.allclose(returns[row, : len(response)], to_go, atol=1e-4)
        assert returns[row, len(response) :].abs().sum() == 0


def test_12_gae_runs_backward_from_a_value_of_0_and_returns_are_not_standardised(party):
    gamma, lam, rollout = 0.9, 0.8, party.rollout()
    config = party.config.model_copy(update={"credit": Credit(gamma=gamma, lam=lam)})
    experience = ppo_credit(rollout, rollout.scores, config, kl_coef=0.3)
    raw = []
    for row, count in enumerate(rollout.responses.lengths.tolist()):
        values = np.append(rollout.values[row, :count].double().numpy(), 0.0)
        rewards = -0.3 * rollout.kl[row, :count].double().numpy()
        rewards[-1] += rollout.scores[row].item()
        delta = rewards + gamma * values[1:] - values[:-1]
        # arXiv:1506.02438, eq. 16, as the sum that it is
        advantages = [sum((gamma * lam) ** (k - t) * delta[k] for k in range(t, count)) for t in range(count)]
        found = experience.returns[row, :count].double().numpy()
        assert found == pytest.approx(np.asarray(advantages) + values[:-1], abs=1e-5)
        k1 = (rollout.logprobs - rollout.ref_logprobs)[row, :count].double().numpy()
        # a token's own choice is charged by k1; what comes later, by the estimator
        raw += [
            a - 0.3 * (own - kl) for a, own, kl in zip(advantages, k1, rollout.kl[row].tolist(), strict=False)
        ]
    whole = experience.advantages[rollout.responses.mask].double().numpy()
    assert whole == pytest.approx((np.asarray(raw) - np.mean(raw)) / np.std(raw), abs=1e-4)


def test_13_advantages_are_standardised_over_the_real_tokens_of_all_ranks(variant, two_ranks):
    shares = two_ranks[str(variant)]
    found = [share["advantages"][share["mask"]].double().numpy() for share in shares]
    raw = [
        (share["returns"] - share["values"] - share["own"])[share["mask"]].double().numpy()
        for share in shares
    ]
    mean, deviation = np.concatenate(raw).mean(), np.concatenate(raw).std()
    for mine, its_raw in zip(found, raw, strict=True):
        assert mine == pytest.approx((its_raw - mean) / deviation, abs=1e-4)
        assert mine != pytest.approx((its_raw - its_raw.mean()) / its_raw.std(), abs=1e-3)
    assert np.concatenate(found).mean() == pytest.approx(0, abs=1e-5)
    assert np.concatenate(found).std() == pytest.approx(1, abs=1e-4)


def test_14_the_gradient_is_the_same_for_1_x_64_and_64_x_1_and_2_ranks_x_32(variant, party, two_ranks):
    batch = experience_of(party, 64)
    whole = gradient(party, batch, 64)
    assert {name.split(".")[0] for name in whole} == {"policy", "critic"}
    others = [gradient(party, batch, 1), *(share["gradient"] for share in two_ranks[str(variant)])]
    for name, expected in whole.items():
        bound = 1e-6 * max(1.0, expected.abs().max().item())
        for other in others:
            assert torch.allclose(other[name], expected, rtol=0, atol=bound), name


def test_15_batch_is_rollout_minibatch_is_step_and_micro_batch_is_memory(variant, folders, tmp_path):
    party = party_of(variant, folders[variant.family], batch=7, minibatch=3, micro_batch=2, epochs=3)
    players = replace(party.players, score=lambda asked, _: (torch.arange(7.0), torch.zeros(7, 1)))
    loop = Loop(players.policy, party.tokenizer, party.config, tmp_path, players=players)
    step, batches, read, updates, credited = loop.learner.step, [], [], [], set()

    def noted(batch, terms, mix=None):
        batches.append(batch.rollout.scores.tolist())
        credited.update(zip(batches[-1], batch.advantages[:, 0].tolist(), strict=True))
        return step(batch, terms, mix)

    loop.learner.step = noted
    loop.learner.optimiser.register_step_pre_hook(lambda *_: updates.append(1))
    players.policy.network.get_output_embeddings().register_forward_pre_hook(
        lambda _, args: read.append(len(args[0])) if torch.is_grad_enabled() else None
    )
    loop.run()
    assert [len(batch) for batch in batches] == [3, 3, 1] * 6  # 2 rollouts of 3 epochs
    assert len(updates) == 18
    assert max(read) == 2
    assert len(credited) == 2 * 7  # each answer keeps its own advantage
    epochs = [[*batches[n], *batches[n + 1], *batches[n + 2]] for n in range(0, 18, 3)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 4  # a fresh permutation each time


def test_16_the_losses_are_those_of_the_papers(party):
    batch, config = experience_of(party, 16), party.config
    with torch.no_grad():
        losses, _ = ppo_terms(party.players, batch, config)
    old = batch.rollout
    reader, clipped = getattr(party.players.critic, "body", party.players.policy).network, []
    for row, (prompt, response) in enumerate(rows_of(old.prompts, old.responses)):
        count = len(response)
        _, logits = own_reading(party.players.policy.network, prompt, response)
        logprobs = (logits[:-1] / 0.7).log_softmax(-1)[range(count), response]
        with torch.no_grad():
            values = party.players.critic.head(own_reading(reader, prompt, response)[0][:-1])
        numbers = (
            logprobs,
            old.logprobs[row],
            batch.advantages[row],
            values,
            old.values[row],
            batch.returns[row],
        )
        for t, (new, was, a, v, v_old, r) in enumerate(zip(*(x.tolist() for x in numbers), strict=False)):
            ratio = math.exp(new - was)
            policy_loss = max(-a * ratio, -a * min(max(ratio, 0.8), 1.2))
            near = v_old + min(max(v - v_old, -0.2), 0.2)
            value_loss = 0.5 * max((v - r) ** 2, (near - r) ** 2)
            assert losses[row, t].item() == pytest.approx(policy_loss + 0.1 * value_loss, abs=2e-4)
            clipped.append((policy_loss != -a * ratio, value_loss != 0.5 * (v - r) ** 2))
    assert 0 < sum(policy for policy, _ in clipped) < len(clipped)
    assert 0 < sum(value for _, value in clipped) < len(clipped)


def test_17_a_checkpoint_holds_all_that_the_next_step_depends_on(variant, folders, tmp_path):
    def start(folder):
        changes = {"steps": 3, "epochs": 1, "shaping": Shaping(running=True)}
        leash = Leash(estimator=variant.estimator, target=0.01, horizon=50)
        party = party_of(variant, folders[variant.family], kl=leash, **changes)
        heights = (
            iter([3.0, 2.0, 1.0]) if folder == "whole" else iter([3.0, 2.0] if folder == "killed" else [1.0])
        )
        loop = Loop(
            party.players.policy,
            party.tokenizer,
            party.config,
            tmp_path / folder.removesuffix(" again"),
            players=party.players,
            until=Convergence(every=1, patience=9),
            evaluate=lambda: (next(heights), 0.0),
        )
        torch.rand(len(folder))  # chance that other work has used up must not matter
        return loop

    whole = start("whole").run()
    with pytest.raises(KeyboardInterrupt):
        start("killed").run(die_at=2)
    resumed = start("killed again").run()
    assert resumed.stats == whole.stats[2:]
    (tensors, counters), (expected, known) = resumed.memory.state(), whole.memory.state()
    assert counters == known
    assert all(torch.equal(tensor, expected[name]) for name, tensor in tensors.items())
    assert (known["best_score"], known["best_step"], known["without_rise"]) == (3.0, 0, 2.0)
    assert known["scores_count"] == 24
    assert known["kl_coef"] != whole.config.kl_coef

    saved = sorted((tmp_path / "killed").glob("step-*"))[-1]
    kinds = {}
    for name in load_file(saved / "tensors.safetensors"):
        kind, parameter = name.split("/")
        kinds.setdefault(parameter, set()).add(kind)
    headless = {
        name for name in kinds if name == "critic.body.network.lm_head.weight"
    }  # a critic predicts no token
    assert kinds == {
        name: {"parameter"} if name in headless else MOMENTS for name in resumed.learner.parameters
    }
    bodies = {parameter.split(".")[1] for parameter in kinds if parameter.startswith("critic.")}
    assert bodies == ({"head", "body"} if variant.critic == "own" else {"head"})
    assert json.loads((saved / "counters.json").read_text()) == {"done": 3, **known}


def test_19_adapters_off_are_the_reference_bit_for_bit_and_the_first_kl_is_0(variant, folders):
    party = party_of(variant, folders[variant.family], moves=False)
    policy, reference, rollout = party.players.policy, party.players.reference, party.rollout()
    assert isinstance(reference, Unadapted) == variant.adapters
    assert rollout.kl.abs().max() == 0
    assert kl_per_answer(rollout, party.config) == 0.0
    moved(policy, by=0.1)
    again = party.rollout()
    assert kl_per_answer(again, party.config) != 0.0
    bare = LanguageModel(party.original)
    with torch.no_grad():
        for text in (rollout, again):
            states, expected = (each.states(text.prompts, text.responses) for each in (reference, bare))
            assert torch.equal(states, expected)
            assert torch.equal(reference.logits(states), bare.logits(states))
            assert not torch.equal(policy.states(text.prompts, text.responses), expected)


def test_20_causal_and_encoder_decoder_pass_the_same_tests():
    kinds = [(v.is_encoder_decoder, v.adapters, v.critic, v.micro_batch, v.estimator) for v in VARIANTS]
    for first, second in itertools.combinations(range(5), 2):
        met = {(kind[first], kind[second]) for kind in kinds}
        choices = itertools.product({kind[first] for kind in kinds}, {kind[second] for kind in kinds})
        assert met == set(choices)
    tests = [
        (name, function)
        for module in (test_checklist, test_checklist_stage, sys.modules[__name__])
        for name, function in vars(module).items()
        if name.startswith("test_") and inspect.isfunction(function)
    ]
    assert {int(name.split("_")[1]) for name, _ in tests} == set(range(1, 21))
    free = {
        name
        for name, function in tests
        if not {"variant", "party"} & {*inspect.signature(function).parameters}
    }
    assert {name.split("_")[1] for name in free} == {"09", "20"}  # a refusal needs no model, nor does this
