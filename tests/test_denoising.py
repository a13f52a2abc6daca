"""What an encoder-decoder is pretrained on, held against arXiv:1910.10683 and its authors' numbers."""

import itertools

import numpy as np
import pytest
from tiny_models import SENTENCES

from assent.data.batching import one_a_row, pack
from assent.data.denoising import (
    Denoising,
    check_sentinels,
    leave_out,
    prefix_split,
    span_corruption,
    span_lengths,
)
from assent.errors import UserError
from assent.models.tokenizer import Template, Tokenizer, train_bpe

SENTINELS = list(range(1000, 1100))


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(train_bpe(SENTENCES, 400, is_encoder_decoder=True), Template(), is_encoder_decoder=True)


def chance(number=0):
    return np.random.default_rng(number)


def restored(example, sentinels):
    """The text again: each sentinel that is read becomes what is written after it."""
    spans, current = {}, None
    for token in example.response:
        if token in sentinels:
            current = token
            spans[current] = []
        else:
            spans[current].append(token)
    return list(itertools.chain.from_iterable(spans.get(token, [token]) for token in example.prompt))


def test_the_figure_of_the_paper():
    """Figure 2: 'Thank you <X> me to your party <Y> week .' and '<X> for inviting <Y> last <Z>'."""
    words = ["Thank", "you", "for", "inviting", "me", "to", "your", "party", "last", "week", "."]
    codes = {word: index for index, word in enumerate(words)}
    x, y, z = SENTINELS[:3]
    # kept: thank you | me to your party (week . closes); left out: for inviting | last
    example = leave_out([codes[word] for word in words], [2, 4], [2, 1], SENTINELS)
    assert example.prompt[:8] == [0, 1, x, 4, 5, 6, 7, y]
    assert example.response == [x, 2, 3, y, 8, z]


@pytest.mark.parametrize(
    ("length", "noise", "spans"),
    [
        (568, 85, 28),  # the authors' `random_spans_helper`: 568 tokens make 512 to read, 114 to write
        (512, 77, 26),
        (10, 2, 1),
        (2, 1, 1),
    ],
)
def test_how_much_is_left_out(length, noise, spans):
    kept, left_out = span_lengths(length, chance())
    assert (sum(kept), sum(left_out)) == (length - noise, noise)
    assert len(kept) == len(left_out) == spans
    assert min(kept + left_out) >= 1


def test_the_lengths_of_the_authors():
    """With one end token each: 512 to read; 114 to write, and one more for our last sentinel."""
    example = span_corruption(list(range(568)), SENTINELS, chance())
    assert len(example.prompt) + 1 == 512
    assert len(example.response) + 1 == 114 + 1


@pytest.mark.parametrize("length", [2, 3, 7, 40, 301])
def test_nothing_is_lost(length):
    ids = list(range(length))
    for seed in range(20):
        example = span_corruption(ids, SENTINELS, chance(seed))
        assert restored(example, SENTINELS) == ids
        used = [token for token in example.response if token >= 1000]
        assert used == SENTINELS[: len(used)]
        assert [token for token in example.prompt if token >= 1000] == used[:-1]


def test_every_token_but_the_first_is_left_out_as_often():
    """A share of 15% each; the first is always kept, and what precedes the spans' first places is rarer."""
    counts = np.zeros(40)
    for seed in range(4000):
        kept, left_out = span_lengths(40, chance(seed))
        lengths = [length for pair in zip(kept, left_out, strict=True) for length in pair]
        counts += np.repeat(np.arange(len(lengths)) % 2, lengths)
    assert counts[0] == 0
    assert counts.sum() / 4000 == 6  # round(40 * 0.15)


def test_a_prefix_is_cut_anywhere():
    ids = [1, 2, 3, 4]
    examples = [prefix_split(ids, chance(seed)) for seed in range(600)]
    assert all(example.prompt + example.response == ids for example in examples)
    shares = np.bincount([len(example.prompt) for example in examples], minlength=5) / 600
    assert shares[[0, 4]].tolist() == [0, 0]
    assert np.abs(shares[1:4] - 1 / 3).max() < 0.08  # four standard errors


@pytest.mark.parametrize(
    ("share", "length", "longest"),
    [(0.5, 20, 19), (0.25, 40, 19), (0.25, 20, 9), (0.1, 5, 1), (0.5, 2, 1)],
)
def test_how_much_of_a_row_is_left_to_write(share, length, longest):
    """Lengths from 1 to `longest`, all as likely: (1 + longest) / 2 on average."""
    ids = list(range(length))
    lengths = [len(prefix_split(ids, chance(seed), share).response) for seed in range(2000)]
    assert (min(lengths), max(lengths)) == (1, longest)
    deviation = np.sqrt((longest**2 - 1) / 12 / 2000)
    assert abs(np.mean(lengths) - (1 + longest) / 2) <= 4 * deviation


@pytest.mark.parametrize("objective", ["span_corruption", "prefix"])
@pytest.mark.parametrize("packed", [True, False])
def test_batches_hold_the_corpus(tokenizer, objective, packed):
    """The encoder's input is closed by the end token, as a prompt's is; the masks alone tell what is real."""
    rows = pack(SENTENCES, tokenizer, 24) if packed else one_a_row(SENTENCES, tokenizer, 24)[0]
    made = Denoising(rows, objective, tokenizer, seed=5)
    assert len(made) == len(rows)
    batch = made.batch(range(len(rows)), step=3)
    assert batch.prompts.mask[:, -1].all()  # padded on the left
    assert batch.responses.mask[:, 0].all()  # and on the right
    assert (batch.prompts.ids[:, -1] == tokenizer.end_id).all()
    found = []
    for row in range(len(rows)):
        prompt = batch.prompts.ids[row][batch.prompts.mask[row]].tolist()[:-1]
        response = batch.responses.ids[row][batch.loss_mask[row]].tolist()
        if objective == "prefix":
            found.append(prompt + response)
            continue
        assert response.pop() == tokenizer.end_id
        text = restored(type("E", (), {"prompt": prompt, "response": response}), tokenizer.sentinels)
        found.append(text)
    expected = [rows.row(index) for index in range(len(rows))]
    if objective == "span_corruption":
        expected = [ids[:-1] if ids[-1] == tokenizer.end_id else ids for ids in expected]
    assert sorted(found) == sorted(expected)


def test_a_row_is_made_anew_at_each_step_and_the_same_after_a_kill(tokenizer):
    rows, _ = one_a_row(SENTENCES, tokenizer, 64)

    def ids(step, seed=0):
        batch = Denoising(rows, "prefix", tokenizer, seed).batch([1, 2], step)
        return batch.prompts.ids.tolist(), batch.responses.ids.tolist()

    assert ids(4) == ids(4)
    assert len({str(ids(step)) for step in range(6)}) > 1
    assert len({str(ids(4, seed)) for seed in range(6)}) > 1


def test_sentinels_by_their_names(tokenizer, bpe):
    names = tokenizer.inner.convert_ids_to_tokens(tokenizer.sentinels)
    assert names == [f"<extra_id_{index}>" for index in range(100)]
    assert Tokenizer(bpe, Template()).sentinels == []


def test_sentinels_are_no_part_of_a_text(tokenizer):
    answer, _ = tokenizer.responses(["she loved"])
    answer.ids[0, 0] = tokenizer.sentinels[0]
    assert "extra_id" not in tokenizer.texts(answer)[0]


def test_too_few_sentinels_are_told(tokenizer, bpe):
    check_sentinels(tokenizer, 512, "base")
    with pytest.raises(
        UserError, match=r"base: .* context 4000 needs 201 sentinels and the tokenizer has 100"
    ):
        check_sentinels(tokenizer, 4000, "base")
    with pytest.raises(UserError, match=r"the tokenizer has no sentinels .* use objective: prefix"):
        check_sentinels(Tokenizer(bpe, Template(), is_encoder_decoder=True), 64, "base")
