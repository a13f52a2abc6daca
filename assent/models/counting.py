"""How many tokens texts are to a model, without loading its weights."""

from dataclasses import dataclass
from typing import Any

from transformers import AutoConfig

from assent.models.load import load_tokenizer, saved_template
from assent.models.reading import quiet, readable
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt

NO_LIMIT = 10**9  # tokens


@dataclass(frozen=True)
class TokenCounter:
    """Counts as training does: the template and special tokens are in it."""

    tokenizer: Tokenizer
    context: int | None  # the most that the model reads, prompt and answer together; None: no such limit

    def __call__(self, prompt: Prompt, answer: str | None) -> int:
        """The tokens of a prompt or, where one is given, of an answer to it."""
        if answer is None:
            return len(self.tokenizer.prompt_ids(prompt)[0])
        return len(self.tokenizer.response_ids(answer)[0])


def token_counter(source: str) -> TokenCounter:
    """Of a model's folder or hub id.

    Raises:
        UserError: there is no model there that transformers can read.
    """
    with readable(f"model {source}"), quiet():
        config: Any = AutoConfig.from_pretrained(source)
        inner = load_tokenizer(source)
    inner.model_max_length = NO_LIMIT  # longer texts are counted, and nothing is fed to a network
    template = saved_template(source).model_copy(update={"max_prompt_tokens": NO_LIMIT})
    apart = bool(getattr(config, "is_encoder_decoder", False))  # prompt and answer are read by one half each
    context = None if apart else getattr(config, "max_position_embeddings", None)
    return TokenCounter(Tokenizer(inner, template, apart), context)
