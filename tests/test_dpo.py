"""DPO: its loss by hand, its terms by each network's own forward, and a policy that learns a preference."""

import copy
import math

import pytest
import torch
from test_models import PAD, network, own_logits
from torch.nn import functional as F  # noqa: N812

from assent.batch import PreferenceBatch, Tokens
from assent.functional.preference import dpo_loss, margin
from assent.models.language_model import LanguageModel
from assent.models.load import LoRA, adapted, reference_of
from assent.training.checkpoint import Checkpoint
from assent.training.dpo import DPOConfig, dpo_terms, train_dpo
from assent.training.learner import Learner, Optimiser, evaluated

FIRST, SECOND, TIE = [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]
WANTED = 7  # the token that people like


# -log sigmoid(.1 * 3) = log(1 + e^-.3) = .554355; for the other vote log(1 + e^.3) = .854355; half of each
@pytest.mark.parametrize(("votes", "expected"), [(FIRST, 0.554355), (SECOND, 0.854355), (TIE, 0.704355)])
def test_the_loss_by_hand(votes, expected):
    found = dpo_loss(torch.tensor([[2.0, -1.0]]), torch.tensor([votes]), kl_coef=0.1)
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_with_two_candidates_it_is_eq_7_of_the_paper():
    log_ratios, winner = 3 * torch.randn(50, 2), torch.randint(2, (50,))
    won = log_ratios.gather(1, winner[:, None]).squeeze(1)
    lost = log_ratios.gather(1, 1 - winner[:, None]).squeeze(1)
    found = dpo_loss(log_ratios, F.one_hot(winner, 2).float(), kl_coef=0.3)
    assert torch.allclose(found, -F.logsigmoid(0.3 * won - 0.3 * lost), atol=1e-6)


def test_three_candidates_by_hand():
    # exp(.5 * 2 log w) = w = 1, 2, 3: the chosen has 3 of 6; with noise .2, .8 log 2 + .1 log 6 + .1 log 3
    log_ratios, votes = 2 * torch.tensor([[1.0, 2.0, 3.0]]).log(), torch.tensor([[0.0, 0.0, 1.0]])
    assert dpo_loss(log_ratios, votes, 0.5).item() == pytest.approx(math.log(2), abs=1e-6)
    assert dpo_loss(log_ratios, votes, 0.5, label_noise=0.2).item() == pytest.approx(0.843555, abs=1e-6)


def test_doubted_votes_by_hand():
    # .9 * .554355 + .1 * .854355; a tie is the same whatever is doubted
    log_ratios = torch.tensor([[2.0, -1.0], [2.0, -1.0]])
    found = dpo_loss(log_ratios, torch.tensor([FIRST, TIE]), 0.1, label_noise=0.1)
    assert found.tolist() == pytest.approx([0.584355, 0.704355], abs=1e-6)


def test_margin_by_hand():
    # 3 - (1 - 2) / 2; votes of 2:1 (2 * 3 + 1) / 3 - (2 - 7/3) / 2
    scores = torch.tensor([[3.0, 1.0, -2.0]] * 3)
    votes = torch.tensor([[1.0, 0.0, 0.0], [2 / 3, 1 / 3, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert margin(scores, votes).tolist() == pytest.approx([3.5, 2.5, 0.0], abs=1e-6)


KINDS = ["gpt2", "gpt2 with adapters", "t5", "t5 with adapters", "bart"]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def policy(kind):
    return started(kind)


def started(kind):
    """A small random policy over 23 tokens; its adapters, if any, change nothing yet."""
    model = LanguageModel(network(kind.split()[0]))
    return adapted(model, LoRA(rank=4)).eval() if "adapters" in kind else model.eval()


def moved(model):
    """The same policy after some training, as it were."""
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.learning():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model


def judged(rows, seed=0, candidates=2):
    """People like the answer that holds the wanted token; prompts and lengths differ."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(low, high):
        length = int(torch.randint(low, high, (), generator=generator))
        return torch.randint(8, 23, (length,), generator=generator).tolist()

    prompts, answers, votes = [], [], []
    for row in range(rows):
        prompts.append(drawn(1, 4))
        texts = [drawn(2, 5) for _ in range(candidates)]
        texts[row % candidates][row % 2] = WANTED
        answers += texts
        votes.append([float(k == row % candidates) for k in range(candidates)])
    padded = Tokens.of(answers, PAD)
    shape = (rows, candidates, padded.ids.shape[1])
    return PreferenceBatch(
        Tokens.of(prompts, PAD, side="left"),
        padded.ids.view(shape),
        padded.mask.view(shape),
        torch.tensor(votes),
    )


@torch.no_grad()
def own_logprobs(model, batch, row, candidate):
    """log p of each token of one answer, read alone by the network's own forward."""
    prompt = batch.prompts.ids[row][batch.prompts.mask[row]].tolist()
    answer = batch.ids[row, candidate][batch.mask[row, candidate]]
    logits = own_logits(model, prompt, answer.tolist())[:-1]
    return logits.log_softmax(-1).gather(1, answer[:, None]).squeeze(1)


@torch.no_grad()
def test_terms_are_those_of_the_networks_own_forward(policy):
    batch, reference = judged(3), copy.deepcopy(policy)
    leash, moved_policy = reference_of(policy), moved(policy)
    config = DPOConfig(kl_coef=0.3, anchor=0.5)
    loss, report = dpo_terms(moved_policy, leash, batch, config)
    for row in range(3):
        chosen, other = row % 2, 1 - row % 2
        now, before = (
            [own_logprobs(model, batch, row, k) for k in (chosen, other)]
            for model in (moved_policy, reference)
        )
        gained, spent = ((now[k] - before[k]).sum() for k in (0, 1))
        expected = -F.logsigmoid(0.3 * (gained - spent)) - 0.5 * now[0].mean()
        assert loss[row].item() == pytest.approx(expected.item(), abs=1e-4)
        assert report["chosen_drift"][row].item() == pytest.approx(gained.item(), abs=1e-4)
        assert report["margin"][row].item() == pytest.approx(0.3 * (gained - spent).item(), abs=1e-4)
        assert report["accuracy"][row].item() == float(gained > spent)


@torch.no_grad()
@pytest.mark.parametrize("candidates", [2, 3])
def test_a_policy_starts_at_its_reference(policy, candidates):
    loss, report = dpo_terms(policy, reference_of(policy), judged(6, candidates=candidates), DPOConfig())
    assert loss.tolist() == pytest.approx([math.log(candidates)] * 6, abs=1e-6)
    assert report["chosen_drift"].tolist() == [0.0] * 6
    assert report["accuracy"].tolist() == pytest.approx([1 / candidates] * 6)


def gradient(policy, batch, micro_batch):
    """The gradient of one step, caught before the update clears it."""
    learner = Learner({"policy": policy}, 0.0, Optimiser(clip_norm=1e9), 1, micro_batch)
    caught = {}
    learner.optimiser.register_step_pre_hook(
        lambda *_: caught.update({n: p.grad.clone() for n, p in learner.parameters.items()})
    )
    reference, config = reference_of(policy), DPOConfig(anchor=0.1)
    learner.step(batch, lambda micro: dpo_terms(policy, reference, micro, config))
    return caught


def test_micro_batches_change_nothing(policy):
    whole, ones = (gradient(policy, judged(8), size) for size in (8, 1))
    assert whole.keys() == ones.keys()
    assert any(tensor.abs().max() > 1e-3 for tensor in whole.values())
    for name, expected in whole.items():
        assert torch.allclose(ones[name], expected, atol=1e-6 * max(1.0, expected.abs().max().item())), name


class Run:
    """A policy with all that its training needs."""

    def __init__(self, policy, folder, rate=0.01, steps=30, saves_every=math.inf, **settings):
        self.policy, self.steps = policy, steps
        self.reference = reference_of(policy)
        self.config = DPOConfig(**settings)
        self.learner = Learner({"policy": policy}, rate, Optimiser(), steps, 16)
        self.checkpoint = Checkpoint(folder, self.learner, lambda done: None, lambda: False, saves_every)
        self.stats: list[dict[str, float]] = []

    def go(self, die_at=None, **more):
        def batches(step):
            if step == die_at:
                raise KeyboardInterrupt
            return judged(16, seed=step)

        train_dpo(
            self.policy,
            self.reference,
            batches,
            self.learner,
            self.checkpoint,
            self.config,
            lambda step, stats: self.stats.append({"step": step, **stats}),
            steps=self.steps,
            **more,
        )
        return self


@torch.no_grad()
def chance_of_the_wanted(policy, batch):
    answers = Tokens(batch.ids[:, 0], batch.mask[:, 0])
    logits = policy.logits(policy.states(batch.prompts, answers)[:, 0])
    return logits.softmax(-1)[:, WANTED].mean().item()


def test_a_policy_learns_what_people_like(kind, policy, tmp_path):
    unseen = judged(64, seed=1000)
    run = Run(policy, tmp_path, rate=0.05 if "adapters" in kind else 0.02)
    before = evaluated([unseen], lambda batch: dpo_terms(policy, run.reference, batch, run.config))
    chance = chance_of_the_wanted(policy, unseen)
    run.go(held_out=[unseen], evaluate_every=10)
    assert before["accuracy"] == 0.5
    assert [row["step"] for row in run.stats if "held_out_accuracy" in row] == [9, 19, 29]
    assert run.stats[-1]["held_out_accuracy"] > 0.8  # .84 to .97 were measured
    assert run.stats[-1]["held_out_loss"] < 0.9 * before["loss"]
    assert run.stats[-1]["held_out_margin"] > 0.2
    assert chance_of_the_wanted(policy, unseen) > 2 * chance


def test_the_reference_stays_where_it_was(policy, tmp_path):
    batch, run = judged(4), Run(policy, tmp_path, steps=3)
    before, _ = run.reference.logprobs(*batch.flat())
    run.go()
    after, _ = run.reference.logprobs(*batch.flat())
    assert torch.equal(after, before)
    assert not torch.equal(policy.logprobs(*batch.flat())[0], before)


def test_the_price_of_a_nat_holds_the_policy_back(tmp_path):
    """Doubted votes have a best margin of log(.8 / .2) = 1.386: fewer nats where a nat costs more."""
    cheap, dear = (
        Run(started("gpt2"), tmp_path / str(price), 0.02, kl_coef=price, label_noise=0.2).go().stats[-1]
        for price in (0.1, 1.0)
    )
    assert cheap["margin"] == pytest.approx(1.386, abs=0.3)
    assert dear["margin"] / 1.0 < 0.5 * cheap["margin"] / 0.1  # in nats


def test_an_anchor_keeps_the_chosen_answers_likely(tmp_path):
    loose, held = (
        Run(started("gpt2"), tmp_path / str(weight), anchor=weight).go().stats[-1] for weight in (0.0, 1.0)
    )
    assert held["chosen_drift"] > loose["chosen_drift"] + 1


def test_dropout_is_off(tmp_path):
    def trained(seed):
        torch.manual_seed(7)
        policy = adapted(LanguageModel(network("gpt2")), LoRA(rank=4, dropout=0.5)).train()
        torch.manual_seed(seed)
        return Run(policy, tmp_path / str(seed), steps=3).go()

    assert trained(1).stats == trained(2).stats
    assert not trained(3).policy.training


@pytest.mark.parametrize("kind", ["gpt2", "t5 with adapters"])
def test_a_killed_run_ends_as_if_nothing_had_happened(kind, tmp_path):
    def start(folder):
        torch.manual_seed(2)  # the adapters' start
        return Run(started(kind), tmp_path / folder, steps=4, saves_every=0)

    whole = start("whole").go()
    with pytest.raises(KeyboardInterrupt):
        start("killed").go(die_at=2)
    torch.manual_seed(0)
    resumed = start("killed").go()
    assert resumed.stats == whole.stats[2:]
    for name, tensor in whole.learner.state()[0].items():
        assert torch.equal(tensor, resumed.learner.state()[0][name]), name
