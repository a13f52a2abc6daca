"""A model that answers piece by piece, in a conversation or one line at a time."""

import sys
from collections.abc import Iterable, Iterator, Sequence

import torch

from assent.errors import UserError
from assent.models.language_model import LanguageModel
from assent.models.load import saved_settings
from assent.models.sampler import Sampling, token_by_token
from assent.models.tokenizer import Template, Tokenizer
from assent.records import Message, Prompt

CHATS = "chats"  # in assent.json: whether the model was taught conversations
NOT_WHOLE = "\ufffd"  # what decoding gives for bytes that are not, or not yet, a character
LONGEST_BY_DEFAULT = 256  # tokens of an answer, where nobody says


def is_for_chats(source: str, tokenizer: Tokenizer) -> bool | None:
    """Whether a model was taught conversations; None where neither its folder nor its template tells."""
    told = saved_settings(source).get(CHATS)
    if told is not None:
        return bool(told)
    template, bare = tokenizer.template, Template()
    if tokenizer.inner.chat_template:
        return True
    if (template.user, template.assistant, template.system) != (bare.user, bare.assistant, bare.system):
        return True
    return False if template.prefix or template.suffix else None


def longest_answer(model: LanguageModel, wanted: int | None) -> int:
    """`wanted` tokens, checked against what the model can read; by default at most half of that.

    Raises:
        UserError: no prompt would have room beside the answer.
    """
    if wanted is None:
        return LONGEST_BY_DEFAULT if model.context is None else min(LONGEST_BY_DEFAULT, model.context // 2)
    if model.context is not None and wanted >= model.context:
        raise UserError(
            f"max-new-tokens {wanted}: the model reads {model.context} tokens, prompt and answer together: "
            "give fewer"
        )
    return wanted


class Talker:
    """A model with its way of being asked.

    Where the network sets a limit, all of it that an answer does not need is for the prompt; where it sets
    none, the prompt may have the template's `max_prompt_tokens`.
    """

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, sampling: Sampling):
        self.model, self.sampling = model.eval(), sampling
        limit = tokenizer.template.max_prompt_tokens
        self.room = limit if model.context is None else model.context - sampling.max_new_tokens
        # Too long a prompt is told of here, not cut.
        uncut = tokenizer.template.model_copy(update={"max_prompt_tokens": sys.maxsize})
        self.tokenizer = Tokenizer(tokenizer.inner, uncut, tokenizer.is_encoder_decoder)

    def fitting(self, messages: Sequence[Message]) -> tuple[Prompt, int]:
        """(the conversation as far as the model can read it, how many of its oldest turns are left out).

        Raises:
            UserError: the last message alone is too long, or the chat template refuses the conversation.
        """
        system = [message for message in messages if message["role"] == "system"]
        turns = [message for message in messages if message["role"] != "system"]
        for left_out in range(0, len(turns), 2):
            prompt = Prompt(turns[-1]["content"], (*system, *turns[left_out:]))
            if self._length(prompt) <= self.room:
                return prompt, left_out // 2
        raise self._too_long(Prompt(turns[-1]["content"], (*system, turns[-1])))

    def alone(self, text: str) -> Prompt:
        """A text that is asked by itself. Raises UserError where it is too long."""
        prompt = Prompt(text)
        if self._length(prompt) > self.room:
            raise self._too_long(prompt)
        return prompt

    def answer(self, prompt: Prompt, generator: torch.Generator) -> Iterator[str]:
        """The pieces of an answer, each as soon as it is certain; together what `sample` would draw."""
        tokens, _ = self.tokenizer.prompts([prompt])
        drawn = token_by_token(
            self.model, tokens.to(self.model.device), self.sampling, self.tokenizer.end_id, generator
        )
        return pieces(self.tokenizer, (int(token.ids[0]) for token in drawn))

    def _length(self, prompt: Prompt) -> int:
        return len(self.tokenizer.prompt_ids(prompt)[0])

    def _too_long(self, prompt: Prompt) -> UserError:
        return UserError(
            f"the message has {self._length(prompt)} tokens with what stands around it, and {self.room} fit "
            f"beside an answer of up to {self.sampling.max_new_tokens}: shorten it, or lower --max-new-tokens"
        )


def pieces(tokenizer: Tokenizer, ids: Iterable[int]) -> Iterator[str]:
    """The text of an answer as it grows, never half a character; joined, it is `tokenizer.texts` of all.

    A token may hold some bytes of a character only. What such a token decodes to is held back until the
    others have come, or the answer is over.
    """
    prefix, read, text, shown = tokenizer.template.answer_prefix, [], "", 0
    for token in ids:
        read.append(token)
        raw = tokenizer.inner.decode(read, skip_special_tokens=True)
        text = raw.removeprefix(prefix)
        certain = 0 if prefix.startswith(raw) else len(text.rstrip(NOT_WHOLE))
        if certain > shown:
            yield text[shown:certain]
            shown = certain
    if len(text) > shown:
        yield text[shown:]
