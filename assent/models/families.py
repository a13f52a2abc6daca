"""How each family of networks reads a prompt and a response. Everything above sees only prefix states.

A text model is a function from (prompt, response) to R + 1 states: state t has read the prompt and
`response[:t]`. Each class here has the same four methods, all of which take the base network's last hidden
state, scaled as the network's own head expects it.
"""

from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel

from assent.batch import Tokens
from assent.errors import UserError


@runtime_checkable
class Family(Protocol):
    def states(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, "batch prefix width"]:
        """The R + 1 prefix states of each row."""
        ...

    def begin(self, prompts: Tokens) -> tuple[Float[Tensor, "batch width"], "Reading"]:
        """State 0 of each row, and the reading to go on from."""
        ...


@runtime_checkable
class Reading(Protocol):
    """Rows whose prefixes the network holds in its key-value cache."""

    def advance(self, ids: Int[Tensor, " batch"]) -> Float[Tensor, "batch width"]:
        """Read one more token a row; the state after it."""
        ...

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Forget all other rows."""
        ...


class Causal:
    """Decoder-only: prompt and response are one sequence."""

    def __init__(self, network: PreTrainedModel):
        self.base: Any = network.base_model

    def states(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, "batch prefix width"]:
        mask = torch.cat([prompts.mask, responses.mask], dim=1)
        output = self.base(
            input_ids=torch.cat([prompts.ids, responses.ids], dim=1),
            attention_mask=mask,
            position_ids=positions(mask),
            use_cache=False,
        )
        return output.last_hidden_state[:, prompts.ids.shape[1] - 1 :]

    def begin(self, prompts: Tokens) -> tuple[Float[Tensor, "batch width"], Reading]:
        cache = DynamicCache(config=self.base.config)
        output = self.base(
            input_ids=prompts.ids,
            attention_mask=prompts.mask,
            position_ids=positions(prompts.mask),
            past_key_values=cache,
            use_cache=True,
        )
        return output.last_hidden_state[:, -1], CausalReading(self.base, cache, prompts.mask)


class CausalReading:
    def __init__(self, base: Any, cache: DynamicCache, mask: Bool[Tensor, "batch time"]):
        self.base, self.cache, self.mask = base, cache, mask

    def advance(self, ids: Int[Tensor, " batch"]) -> Float[Tensor, "batch width"]:
        self.mask = torch.cat([self.mask, torch.ones_like(self.mask[:, :1])], dim=1)
        output = self.base(
            input_ids=ids[:, None],
            attention_mask=self.mask,
            position_ids=self.mask.sum(dim=1, keepdim=True) - 1,
            past_key_values=self.cache,
            use_cache=True,
        )
        return output.last_hidden_state[:, -1]

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        self.mask = self.mask[rows]
        self.cache.batch_select_indices(rows)


class EncoderDecoder:
    """The encoder reads the prompt, the decoder reads `[start, *response]`."""

    def __init__(self, network: PreTrainedModel):
        self.config: Any = network.config
        self.encoder: Any = network.get_encoder()
        self.decoder: Any = network.get_decoder()
        # T5 with tied embeddings rescales before its head; mT5 and untied T5 do not.
        rescales = getattr(self.config, "scale_decoder_outputs", False)
        self.scale = self.config.d_model**-0.5 if rescales else 1.0
        if self.config.decoder_start_token_id is None:
            raise UserError(
                "the model's config.json names no decoder_start_token_id: add it; T5's is its pad token's id"
            )

    def states(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, "batch prefix width"]:
        prompts = padded_right(prompts)
        output = self.decoder(
            input_ids=torch.cat([self._start(prompts), responses.ids], dim=1),
            encoder_hidden_states=self._encode(prompts),
            encoder_attention_mask=prompts.mask,
            use_cache=False,
        )
        return output.last_hidden_state * self.scale

    def begin(self, prompts: Tokens) -> tuple[Float[Tensor, "batch width"], Reading]:
        prompts = padded_right(prompts)
        reading = EncoderDecoderReading(self, self._encode(prompts), prompts.mask)
        return reading.advance(self._start(prompts)[:, 0]), reading

    def _encode(self, prompts: Tokens) -> Float[Tensor, "batch prompt width"]:
        return self.encoder(input_ids=prompts.ids, attention_mask=prompts.mask).last_hidden_state

    def _start(self, prompts: Tokens) -> Int[Tensor, "batch 1"]:
        return torch.full_like(prompts.ids[:, :1], self.config.decoder_start_token_id)


class EncoderDecoderReading:
    def __init__(
        self,
        family: EncoderDecoder,
        encoded: Float[Tensor, "batch prompt width"],
        mask: Bool[Tensor, "batch prompt"],
    ):
        self.family, self.encoded, self.mask = family, encoded, mask
        config = family.decoder.config
        self.cache = EncoderDecoderCache(DynamicCache(config=config), DynamicCache(config=config))

    def advance(self, ids: Int[Tensor, " batch"]) -> Float[Tensor, "batch width"]:
        output = self.family.decoder(
            input_ids=ids[:, None],
            encoder_hidden_states=self.encoded,
            encoder_attention_mask=self.mask,
            past_key_values=self.cache,
            use_cache=True,
        )
        return output.last_hidden_state[:, -1] * self.family.scale

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        self.encoded, self.mask = self.encoded[rows], self.mask[rows]
        self.cache.batch_select_indices(rows)


def positions(mask: Bool[Tensor, "batch time"]) -> Int[Tensor, "batch time"]:
    """The place of each token among the real ones of its row, so that padding changes nothing."""
    return (mask.long().cumsum(dim=1) - 1).clamp(min=0)


def padded_right(prompts: Tokens) -> Tokens:
    """The same rows with their padding moved to the right, for encoders with absolute positions."""
    order = (~prompts.mask).to(torch.uint8).argsort(dim=1, stable=True)
    return Tokens(prompts.ids.gather(1, order), prompts.mask.gather(1, order))
