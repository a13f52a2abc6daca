"""One interface over causal and encoder-decoder networks."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from jaxtyping import Float
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel

from assent.batch import Tokens
from assent.functional.language import token_logprobs
from assent.models.families import Causal, EncoderDecoder, Family
from assent.models.recomputation import Recomputation

Logprobs = tuple[Float[Tensor, "batch response"], Float[Tensor, "batch response"]]


class LanguageModel(nn.Module):
    """A network that reads (prompt, response) as R + 1 prefix states, and predicts the next token.

    With LoRA, `adapters` wraps `network`, whose layers then carry the adapters; without, it is None.
    """

    def __init__(self, network: PreTrainedModel, adapters: PeftModel | None = None):
        super().__init__()
        self.network = network
        self.adapters = adapters
        self._head = cast(nn.Linear, network.get_output_embeddings())
        is_encoder_decoder = network.config.is_encoder_decoder
        self.family: Family = EncoderDecoder(network) if is_encoder_decoder else Causal(network)
        self.recomputation = Recomputation()
        # torch would never teach an embedding that it takes for padding; but masks tell what pads, and the
        # id may be a real token's as well: with many models it is the end token's.
        for module in network.modules():
            if isinstance(module, nn.Embedding):
                module.padding_idx = None

    @property
    def width(self) -> int:
        return self._head.in_features

    @property
    def vocabulary(self) -> int:
        return self._head.out_features

    @property
    def device(self) -> torch.device:
        return self._head.weight.device

    @property
    def context(self) -> int | None:
        """The most positions that the network can tell apart; None where it sets no limit."""
        config = cast(Any, self.network.config)
        return (
            None if config.model_type in ("t5", "mt5") else getattr(config, "max_position_embeddings", None)
        )

    def states(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, "batch prefix width"]:
        """State t has read the prompt and `response[:t]`, for t from 0 to R."""
        with self.recomputation.on() if torch.is_grad_enabled() else nullcontext():
            return self.family.states(prompts, responses)

    def final_state(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, "batch width"]:
        """The state that has read the prompt and the whole response."""
        states = self.states(prompts, responses)
        last = responses.lengths[:, None, None].expand(-1, 1, states.shape[-1])
        return states.gather(1, last).squeeze(1)

    def logits(self, states: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows vocab"]:
        """The scores of each next token, as the network's own forward would give them."""
        logits = self._head(states)
        bias = getattr(self.network, "final_logits_bias", None)  # BART's
        return logits if bias is None else logits + bias.squeeze(0)

    def token_logprobs(
        self, states: Float[Tensor, "batch prefix width"], responses: Tokens, temperature: float = 1.0
    ) -> Logprobs:
        """(log p(token), entropy) of each response token, in nats, from states already read."""
        return token_logprobs(states[:, :-1], responses.ids, self.logits, self.vocabulary, temperature)

    def logprobs(self, prompts: Tokens, responses: Tokens, temperature: float = 1.0) -> Logprobs:
        return self.token_logprobs(self.states(prompts, responses), responses, temperature)

    def unadapted(self) -> AbstractContextManager[None]:
        """Inside this context the adapters are off: the network is the one that LoRA started from."""
        return nullcontext() if self.adapters is None else self.adapters.disable_adapter()

    def recompute(self) -> None:
        """Keep no layer's inner activations for the gradient, but compute them again: arXiv:1604.06174."""
        self.recomputation = Recomputation.of(self.network)

    def learning(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]


class Unadapted:
    """The reference of a LoRA policy: the same network with the adapters off. It costs no memory."""

    def __init__(self, model: LanguageModel):
        self.model = model

    def states(self, prompts: Tokens, responses: Tokens) -> Float[Tensor, "batch prefix width"]:
        with self.model.unadapted():
            return self.model.states(prompts, responses)

    def logits(self, states: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows vocab"]:
        with self.model.unadapted():
            return self.model.logits(states)

    def token_logprobs(
        self, states: Float[Tensor, "batch prefix width"], responses: Tokens, temperature: float = 1.0
    ) -> Logprobs:
        with self.model.unadapted():
            return self.model.token_logprobs(states, responses, temperature)

    def logprobs(self, prompts: Tokens, responses: Tokens, temperature: float = 1.0) -> Logprobs:
        return self.token_logprobs(self.states(prompts, responses), responses, temperature)
