"""Gradient checkpointing: less memory for activations, at the price of one more forward."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from assent.errors import UserError


class Recomputation:
    """The layers whose activations are computed again for the gradient; none by default.

    transformers recomputes only in layers that are in training mode, and then refuses a key-value cache. So
    they are put in that mode for a forward with a gradient and for no other. What else the mode would change
    is dropout in the layer's own code (its submodules keep theirs): it is turned off for good.
    """

    def __init__(self, layers: Sequence[nn.Module] = ()):
        self.layers = layers

    @classmethod
    def of(cls, network: PreTrainedModel) -> Self:
        """Raises UserError where transformers knows no way to recompute this family."""
        if not network.supports_gradient_checkpointing:
            raise UserError(
                f"gradient_checkpointing: the family {network.config.model_type} has none: leave it out"
            )
        # Its name until transformers 5.2x, which warns of it
        enable = getattr(network, "activation_checkpointing_enable", network.gradient_checkpointing_enable)
        enable({"use_reentrant": False})
        return cls([module for module in network.modules() if isinstance(module, GradientCheckpointingLayer)])

    @contextmanager
    def on(self) -> Iterator[None]:
        before = [(layer.training, _own_dropout(layer)) for layer in self.layers]
        for layer, (training, dropout) in zip(self.layers, before, strict=True):
            layer.training = True
            for name in dropout if not training else ():
                setattr(layer, name, 0.0)
        try:
            yield
        finally:
            for layer, (training, dropout) in zip(self.layers, before, strict=True):
                layer.training = training
                for name, share in dropout.items():
                    setattr(layer, name, share)


def _own_dropout(layer: nn.Module) -> dict[str, float]:
    """The shares of dropout that a layer applies by itself, as BART's and OPT's do."""
    return {name: share for name, share in vars(layer).items() if "dropout" in name and type(share) is float}
