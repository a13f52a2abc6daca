"""Every family reads (prompt, response) as its own network does, padded or not, cached or not."""

import pytest
import torch
import transformers
from tiny_models import SENTENCES

from assent.batch import Tokens
from assent.models.language_model import LanguageModel
from assent.models.sampler import Sampling, draw, sample, truncated

FAMILIES = ["gpt2", "llama", "gpt_neox", "opt", "bart", "t5", "t5_untied", "mt5"]
VOCABULARY, PAD, END = 23, 0, 1
SMALL = {"vocab_size": VOCABULARY, "pad_token_id": PAD, "eos_token_id": END, "bos_token_id": END}
T5 = {
    "vocab_size": VOCABULARY,
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 32,
    "num_layers": 2,
    "num_heads": 2,
    "decoder_start_token_id": PAD,
}
HIDDEN = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
}


def config(family):  # noqa: PLR0911 - one a family
    match family:
        case "gpt2":
            return transformers.GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=32, **SMALL)
        case "llama":
            return transformers.LlamaConfig(num_key_value_heads=1, **HIDDEN, **SMALL)
        case "gpt_neox":
            return transformers.GPTNeoXConfig(**HIDDEN, **SMALL)
        case "opt":
            sizes = {"word_embed_proj_dim": 8, "ffn_dim": 32}
            return transformers.OPTConfig(**HIDDEN, **sizes, **SMALL)
        case "bart":
            sides = {
                f"{side}_{key}": value
                for side in ("encoder", "decoder")
                for key, value in {"layers": 2, "attention_heads": 2, "ffn_dim": 32}.items()
            }
            return transformers.BartConfig(
                d_model=16, max_position_embeddings=32, decoder_start_token_id=END, **sides, **SMALL
            )
        case "t5":
            return transformers.T5Config(**T5)
        case "t5_untied":
            return transformers.T5Config(**T5, tie_word_embeddings=False)
        case _:
            return transformers.MT5Config(**T5, tie_word_embeddings=False)


def network(family):
    torch.manual_seed(1)
    settings = config(family)
    auto = (
        transformers.AutoModelForSeq2SeqLM
        if settings.is_encoder_decoder
        else transformers.AutoModelForCausalLM
    )
    made = auto.from_config(settings).eval()
    if family in ("t5_untied", "mt5"):  # as published; transformers 5 ties what it makes from scratch
        made.lm_head.weight = torch.nn.Parameter(torch.randn_like(made.shared.weight))
    with torch.no_grad():  # far from a flat distribution, and BART's bias from zero
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        for name, buffer in made.named_buffers():
            if "final_logits_bias" in name:
                buffer.add_(torch.randn_like(buffer))
    return made


@pytest.fixture(params=FAMILIES)
def model(request):
    return LanguageModel(network(request.param))


@pytest.fixture
def prompts():
    return Tokens.of([[5, 6, 7, 8, 9], [10, 11], [12]], PAD, side="left")


@pytest.fixture
def responses():
    return Tokens.of([[3, 4], [5, 6, 7, 1], [1]], PAD)


def own_logits(model, prompt, response):
    """What the network's own forward says of one bare row, at its R + 1 prefixes."""
    net = model.network
    if net.config.is_encoder_decoder:
        read = torch.tensor([[net.config.decoder_start_token_id, *response]])
        return net(input_ids=torch.tensor([prompt]), decoder_input_ids=read).logits[0]
    return net(input_ids=torch.tensor([prompt + response])).logits[0, len(prompt) - 1 :]


@torch.no_grad()
def test_logits_are_the_networks_own_and_padding_changes_nothing(model, prompts, responses):
    logits = model.logits(model.states(prompts, responses))
    for row in range(len(prompts)):
        prompt = prompts.ids[row][prompts.mask[row]].tolist()
        response = responses.ids[row][responses.mask[row]].tolist()
        expected = own_logits(model, prompt, response)
        assert torch.allclose(logits[row, : len(response) + 1], expected, atol=1e-4)


@torch.no_grad()
def test_the_logprob_of_a_token_is_read_at_the_prefix_before_it(model, prompts, responses):
    found, _ = model.logprobs(prompts, responses, temperature=0.5)
    logits = own_logits(model, prompts.ids[0].tolist(), [3, 4])
    expected = (logits[:2] / 0.5).log_softmax(-1)[[0, 1], [3, 4]]
    assert torch.allclose(found[0, :2], expected, atol=1e-4)


def test_rows_that_leave_the_batch_change_nothing(model):
    prompts = Tokens.of([[5 + row % 3, 6] + [7] * (row % 4) for row in range(24)], PAD, side="left")
    sampling = Sampling(max_new_tokens=8)
    endless = sample(model, prompts, sampling, -1, torch.Generator().manual_seed(3))
    end = endless.responses.ids[0, 2].item()
    ending = sample(model, prompts, sampling, end, torch.Generator().manual_seed(3))
    lengths = ending.responses.lengths.tolist()
    assert min(lengths) < max(lengths)
    for row, length in enumerate(lengths):
        assert torch.equal(ending.responses.ids[row, :length], endless.responses.ids[row, :length])
        last_is_end = ending.responses.ids[row, length - 1].item() == end
        assert ending.ended[row].item() == last_is_end
        assert last_is_end or length == 8


def test_no_answer_ends_before_its_least_length(model):
    prompts = Tokens.of([[5 + row % 3, 6] for row in range(48)], PAD, side="left")
    endless = sample(model, prompts, Sampling(max_new_tokens=6), -1, torch.Generator().manual_seed(3))
    end = int(endless.responses.ids[:, :2].flatten().mode().values)
    sampling = Sampling(max_new_tokens=6, min_new_tokens=3)
    drawn = sample(model, prompts, sampling, end, torch.Generator().manual_seed(3))
    assert not (drawn.responses.ids[:, :3] == end).any()
    assert drawn.responses.lengths.min() >= 4


def test_greedy_is_what_generate_writes(model):
    prompt = [5, 6, 7]
    drawn = sample(
        model,
        Tokens.of([prompt, [8]], PAD, side="left"),
        Sampling(max_new_tokens=6, temperature=0),
        END,
        torch.Generator(),
    )
    settings = transformers.GenerationConfig(
        max_new_tokens=6,
        do_sample=False,
        eos_token_id=END,
        pad_token_id=PAD,
        decoder_start_token_id=getattr(model.network.config, "decoder_start_token_id", None),
    )
    model.network.generation_config = settings
    ids = torch.tensor([prompt])
    theirs = model.network.generate(ids, attention_mask=torch.ones_like(ids))[0]
    theirs = theirs[1 if model.network.config.is_encoder_decoder else len(prompt) :].tolist()
    assert drawn.responses.ids[0][drawn.responses.mask[0]].tolist() == theirs


FOUR = torch.tensor([[0.1, 0.4, 0.2, 0.3]]).log()


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"top_k": 2}, [1, 3]),
        ({"top_k": 9}, [0, 1, 2, 3]),
        ({"top_p": 0.39}, [1]),
        ({"top_p": 0.41}, [1, 3]),  # the token that crosses the line stays
        ({"top_p": 0.71}, [1, 2, 3]),
        ({"min_p": 0.7}, [1, 3]),  # at least .7 * .4
        ({"min_p": 0.76}, [1]),
        ({"top_k": 3, "top_p": 0.5}, [1, 3]),  # of .44, .33, .22: renormalised first
        ({}, [0, 1, 2, 3]),
    ],
)
def test_top_k_top_p_and_min_p_by_hand(settings, kept):
    assert truncated(FOUR, Sampling(**settings))[0].isfinite().nonzero().flatten().tolist() == kept


@pytest.mark.parametrize(
    ("uniform", "token"), [(0.0, 0), (0.09, 0), (0.11, 1), (0.49, 1), (0.51, 2), (0.999, 3)]
)
def test_a_token_is_drawn_by_its_share(uniform, token):
    drawn, logprob = draw(FOUR, Sampling(), torch.tensor([uniform], dtype=torch.float64))
    assert drawn.item() == token
    assert logprob.item() == pytest.approx(FOUR[0, token].item())


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-53])
def test_what_is_ruled_out_is_never_drawn(uniform):
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf]])
    drawn, _ = draw(logits, Sampling(), torch.tensor([uniform], dtype=torch.float64))
    assert drawn.item() == 1


def test_the_logprob_is_of_the_whole_tempered_distribution():
    _, logprob = draw(FOUR, Sampling(top_k=1, temperature=0.5), torch.tensor([0.5], dtype=torch.float64))
    assert logprob.exp().item() == pytest.approx(0.16 / 0.30)  # squares: .01 + .16 + .04 + .09


def test_sampling_follows_the_distribution(gpt2):
    model, tokenizer = gpt2
    prompts = Tokens.of([tokenizer.inner.encode(SENTENCES[0])] * 2000, tokenizer.pad_id, side="left")
    drawn = sample(
        model, prompts, Sampling(max_new_tokens=1), tokenizer.end_id, torch.Generator().manual_seed(0)
    )
    logits = model.logits(model.states(prompts, drawn.responses)[:1, 0]).detach()
    shares = drawn.responses.ids[:, 0].bincount(minlength=model.vocabulary) / 2000
    assert (shares - logits.softmax(-1)[0]).abs().max() < 0.04  # 3.6 standard errors at p = .5


# What `./run stories260K.bin -z tok512.bin -t 0.0 -n 200` prints: test_all.py of karpathy/llama2.c
PUBLISHED = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "
    "One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n"
    "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. "
    'She said, "I want to play with your ball, but I can\'t find it."\n'
    "Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"\n"
    "Lily didn't want to help her mom, so she"
)


@pytest.mark.shared
def test_the_weights_of_a_known_model_tell_its_story(stories):
    model, tokenizer = stories
    begin = tokenizer.inner.convert_tokens_to_ids("<s>")
    drawn = sample(
        model,
        Tokens.of([[begin]], 0),
        Sampling(max_new_tokens=200, temperature=0),
        tokenizer.end_id,
        torch.Generator(),
    )
    assert tokenizer.texts(drawn.responses) == [PUBLISHED]
