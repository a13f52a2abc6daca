"""A random model of two layers for any test, and the sentences that its tokenizer has learned from."""

import torch

from assent.models.build import Architecture, build
from assent.models.language_model import LanguageModel
from assent.models.tokenizer import Template, Tokenizer

SENTENCES = [
    "Once upon a time, there was a little girl named Lily.",
    "She loved to play outside in the park.",
    "One day, she saw a big, red ball.",
    "The ball was too high for her, and so she asked her friend for help.",
]


def tiny(family: str, bpe, template: Template | None = None) -> tuple[LanguageModel, Tokenizer]:
    """A random model of two layers, large enough in its weights that its distributions are not flat."""
    shape = Architecture(family=family, width=16, depth=2, heads=2, context=64)
    model, tokenizer = build(shape, bpe, template or Template())
    torch.manual_seed(0)
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            torch.nn.init.normal_(parameter, std=0.16)
    return model.eval(), tokenizer
