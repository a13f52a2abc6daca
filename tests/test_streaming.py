"""Answers as they are made, whole characters only; who was taught conversations; what of one still fits."""

import numpy as np
import pytest
import torch
from tiny_models import tiny

from assent.batch import Tokens
from assent.errors import UserError
from assent.models.conversation import Talker, is_for_chats, longest_answer, pieces
from assent.models.load import save
from assent.models.sampler import Sampling, sample, token_by_token
from assent.models.tokenizer import Template, Tokenizer, train_bpe
from assent.records import Prompt

CHATML = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(params=["gpt2", "llama", "t5"])
def pair(request, bpe):
    return tiny(request.param, bpe, Template(answer_prefix=" "))


# Streaming


@torch.no_grad()
@pytest.mark.parametrize("seed", range(3))
def test_tokens_are_those_of_the_whole_network_read_anew_each_time(pair, seed):
    model, tokenizer = pair
    prompt, length = Tokens.of([[5, 6, 7]], 0, side="left"), 12
    uniform = torch.rand(1, length, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)[0]
    expected = []
    for share in uniform.tolist():
        so_far = (
            Tokens.of([expected], 0)
            if expected
            else Tokens(*(torch.zeros(1, 0, dtype=k) for k in (torch.long, torch.bool)))
        )
        logits = model.logits(model.states(prompt, so_far))[0, -1].double().numpy()
        shares = np.exp(logits - logits.max()).cumsum()
        expected.append(int(np.searchsorted(shares, share * shares[-1], side="right")))
        if expected[-1] == tokenizer.end_id:
            break
    sampling = Sampling(max_new_tokens=length)
    found = token_by_token(model, prompt, sampling, tokenizer.end_id, torch.Generator().manual_seed(seed))
    assert [int(one.ids[0]) for one in found] == expected


@pytest.mark.parametrize("seed", range(5))
def test_a_streamed_answer_is_the_sampled_one(pair, seed):
    model, tokenizer = pair
    sampling = Sampling(max_new_tokens=24, temperature=0.8, top_p=0.9)
    prompt = Prompt("she saw a ball")
    tokens, _ = tokenizer.prompts([prompt])
    drawn = sample(model, tokens, sampling, tokenizer.end_id, torch.Generator().manual_seed(seed))
    streamed = Talker(model, tokenizer, sampling).answer(prompt, torch.Generator().manual_seed(seed))
    assert "".join(streamed) == tokenizer.texts(drawn.responses)[0]


def test_the_first_token_is_there_before_the_second_is_drawn(gpt2):
    model, _ = gpt2
    asked = []
    advance = model.family.begin

    def begin(prompts):
        state, reading = advance(prompts)
        step = reading.advance
        reading.advance = lambda ids: asked.append(1) or step(ids)
        return state, reading

    model.family.begin = begin
    tokens = Tokens.of([[5, 6]], 0, side="left")
    found = token_by_token(model, tokens, Sampling(max_new_tokens=3), -1, torch.Generator())
    next(found)
    assert asked == []
    next(found)
    assert asked == [1]


@pytest.mark.parametrize("text", ["你好,世界", "a🙂b🏳️‍🌈", "naïve – ok", "👩‍👩‍👧"])
def test_no_piece_holds_half_a_character(bpe, text):
    tokenizer = Tokenizer(bpe, Template())
    ids = bpe.encode(text)
    assert len(ids) > len(text)  # tokens of single bytes
    found = list(pieces(tokenizer, ids))
    assert "".join(found) == text
    assert all("\ufffd" not in piece for piece in found)
    assert len(found) > 1


def test_bytes_that_are_no_character_are_told_at_the_end(bpe):
    tokenizer = Tokenizer(bpe, Template())
    half = bpe.encode("好")[:2]
    assert list(pieces(tokenizer, [*bpe.encode("a"), *half])) == ["a", "\ufffd"]
    assert list(pieces(tokenizer, [*half, *bpe.encode("b")]))[-1].endswith("b")


def test_the_answer_prefix_is_not_shown_in_part_or_whole(bpe):
    tokenizer = Tokenizer(bpe, Template(answer_prefix="A: "))
    ids = [bpe.convert_tokens_to_ids(token) for token in ("A", ":", "Ġ", "o", "k")]
    assert list(pieces(tokenizer, ids)) == ["o", "k"]
    assert list(pieces(tokenizer, ids[:1])) == ["A"]  # it never came


def test_an_end_token_shows_nothing(bpe):
    tokenizer = Tokenizer(bpe, Template())
    assert list(pieces(tokenizer, [*bpe.encode("a"), tokenizer.end_id])) == ["a"]
    assert list(pieces(tokenizer, [tokenizer.end_id])) == []


# Who was taught conversations


@pytest.mark.parametrize(
    ("template", "extra", "chats"),
    [
        (Template(), {}, None),
        (Template(prefix="Q: "), {}, False),
        (Template(user="Human: "), {}, True),
        (Template(prefix="Q: "), {"chats": True}, True),
        (Template(user="Human: "), {"chats": False}, False),
    ],
)
def test_who_was_taught_conversations(bpe, tmp_path, template, extra, chats):
    model, tokenizer = tiny("gpt2", bpe, template)
    save(model, tokenizer, tmp_path, kind="policy", **extra)
    assert is_for_chats(str(tmp_path), tokenizer) is chats


def test_a_chat_template_means_conversations(bpe, tmp_path):
    bpe.chat_template = CHATML
    _, tokenizer = tiny("gpt2", bpe)
    assert is_for_chats(str(tmp_path), tokenizer) is True


# What fits


def said(*texts):
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


def test_the_oldest_turns_are_left_out_and_the_system_stays(bpe):
    model, tokenizer = tiny("gpt2", bpe)  # reads 64 tokens
    talker = Talker(model, tokenizer, Sampling(max_new_tokens=10))
    system = {"role": "system", "content": "be"}
    history = [system, *said("x" * 12, "y" * 12, "z" * 4, "w" * 4, "last")]
    prompt, left_out = talker.fitting(history)
    assert left_out == 1
    assert prompt.messages == (system, *said("z" * 4, "w" * 4, "last"))
    length = len(bpe.encode(tokenizer.render(prompt)))
    longer = Prompt("", tuple(history))
    assert length <= 64 - 10 < len(bpe.encode(tokenizer.render(longer)))


def test_a_message_too_long_by_itself_is_told_of(bpe):
    talker = Talker(*tiny("gpt2", bpe), Sampling(max_new_tokens=10))
    with pytest.raises(
        UserError, match=r"the message has \d+ tokens .* and 54 fit beside an answer of up to 10"
    ):
        talker.fitting(said("x" * 80))
    with pytest.raises(UserError, match="the message has 80 tokens"):
        talker.alone("x" * 80)


def test_the_longest_answer(bpe):
    gpt2, t5 = tiny("gpt2", bpe)[0], tiny("t5", train_bpe(["a b"], 400, True))[0]
    assert [longest_answer(gpt2, None), longest_answer(t5, None)] == [32, 256]
    assert [longest_answer(gpt2, 63), longest_answer(t5, 5000)] == [63, 5000]
    with pytest.raises(UserError, match="max-new-tokens 64: the model reads 64 tokens"):
        longest_answer(gpt2, 64)


def test_a_chat_template_that_refuses_is_a_users_mistake(bpe):
    bpe.chat_template = "{{ raise_exception('no system here') }}"
    talker = Talker(*tiny("gpt2", bpe), Sampling(max_new_tokens=10))
    with pytest.raises(UserError, match=r"refuses the conversation that ends with .*: no system here"):
        talker.fitting(said("hello"))
