"""Settings of every stage that begins with a model which somebody else made."""

from assent.config import ModelSource, Settings
from assent.models.tokenizer import Template
from assent.models.torch_weights import Weights, in_safetensors


class StartingModel(Settings):
    """The model that a stage begins with: where it is, how it is stored, what stands around its prompts."""

    model: ModelSource
    weights: Weights = "safetensors"  # torch: the model has pytorch_model.bin only, whose tensors may be read
    template: Template | None = None  # by default the one kept with the model

    @property
    def readable(self) -> str:
        """The folder or hub id that is loaded."""
        return in_safetensors(self.model, self.weights)
