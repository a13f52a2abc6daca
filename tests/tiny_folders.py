"""Folders of tiny random models, one a family, as `save_pretrained` writes them: nothing of ours made them.

Each has the special tokens of its family's published models, since there lie the traps: an end token that
also pads (gpt_neox), no pad at all (gpt2, llama), a first token before every prompt (llama, opt, bart), a
closing one (bart, t5, mt5), a decoder that starts with the end token (bart) or with the pad (t5, mt5).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

SENTENCES = [
    "Once upon a time, there was a little girl named Lily.",
    "She loved to play outside in the park.",
    "One day, she saw a big, red ball.",
    "The ball was too high for her, and so she asked her friend for help.",
]
CONTEXT = 96  # tokens, of the families that have a limit
WIDTH = 16
ENCODER_DECODERS = ("bart", "t5", "t5_untied", "mt5")
FAMILIES = ("gpt2", "llama", "gpt_neox", "opt", *ENCODER_DECODERS)

SIZES = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": CONTEXT,
}
SIDES = {
    f"{side}_{key}": value
    for side in ("encoder", "decoder")
    for key, value in {"layers": 2, "attention_heads": 2, "ffn_dim": 32}.items()
}
T5 = {"d_model": WIDTH, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
NETWORKS: Mapping[str, Callable[..., Any]] = {
    "gpt2": lambda **ids: transformers.GPT2Config(
        n_embd=WIDTH, n_layer=2, n_head=2, n_positions=CONTEXT, **ids
    ),
    "llama": lambda **ids: transformers.LlamaConfig(
        **SIZES, intermediate_size=32, num_key_value_heads=1, tie_word_embeddings=False, **ids
    ),
    "gpt_neox": lambda **ids: transformers.GPTNeoXConfig(**SIZES, intermediate_size=32, **ids),
    "opt": lambda **ids: transformers.OPTConfig(**SIZES, ffn_dim=32, word_embed_proj_dim=8, **ids),
    "bart": lambda **ids: transformers.BartConfig(
        d_model=WIDTH, max_position_embeddings=CONTEXT, **SIDES, **ids
    ),
    "t5": lambda **ids: transformers.T5Config(**T5, **ids),
    "t5_untied": lambda **ids: transformers.T5Config(
        **T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False, **ids
    ),
    "mt5": lambda **ids: transformers.MT5Config(**T5, tie_word_embeddings=False, **ids),
}
EXTRA = tuple(f"<extra_id_{index}>" for index in range(20))
# special tokens; then by role: begin, end, pad; then what stands around a text
SPECIAL: Mapping[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "gpt2": (("<|endoftext|>",), {"bos": "<|endoftext|>", "eos": "<|endoftext|>"}, "$A"),
    "llama": (("<unk>", "<s>", "</s>"), {"bos": "<s>", "eos": "</s>"}, "<s> $A"),
    "gpt_neox": (
        ("<|endoftext|>",),
        {"bos": "<|endoftext|>", "eos": "<|endoftext|>", "pad": "<|endoftext|>"},
        "$A",
    ),
    "opt": (("<s>", "<pad>", "</s>"), {"bos": "</s>", "eos": "</s>", "pad": "<pad>"}, "</s> $A"),
    "bart": (("<s>", "<pad>", "</s>"), {"bos": "<s>", "eos": "</s>", "pad": "<pad>"}, "<s> $A </s>"),
    "t5": (("<pad>", "</s>", *EXTRA), {"eos": "</s>", "pad": "<pad>"}, "$A </s>"),
    # its published list has the sentinels as words, with the sign of a space before them
    "mt5": (
        ("<pad>", "</s>", *(f"\u2581{name}" for name in EXTRA)),
        {"eos": "</s>", "pad": "<pad>"},
        "$A </s>",
    ),
}


def tiny_folder(family: str, path: Path) -> Path:
    """A folder with a random network of two layers and a byte-level tokenizer; `path`, for convenience."""
    tokenizer = _tokenizer(family)
    ids: dict[str, int] = {"vocab_size": len(tokenizer)}
    for role in ("bos", "eos", "pad"):
        if (token_id := getattr(tokenizer, f"{role}_token_id")) is not None:
            ids[f"{role}_token_id"] = token_id
    if family in ENCODER_DECODERS:
        start = "eos_token_id" if family == "bart" else "pad_token_id"
        ids["decoder_start_token_id"] = ids[start]
    _network(NETWORKS[family](**ids), family).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def _network(config: Any, family: str) -> Any:
    kind = "AutoModelForSeq2SeqLM" if family in ENCODER_DECODERS else "AutoModelForCausalLM"
    state = torch.random.get_rng_state()
    torch.manual_seed(1)
    network = getattr(transformers, kind).from_config(config)
    if family in ("t5_untied", "mt5"):  # as published; transformers 5 ties what it makes from scratch
        network.lm_head.weight = torch.nn.Parameter(torch.randn_like(network.shared.weight))
        network.config.tie_word_embeddings = False
    with torch.no_grad():  # far from a flat distribution, and biases from zero
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        for name, buffer in network.named_buffers():
            if "final_logits_bias" in name:
                buffer.add_(torch.randn_like(buffer))
    torch.random.set_rng_state(state)
    return network


def _tokenizer(family: str) -> transformers.PreTrainedTokenizerFast:
    special, roles, around = SPECIAL[family.removesuffix("_untied")]
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(SENTENCES, trainer)
    used = [token for token in around.split() if token != "$A"]
    inner.post_processor = processors.TemplateProcessing(
        single=around, special_tokens=[(token, inner.token_to_id(token)) for token in used]
    )
    named = {f"{role}_token": token for role, token in roles.items()}
    extra = {"additional_special_tokens": list(EXTRA)} if EXTRA[0] in special else {}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **named, **extra)
