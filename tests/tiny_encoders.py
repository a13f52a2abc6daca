"""Folders of tiny random encoders, one a family, as `save_pretrained` writes them: nothing of ours made them.

The traps of their families: no end token (all but roberta), segments (bert, electra), positions that begin
after the padding's id (roberta), relative positions (deberta), a pooler or none, a head for gaps on top.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from tiny_folders import SENTENCES, WIDTH
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CONTEXT = 64
SIZES = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": CONTEXT,
}
NETWORKS: Mapping[str, Callable[..., Any]] = {
    "bert": lambda **ids: transformers.BertConfig(**SIZES, **ids),
    "distilbert": lambda **ids: transformers.DistilBertConfig(
        dim=WIDTH, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=CONTEXT, **ids
    ),
    "electra": lambda **ids: transformers.ElectraConfig(**SIZES, embedding_size=8, **ids),
    "deberta": lambda **ids: transformers.DebertaV2Config(
        **SIZES, relative_attention=True, pos_att_type=["p2c", "c2p"], type_vocab_size=0, **ids
    ),
    "modernbert": lambda **ids: transformers.ModernBertConfig(
        **SIZES, local_attention=8, cls_token_id=ids["bos_token_id"], sep_token_id=ids["eos_token_id"], **ids
    ),
    "roberta": lambda **ids: transformers.RobertaConfig(
        **{**SIZES, "max_position_embeddings": CONTEXT + 2}, type_vocab_size=1, **ids
    ),
}
ENCODERS = tuple(NETWORKS)
BERT = {"unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]"}
ROBERTA = {"bos": "<s>", "cls": "<s>", "pad": "<pad>", "eos": "</s>", "sep": "</s>", "mask": "<mask>"}


def tiny_encoder(family: str, path: Path) -> Path:
    """A folder with a random network that fills gaps, and its tokenizer; `path`, for convenience."""
    tokenizer = _tokenizer(family)
    config = NETWORKS[family](
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )
    state = torch.random.get_rng_state()
    torch.manual_seed(1)
    network = transformers.AutoModelForMaskedLM.from_config(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    torch.random.set_rng_state(state)
    network.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def _tokenizer(family: str) -> transformers.PreTrainedTokenizerFast:
    inner, roles = _roberta() if family == "roberta" else _bert()
    named = {f"{role}_token": token for role, token in roles.items()}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **named)


def _bert() -> tuple[Tokenizer, dict[str, str]]:
    inner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=120, special_tokens=list(BERT.values()), show_progress=False
    )
    inner.train_from_iterator(SENTENCES, trainer)
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, inner.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return inner, BERT


def _roberta() -> tuple[Tokenizer, dict[str, str]]:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=list(dict.fromkeys(ROBERTA.values())),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(SENTENCES, trainer)
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(token, inner.token_to_id(token)) for token in ("<s>", "</s>")],
    )
    return inner, ROBERTA
