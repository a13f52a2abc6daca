"""Text to tokens and back: templates, chats, truncation, and training a byte-level BPE."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import count, takewhile
from typing import Any, cast

from jinja2 import TemplateError
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from assent.batch import Tokens
from assent.config import Settings
from assent.errors import UserError
from assent.records import END_OF_TEXT, Message, Prompt

PAD = "<pad>"
SENTINELS = 100  # as T5's


class Template(Settings):
    """What stands around the text of a prompt. Kept with the model: later stages need not repeat it."""

    instruction: str = ""  # comes first
    prefix: str = ""
    suffix: str = ""
    answer_prefix: str = ""  # begins every answer, e.g. one space; not part of the answer's text
    user: str = "User: "  # chats, where the tokenizer has no chat template of its own
    assistant: str = "Assistant:"
    system: str = ""
    max_prompt_tokens: int = 512  # of a longer prompt, the text (not the template) loses its beginning


class Tokenizer:
    """A tokenizer with its template: records go in, padded tokens come out.

    Args:
        pairs: an encoder's, such as BERT's, that closes prompt and answer as one pair: `[CLS] prompt [SEP]
            answer [SEP]`. A prompt's ids then end with what stands between, and the end token is the closing
            one, since many such tokenizers have no other.
    """

    def __init__(
        self,
        inner: PreTrainedTokenizerBase,
        template: Template,
        is_encoder_decoder: bool = False,
        pairs: bool = False,
    ):
        self.inner: Any = inner
        self.template = template
        self.is_encoder_decoder = is_encoder_decoder
        self.pairs = pairs
        role = "sep_token" if pairs else "eos_token"
        end_id = getattr(inner, f"{role}_id")
        if end_id is None:
            raise UserError(f"the tokenizer of {inner.name_or_path} has no end token ({role})")
        self.end_id = cast(int, end_id)
        # Padding is told by masks alone, so any id will do where there is none.
        self.pad_id = cast(int, self.end_id if inner.pad_token_id is None else inner.pad_token_id)

    def __len__(self) -> int:
        return len(self.inner)

    def prompts(self, prompts: Sequence[Prompt]) -> tuple[Tokens, int]:
        """(left-padded tokens, how many prompts were cut to `max_prompt_tokens`)."""
        encoded = [self.prompt_ids(prompt) for prompt in prompts]
        return Tokens.of([ids for ids, _ in encoded], self.pad_id, side="left"), sum(
            cut for _, cut in encoded
        )

    def prompt_ids(self, prompt: Prompt) -> tuple[list[int], bool]:
        """(ids, whether the text was cut). Never empty: a model needs something to read first."""
        limit = self.template.max_prompt_tokens
        if (
            prompt.messages and self.inner.chat_template and not self.pairs
        ):  # writes its special tokens itself
            ids = self.inner.encode(self.render(prompt), add_special_tokens=False)
        else:
            ids = self._with_special_tokens(self.render(prompt))
        if len(ids) <= limit:
            return ids or [self._start_id()], False
        if prompt.messages:
            return self._ending(ids, limit), True
        empty = self._with_special_tokens(self.render(Prompt("")))
        text = self.inner.encode(prompt.text, add_special_tokens=False)
        room = limit - len(empty)
        if room < 1:
            raise UserError(
                f"max_prompt_tokens is {limit}, and the template alone takes {len(empty)}: "
                "raise it, or shorten the template"
            )
        shorter = self.inner.decode(text[-room:])
        return self._ending(self._with_special_tokens(self.render(Prompt(shorter))), limit), True

    def _ending(self, ids: list[int], limit: int) -> list[int]:
        """The last `limit` ids; of an encoder's prompt, the first token and the last others."""
        first = len(self._around_pair[0]) if self.pairs else 0
        return ids[:first] + ids[first + max(0, len(ids) - limit) :]

    def render(self, prompt: Prompt) -> str:
        """The text that the model reads before its answer."""
        t = self.template
        if not prompt.messages:
            return f"{t.instruction}{t.prefix}{prompt.text}{t.suffix}"
        if self.inner.chat_template:
            return self._by_chat_template(prompt)
        return (
            t.instruction
            + "".join(f"{self._speaker(m)}{m['content']}\n" for m in prompt.messages)
            + t.assistant
        )

    def _by_chat_template(self, prompt: Prompt) -> str:
        try:
            return self.inner.apply_chat_template(
                list(prompt.messages), add_generation_prompt=True, tokenize=False
            )
        except TemplateError as error:
            raise UserError(
                f"the chat template of {self.inner.name_or_path} refuses the conversation that ends with "
                f"{prompt.text[:80]!r}: {error}"
            ) from None

    def _speaker(self, message: Message) -> str:
        t = self.template
        speakers = {"user": t.user, "assistant": t.assistant + " ", "system": t.system}
        if message["role"] not in speakers:
            raise UserError(f"unknown role {message['role']!r} in a chat: expected system, user or assistant")
        return speakers[message["role"]]

    def response_ids(self, text: str, max_tokens: int | None = None) -> tuple[list[int], bool]:
        """(ids, whether the text was cut). A whole answer ends with the end token; a cut one does not."""
        written = self.template.answer_prefix + text if text else ""  # an empty answer is one end token
        ids = [*self.inner.encode(written, add_special_tokens=False), self.end_id]
        if max_tokens is None or len(ids) <= max_tokens:
            return ids, False
        return ids[:max_tokens], True

    def responses(self, texts: Sequence[str], max_tokens: int | None = None) -> tuple[Tokens, int]:
        """(right-padded tokens, how many answers were cut)."""
        encoded = [self.response_ids(text, max_tokens) for text in texts]
        return Tokens.of([ids for ids, _ in encoded], self.pad_id), sum(cut for _, cut in encoded)

    def texts(self, responses: Tokens) -> list[str]:
        """The answers' texts: up to the first end token, without special tokens and the answer prefix."""
        return [
            self.inner.decode(ids[mask].tolist(), skip_special_tokens=True).removeprefix(
                self.template.answer_prefix
            )
            for ids, mask in zip(responses.ids.cpu(), responses.mask.cpu(), strict=True)
        ]

    def document_ids(self, text: str) -> list[int]:
        """A text to pretrain on, closed by the end token."""
        return [*self.inner.encode(text, add_special_tokens=False), self.end_id]

    def read_ids(self, ids: Sequence[int]) -> list[int]:
        """Ids with the special tokens that the tokenizer puts around a prompt."""
        before, after = self._around
        return [*before, *ids, *after]

    @cached_property
    def _around(self) -> tuple[list[int], list[int]]:
        bare = self.inner.encode("a", add_special_tokens=False)
        whole = self._with_special_tokens("a")
        start = _place(bare, whole)
        return whole[:start], whole[start + len(bare) :]

    @cached_property
    def _around_pair(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before a pair of texts, and between the two."""
        bare = self.inner.encode("a", add_special_tokens=False)
        whole = self.inner("a", "a")["input_ids"]
        start = _place(bare, whole)
        rest = whole[start + len(bare) :]
        second = _place(bare, rest)
        if rest[second + len(bare) :] != [self.end_id]:
            raise UserError(
                f"the tokenizer of {self.inner.name_or_path} does not close a pair of texts with its "
                "sep_token: which token ends an answer cannot be told"
            )
        return whole[:start], rest[:second]

    @cached_property
    def sentinels(self) -> list[int]:
        """The ids of `<extra_id_0>`, `<extra_id_1>` ..., which stand for spans left out; [] without any."""
        known = self.inner.get_vocab()
        # mT5's own list has them as words, with the sign of a space before them.
        names = (f"{space}<extra_id_{{}}>" for space in ("", "\u2581"))
        name = next((name for name in names if name.format(0) in known), "")
        return list(takewhile(lambda found: found >= 0, (known.get(name.format(n), -1) for n in count())))

    def _with_special_tokens(self, text: str) -> list[int]:
        if self.pairs:
            before, between = self._around_pair
            return [*before, *self.inner.encode(text, add_special_tokens=False), *between]
        ids = self.inner.encode(text)
        closes = bool(ids) and ids[-1] == self.end_id and len(ids) > 1
        # An encoder expects its closing token; a causal model would read it as the end of the answer.
        return ids[:-1] if closes and not self.is_encoder_decoder else ids

    def _start_id(self) -> int:
        start = self.inner.bos_token_id
        return self.end_id if start is None else start


def _place(part: list[int], whole: list[int]) -> int:
    return next(at for at in range(len(whole)) if whole[at : at + len(part)] == part)


def train_bpe(
    texts: Iterable[str], vocabulary: int, is_encoder_decoder: bool = False
) -> PreTrainedTokenizerFast:
    """A byte-level BPE (as GPT-2's) trained on `texts`; its one special token ends, begins and pads.

    For an encoder-decoder it has T5's special tokens: one pads and starts the decoder, SENTINELS stand for
    spans left out, and the end token closes what the encoder reads.
    """
    inner = FastTokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    sentinels = [f"<extra_id_{index}>" for index in range(SENTINELS)] if is_encoder_decoder else []
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT, PAD, *sentinels] if is_encoder_decoder else [END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(texts, trainer)
    if not is_encoder_decoder:
        return PreTrainedTokenizerFast(
            tokenizer_object=inner, eos_token=END_OF_TEXT, bos_token=END_OF_TEXT, pad_token=END_OF_TEXT
        )
    inner.post_processor = processors.TemplateProcessing(
        single=f"$A {END_OF_TEXT}", special_tokens=[(END_OF_TEXT, inner.token_to_id(END_OF_TEXT))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token=END_OF_TEXT,
        pad_token=PAD,
        additional_special_tokens=sentinels,
    )
