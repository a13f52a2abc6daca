"""The gradient is that of the mean over all real elements, however the batch is cut."""

import copy
import math
from dataclasses import dataclass

import pytest
import torch
import torch.distributed as dist
from tiny_models import tiny
from torch import Tensor, multiprocessing, nn

from assent.batch import Batch, LanguageBatch, Tokens
from assent.errors import Stopped
from assent.models.tokenizer import train_bpe
from assent.training.language import language_terms
from assent.training.learner import Learner, Optimiser, evaluated, schedule


def language_rows(pad_id, rows=64):
    generator = torch.Generator().manual_seed(5)
    lengths = torch.randint(1, 7, (rows, 2), generator=generator).tolist()
    prompts = [torch.randint(2, 250, (p,), generator=generator).tolist() for p, _ in lengths]
    answers = [torch.randint(2, 250, (r,), generator=generator).tolist() for _, r in lengths]
    responses = Tokens.of(answers, pad_id)
    return LanguageBatch(Tokens.of(prompts, pad_id, side="left"), responses, responses.mask)


def stepped(model, batch, micro_batch, steps=1):
    """The model after updates on `batch`."""
    # A large epsilon: else Adam turns the rounding of a gradient that should be 0 into a full step
    settings = Optimiser(schedule="constant", clip_norm=1e9, epsilon=1e-2)
    learner = Learner({"model": model}, 1e-3, settings, steps, micro_batch)
    for _ in range(steps):
        learner.step(batch, lambda micro: language_terms(model, micro))
    return model


def gradient(model, batch, micro_batch):
    """The gradient of one step, caught before the update clears it."""
    learner = Learner({"model": model}, 0.0, Optimiser(clip_norm=1e9), 1, micro_batch)
    caught = {}
    learner.optimiser.register_step_pre_hook(
        lambda *_: caught.update({n: p.grad.clone() for n, p in learner.parameters.items()})
    )
    learner.step(batch, lambda micro: language_terms(model, micro))
    return caught


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_micro_batches_change_nothing(family, bpe):
    model, tokenizer = tiny(family, bpe)
    batch = language_rows(tokenizer.pad_id)
    whole, ones = gradient(model, batch, 64), gradient(model, batch, 1)
    assert whole.keys() == ones.keys()
    for name, expected in whole.items():
        assert torch.allclose(ones[name], expected, atol=1e-6 * max(1.0, expected.abs().max().item())), name


def test_the_gradient_is_that_of_the_mean_over_tokens(gpt2):
    model, tokenizer = gpt2
    batch = language_rows(tokenizer.pad_id, rows=8)
    found = gradient(model, batch, 3)
    logprobs, _ = model.logprobs(batch.prompts, batch.responses)
    (-logprobs[batch.loss_mask]).mean().backward()
    for name, parameter in model.named_parameters():
        expected = parameter.grad
        assert torch.allclose(found[f"model.{name}"], expected, rtol=1e-4, atol=1e-5), name


def test_padding_changes_nothing(gpt2):
    model, tokenizer = gpt2
    batch = language_rows(tokenizer.pad_id, rows=8)

    def widened(tokens, side):
        more_ids = torch.full((8, 4), 17)
        more_mask = torch.zeros(8, 4, dtype=torch.bool)
        order = (lambda a, b: [b, a]) if side == "left" else (lambda a, b: [a, b])
        return Tokens(torch.cat(order(tokens.ids, more_ids), 1), torch.cat(order(tokens.mask, more_mask), 1))

    responses = widened(batch.responses, "right")
    padded = LanguageBatch(widened(batch.prompts, "left"), responses, responses.mask)
    narrow, wide = gradient(model, batch, 8), gradient(model, padded, 8)
    for name, expected in narrow.items():
        assert torch.allclose(wide[name], expected, rtol=1e-4, atol=1e-5), name


SENTENCES = ["She loved the red ball.", "One day she saw a park."]


def on_a_rank(rank, ranks, port, weights):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=ranks)
    try:
        model, tokenizer = tiny("gpt2", train_bpe(SENTENCES, 300))
        batch = language_rows(tokenizer.pad_id, rows=8).rows(torch.arange(rank, 8, ranks))
        stepped(model, batch, 4, steps=2)
        torch.save([parameter.detach() for parameter in model.parameters()], f"{weights}-{rank}")
    finally:
        dist.destroy_process_group()


def test_two_ranks_learn_what_one_does(tmp_path, unused_port):
    other = multiprocessing.get_context("spawn").Process(
        target=on_a_rank, args=(1, 2, unused_port, str(tmp_path / "rank"))
    )
    other.start()
    on_a_rank(0, 2, unused_port, str(tmp_path / "rank"))
    other.join(60)
    assert other.exitcode == 0
    start, tokenizer = tiny("gpt2", train_bpe(SENTENCES, 300))
    model = stepped(copy.deepcopy(start), language_rows(tokenizer.pad_id, rows=8), 4, steps=2)
    first, second = (torch.load(tmp_path / f"rank-{rank}", weights_only=True) for rank in range(2))
    for before, after, a, b in zip(start.parameters(), model.parameters(), first, second, strict=True):
        assert torch.equal(a, b)
        assert torch.allclose(a - before, after - before, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"schedule": "linear"}, [1.0, 0.75, 0.5, 0.25, 0.0]),
        ({"schedule": "constant"}, [1.0] * 5),
        ({"schedule": "cosine"}, [1.0, 0.5 * (1 + math.sqrt(0.5)), 0.5, 0.5 * (1 - math.sqrt(0.5)), 0.0]),
        ({"schedule": "linear", "warmup": 0.5}, [1 / 3, 2 / 3, 1.0, 0.5, 0.0]),
        ({"schedule": "constant", "warmup": 0.25}, [0.5, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_schedule_by_hand(settings, expected):
    assert [schedule(Optimiser(**settings), update, 4) for update in range(5)] == pytest.approx(expected)


@dataclass(frozen=True)
class Numbers(Batch):
    x: Tensor

    @property
    def loss_mask(self):
        return torch.ones_like(self.x, dtype=torch.bool)


@pytest.fixture
def line():
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    return layer


def learner_of(line, **settings):
    return Learner({"line": line}, 0.1, Optimiser(**settings), 10, 2)


def terms_of(line):
    return lambda batch: (line(batch.x[:, None]).squeeze(1), {"x": batch.x})


def test_a_step_by_hand(line):
    # loss = mean of w x, gradient = mean of x = 2; Adam's first step is the rate, against the sign
    stats = learner_of(line, clip_norm=10).step(Numbers(torch.tensor([1.0, 2.0, 3.0])), terms_of(line))
    assert line.weight.item() == pytest.approx(0.9)
    assert stats == pytest.approx(
        {"loss": 2.0, "x": 2.0, "grad_norm": 2.0, "learning_rate": 0.1, "skipped": 0.0}
    )


def test_the_rate_falls_with_updates_and_not_with_micro_batches(line):
    learner = learner_of(line)
    rates = [learner.step(Numbers(torch.ones(5)), terms_of(line))["learning_rate"] for _ in range(3)]
    assert rates == pytest.approx([0.1, 0.09, 0.08])


def test_weight_decay_leaves_biases_alone():
    layer = nn.Linear(1, 1)
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.bias)
    learner = Learner({"layer": layer}, 0.1, Optimiser(weight_decay=0.5), 10, 2)
    learner.step(Numbers(torch.ones(2)), lambda batch: (0 * layer(batch.x[:, None]).squeeze(1), {}))
    assert layer.weight.item() == pytest.approx(0.95)  # 1 - rate * decay
    assert layer.bias.item() == 1.0


def test_a_module_has_a_rate_of_its_own(line):
    # Adam's first step is the rate, against the sign: 0.1 for the one, ten times as much for the other
    other = copy.deepcopy(line)
    learner = Learner({"slow": line, "fast": other}, 0.1, Optimiser(clip_norm=10), 10, 2, {"fast": 10.0})
    rows = Numbers(torch.tensor([1.0, 2.0, 3.0]))
    learner.step(rows, lambda batch: ((line(batch.x[:, None]) + other(batch.x[:, None])).squeeze(1), {}))
    assert line.weight.item() == pytest.approx(0.9)
    assert other.weight.item() == pytest.approx(0.0, abs=1e-6)


def test_what_does_not_require_a_gradient_is_left_alone():
    layer = nn.Linear(1, 1)
    layer.bias.requires_grad_(False)
    assert list(Learner({"layer": layer}, 0.1, Optimiser(), 1, 1).parameters) == ["layer.weight"]


def test_a_gradient_that_is_not_finite_is_skipped_and_counted(line):
    learner = learner_of(line)
    learner.step(Numbers(torch.ones(2)), terms_of(line))
    before, state = line.weight.item(), copy.deepcopy(learner.optimiser.state_dict()["state"])
    stats = learner.step(Numbers(torch.tensor([1.0, math.nan])), terms_of(line))
    assert stats["skipped"] == 1.0
    assert math.isnan(stats["grad_norm"])  # what it was; a log writes null
    assert line.weight.item() == before
    assert learner.optimiser.state_dict()["state"] == state
    assert learner.updates == 2
    assert learner.step(Numbers(torch.ones(2)), terms_of(line))["skipped"] == 0
    assert line.weight.item() < before


def test_five_in_a_row_end_the_run(line):
    learner = learner_of(line)
    bad = Numbers(torch.tensor([math.inf]))
    for _ in range(4):
        learner.step(bad, terms_of(line))
    learner.step(Numbers(torch.ones(1)), terms_of(line))  # a good one starts the count again
    for _ in range(4):
        learner.step(bad, terms_of(line))
    with pytest.raises(Stopped, match=r"not finite in 5 updates in a row\. Likely causes: a learning rate"):
        learner.step(bad, terms_of(line))
    assert line.weight.isfinite().all()


def test_evaluation_weighs_by_elements(line):
    with torch.no_grad():
        line.weight.fill_(2.0)
    batches = [Numbers(torch.tensor([1.0])), Numbers(torch.tensor([4.0, 4.0, 4.0]))]
    assert evaluated(batches, terms_of(line)) == {"loss": 6.5, "x": 3.25}


def test_a_split_keeps_every_real_token(gpt2):
    batch = language_rows(gpt2[1].pad_id)
    pieces = list(batch.split(7))
    assert [len(piece) for piece in pieces] == [7] * 9 + [1]
    together = torch.cat([piece.responses.ids[piece.responses.mask] for piece in pieces])
    assert torch.equal(together, batch.responses.ids[batch.responses.mask])
    for piece in pieces:
        assert piece.prompts.mask.any(dim=0).all()
        assert piece.responses.mask.any(dim=0).all()
