"""Compare our reading of a loaded network with its own: a family that is read wrongly must not be trained."""

import inspect

import torch
from jaxtyping import Float
from torch import Tensor

from assent.batch import Tokens
from assent.errors import UserError
from assent.models.encoder import TextEncoder
from assent.models.language_model import LanguageModel
from assent.models.tokenizer import Template, Tokenizer
from assent.records import Prompt


@torch.no_grad()
def verify_head(model: LanguageModel, source: str) -> None:
    """Compare our reading of three tokens with the network's own; families differ after their last layer."""
    model.eval()
    tokens = Tokens(*(torch.ones(1, 3, dtype=kind) for kind in (torch.long, torch.bool)))
    ours = model.logits(model.states(tokens, tokens))[:, 1:]
    if model.network.config.is_encoder_decoder:
        start = torch.full((1, 1), model.network.config.decoder_start_token_id)
        decoder_ids = torch.cat([start, tokens.ids], dim=1)
        theirs = model.network(input_ids=tokens.ids, decoder_input_ids=decoder_ids).logits[:, 1:]
    else:
        theirs = model.network(input_ids=tokens.ids.repeat(1, 2)).logits[:, 3:]
    if not torch.allclose(ours, theirs, rtol=1e-3, atol=1e-3):
        raise UserError(
            f"model {source}: the family {model.network.config.model_type} computes its logits in a way "
            f"that is not known here (off by {(ours - theirs).abs().max():.3g}): training it would be wrong"
        )


@torch.no_grad()
def verify_pairs(model: TextEncoder, tokenizer: Tokenizer, source: str) -> None:
    """Compare our reading of two padded pairs with what network and tokenizer make of each alone."""
    model.eval()
    bare = Tokenizer(tokenizer.inner, Template(), pairs=True)
    texts = [("is it?", "no"), ("yes", "it is, and always was")]
    asked, _ = bare.prompts([Prompt(prompt) for prompt, _ in texts])
    ours = model.final_state(asked, bare.responses([answer for _, answer in texts])[0])
    alone = [_read_alone(model, bare, *pair) for pair in texts]
    theirs = torch.stack(alone)
    if not torch.allclose(ours, theirs, rtol=1e-3, atol=1e-3):
        raise UserError(
            f"model {source}: the family {model.network.config.model_type} reads a pair of texts in a way "
            f"that is not known here (off by {(ours - theirs).abs().max():.3g}): training it would be wrong"
        )


def _read_alone(
    model: TextEncoder, tokenizer: Tokenizer, prompt: str, answer: str
) -> Float[Tensor, " width"]:
    """The first state of one pair, as the tokenizer writes it and the network takes it by default."""
    written = tokenizer.inner(prompt, answer, return_tensors="pt", return_token_type_ids=True)
    taken = inspect.signature(model.network.forward).parameters
    return model.network(**{name: written[name] for name in written if name in taken}).last_hidden_state[0, 0]
