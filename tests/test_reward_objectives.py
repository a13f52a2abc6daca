"""What a reward model learns from: every loss by hand, and every kind of judgement as a batch."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from assent.data.batching import merge_votes, preference_batch
from assent.data.judged import (
    margin_batch,
    merge_ratings,
    pairs_batch,
    ranking_batch,
    rating_batch,
    resampled,
)
from assent.functional.preference import (
    credit_of_pairs,
    label_loss,
    margin_loss,
    pairs_loss,
    preference_loss,
    ranking_loss,
    rankings_loss,
    rating_loss,
    wins_of_rankings,
)
from assent.models.heads import RewardModel
from assent.records import Comparison, Prompt, Rating
from assent.training.learner import Learner, Optimiser
from assent.training.reward import (
    choice_terms,
    label_terms,
    pairs_terms,
    ranking_terms,
    rating_terms,
    reward_terms,
    with_margin,
)

LN2, LN4 = math.log(2), math.log(4)
SCORES = torch.tensor([[LN4, LN2, 0.0]])  # sigmoid(ln 2) = 2/3, sigmoid(ln 4) = 4/5


def said(texts="abc", choice=None, prompt="p", **more):
    return Comparison(Prompt(prompt), tuple(texts), choice, **more)


def wins(*pairs, count=3, of=None):
    found = torch.zeros(1, count, count)
    for winner, loser in pairs:
        found[0, winner, loser] = 1 / (of or len(pairs))
    return found


def test_a_ranking_in_pairs():
    # -(ln 2/3 + ln 4/5 + ln 2/3) / 3
    found = pairs_loss(SCORES, wins((0, 1), (0, 2), (1, 2))).item()
    assert found == pytest.approx(-(2 * math.log(2 / 3) + math.log(4 / 5)) / 3, abs=1e-6)


def test_a_tied_pair_is_half_a_vote_either_way():
    # -(ln 2/3 + ln 1/3) / 2
    found = pairs_loss(SCORES, wins((0, 1), (1, 0))).item()
    assert found == pytest.approx(-math.log(2 / 9) / 2, abs=1e-6)


def test_pairs_of_two_are_the_choice():
    scores = torch.randn(5, 2)
    found = pairs_loss(scores, wins((0, 1), count=2).expand(5, 2, 2))
    assert torch.allclose(found, preference_loss(scores, torch.tensor([[1.0, 0.0]]).expand(5, 2)))
    assert torch.allclose(found, -F.logsigmoid(scores[:, 0] - scores[:, 1]))


def test_a_strong_preference_asks_for_a_wide_gap():
    # ln 4 - 2 ln 2 * .5 = ln 2, and -ln sigmoid(ln 2) = ln 3/2
    strength = torch.full((1, 3, 3), 0.5)
    assert margin_loss(SCORES, wins((0, 2)), strength, 2 * LN2).item() == pytest.approx(math.log(1.5))
    assert margin_loss(SCORES, wins((0, 2)), strength * 0, 2.0).item() == pytest.approx(math.log(1.25))


def test_plackett_luce_of_several_annotators_is_their_mean():
    # -ln 4/7 - ln 2/3 for 0 > 1 > 2; -ln 1/7 - ln 2/6 for 2 > 1 > 0
    rankings, shares = torch.tensor([[[0, 1, 2], [2, 1, 0], [0, 1, 2]]]), torch.tensor([[0.5, 0.5, 0.0]])
    expected = -(math.log(4 / 7) + math.log(2 / 3) + math.log(1 / 7) + math.log(2 / 6)) / 2
    assert rankings_loss(SCORES, rankings, shares).item() == pytest.approx(expected, abs=1e-6)


def test_rankings_of_two_are_bradley_terry():
    scores = torch.randn(4, 2)
    one = torch.tensor([[1, 0]]).expand(4, 2)
    assert torch.allclose(ranking_loss(scores, one), -F.logsigmoid(scores[:, 1] - scores[:, 0]))


def test_ratings_and_labels():
    values = torch.tensor([[0.25, 1.0]])
    assert rating_loss(torch.tensor([[0.75, 0.5]]), values).tolist() == [[0.25, 0.25]]
    # -.25 ln 2/3 - .75 ln 1/3; -ln 4/5
    found = label_loss(torch.tensor([[LN2, LN4]]), values)
    assert found[0].tolist() == pytest.approx(
        [-0.25 * math.log(2 / 3) - 0.75 * math.log(1 / 3), math.log(1.25)], abs=1e-6
    )


def test_credit_of_pairs():
    assert credit_of_pairs(SCORES, wins((0, 1), (0, 2), (2, 1))).item() == pytest.approx(2 / 3)
    assert credit_of_pairs(torch.zeros(1, 3), wins((0, 1), (2, 0))).item() == pytest.approx(0.5)


def test_wins_of_rankings_are_all_pairs():
    found = wins_of_rankings(torch.tensor([[[2, 0, 1]]]), torch.ones(1, 1))
    assert torch.allclose(found, wins((2, 0), (2, 1), (0, 1)))


@pytest.mark.parametrize(
    ("judgement", "votes"),
    [
        (said(pairs=((0, 1, 0), (0, 2, 0), (1, 2, 1))), (1, 0, 0)),
        (said(pairs=((0, 1, None), (0, 2, 0), (1, 2, 1))), (0.5, 0.5, 0)),
        (said(pairs=((0, 1, 0), (1, 2, 1), (2, 0, 2))), (1 / 3, 1 / 3, 1 / 3)),  # a circle
        (said(ranking=(2, 1, 0)), (0, 0, 1)),
        (said(), (1 / 3, 1 / 3, 1 / 3)),
    ],
)
def test_the_best_of_rankings_and_pairs_has_the_vote(judgement, votes):
    assert merge_votes([judgement])[0].votes == pytest.approx(votes)


def test_annotators_rankings_are_merged_whatever_the_order_shown(gpt2):
    """One saw a b c and ranked c a b; the other saw c b a and ranked them the same way."""
    items = merge_votes([said("abc", ranking=(2, 0, 1)), said("cba", ranking=(0, 2, 1))])
    batch = ranking_batch(items, gpt2[1], None)
    assert batch.rankings.tolist() == [[[2, 0, 1], [2, 0, 1]]]
    assert batch.shares.tolist() == [[0.5, 0.5]]
    more = ranking_batch([*items, *merge_votes([said("abc", 0, ranking=(0, 1, 2))])], gpt2[1], None)
    assert more.shares.tolist() == [[0.5, 0.5], [1.0, 0.0]]
    assert sorted(more.rankings[1, 1].tolist()) == [0, 1, 2]  # nobody's ranking, which counts 0


def test_a_choice_of_two_is_a_ranking(gpt2):
    batch = ranking_batch(merge_votes([said("ab", 1), said("ab", 0, prompt="q")]), gpt2[1], None)
    assert batch.rankings.tolist() == [[[1, 0]], [[0, 1]]]


def test_annotators_pairs_count_alike_however_many_pairs_each_gave(gpt2):
    # one says a > b and nothing else; the other says b > a, a = c, b > c
    first, second = ((0, 1, 0),), ((0, 1, 1), (0, 2, None), (1, 2, 1))
    batch = pairs_batch(merge_votes([said(pairs=first), said(pairs=second)]), gpt2[1], None)
    expected = [[0, 1 / 2, 1 / 12], [1 / 6, 0, 1 / 6], [1 / 12, 0, 0]]
    assert torch.allclose(batch.wins[0], torch.tensor(expected))


def test_pairs_of_a_choice_and_of_a_ranking(gpt2):
    chosen, ranked = said(choice=1), said(ranking=(2, 0, 1), prompt="q")
    batch = pairs_batch(merge_votes([chosen, ranked]), gpt2[1], None)
    assert torch.allclose(batch.wins, torch.cat([wins((1, 0), (1, 2)), wins((2, 0), (2, 1), (0, 1))]))


def test_strength_is_that_of_the_votes_on_its_side(gpt2):
    people = [said("ab", 0, strength=0.8), said("ba", 1, strength=0.4), said("ab", 1, strength=1.0)]
    batch = margin_batch(merge_votes([*people, said("ab", None, strength=0.7)]), gpt2[1], None)
    assert torch.allclose(batch.strength[0], torch.tensor([[0.0, 0.6], [1.0, 0.0]]))
    assert torch.allclose(batch.wins[0], torch.tensor([[0.0, 0.625], [0.375, 0.0]]))


def test_a_criterion_that_nobody_rated_is_masked_out(gpt2):
    rated = [
        Rating(Prompt("p"), "a", 4, (1, 5), "clear"),
        Rating(Prompt("p"), "a", 2, (1, 5), "clear"),
        Rating(Prompt("p"), "b", 10, (0, 10), "kind"),
    ]
    batch = rating_batch(merge_ratings(rated), ("clear", "kind"), gpt2[1], None)
    assert batch.values.tolist() == [[0.5, 0.0], [0.0, 1.0]]  # 3 of 1..5 is the middle
    assert batch.loss_mask.tolist() == [[True, False], [False, True]]


def test_the_trunk_reads_each_answer_once(gpt2):
    body, tokenizer = gpt2
    items = merge_votes([said("abcd", ranking=(3, 1, 0, 2)), said("efgh", ranking=(0, 1, 2, 3))])
    for make, terms in ((pairs_batch, pairs_terms), (ranking_batch, ranking_terms)):
        batch = make(items, tokenizer, None)
        rows = []
        hook = body.network.transformer.register_forward_pre_hook(
            lambda _, args, kwargs, rows=rows: rows.append(len(kwargs["input_ids"])), with_kwargs=True
        )
        reward_terms(RewardModel(body), batch, terms)
        hook.remove()
        assert rows == [8]


def test_a_set_of_pairs_has_the_gradient_of_its_pairs_one_by_one(gpt2):
    body, tokenizer = gpt2
    model, texts = RewardModel(body), ("one ball", "two", "a red ball", "play")
    ranked = said(texts, ranking=(3, 1, 0, 2))
    alone = [
        said((texts[a], texts[b]), 0, prompt=f"p{n}")
        for n, (a, b) in enumerate(combinations((3, 1, 0, 2), 2))
    ]
    pairs = preference_batch(
        [*merge_votes([Comparison(Prompt("p"), c.candidates, 0, item=c.prompt.text) for c in alone])],
        tokenizer,
        None,
    )
    found = gradient(model, pairs_batch(merge_votes([ranked]), tokenizer, None), pairs_terms)
    assert torch.allclose(found, gradient(model, pairs, choice_terms), atol=1e-6)


def gradient(model, batch, objective):
    loss, _ = reward_terms(model, batch, objective)
    model.zero_grad()
    loss.mean().backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def test_each_member_learns_from_what_it_drew(gpt2):
    """The first drew the first item twice, the second the second: their heads' gradients are those alone."""
    body, tokenizer = gpt2
    model = RewardModel(body, names=("one", "two"), combine="members")
    items = merge_votes([said("ab", 0), said(("red ball", "Lily"), 1, prompt="q")])
    whole = preference_batch(items, tokenizer, None)
    loss, _ = reward_terms(model, resampled(whole, np.array([[2, 0], [0, 2]]), (0, 1)), choice_terms)
    loss.mean().backward()
    found = model.head.linear.weight.grad.clone()
    for member in (0, 1):
        model.zero_grad()
        alone = whole.rows(slice(member, member + 1))
        scores = model.outputs(*alone.flat())[:, member]
        better = int(alone.votes[0].argmax())
        (-F.logsigmoid(scores[better] - scores[1 - better])).backward()
        # a mean over two members, and over two rows of which one counts twice
        assert torch.allclose(found[member], model.head.linear.weight.grad[member] / 2, atol=1e-6)


@pytest.mark.parametrize("kind", ["choice", "ranking", "pairs", "margin", "ratings", "labels"])
def test_the_size_of_a_micro_batch_changes_no_update(gpt2, kind):
    body, tokenizer = gpt2
    items = merge_votes(
        [
            said(("a", "the red ball", "park"), 0, ranking=(0, 2, 1), strength=0.5),
            said(("play", "b", "she"), 2, ranking=(2, 1, 0), prompt="a longer prompt"),
            said(("one day", "d", "help"), 1, ranking=(1, 0, 2), prompt="q"),
        ]
    )
    rated = merge_ratings(
        [
            Rating(Prompt("p"), text, n % 2, (0, 1), name)
            for n, (text, name) in enumerate(zip("abc", "xyx", strict=True))
        ]
    )
    batch, terms, names = {
        "choice": (preference_batch(items, tokenizer, None), choice_terms, ("score",)),
        "ranking": (ranking_batch(items, tokenizer, None), ranking_terms, ("score",)),
        "pairs": (pairs_batch(items, tokenizer, None), pairs_terms, ("score",)),
        "margin": (margin_batch(items, tokenizer, None), with_margin(0.5), ("score",)),
        "ratings": (rating_batch(rated, ("x", "y"), tokenizer, None), rating_terms, ("x", "y")),
        "labels": (rating_batch(rated, ("x", "y"), tokenizer, None), label_terms, ("x", "y")),
    }[kind]
    start = {name: value.clone() for name, value in body.state_dict().items()}
    told = []
    for micro in (1, 3):
        body.load_state_dict(start)
        torch.manual_seed(1)
        combine = "criteria" if len(names) > 1 else "members"
        model = RewardModel(body, names=names, combine=combine)
        learner = Learner({"model": model}, 1e-3, Optimiser(), 4, micro)
        told.append(learner.step(batch, lambda rows, model=model: reward_terms(model, rows, terms)))
    assert told[0] == pytest.approx(told[1], rel=1e-4, abs=1e-6)
