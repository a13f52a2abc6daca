"""How a text classifier of transformers reads texts: the only place that knows by which token it does."""

import difflib
import inspect
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assent.batch import Tokens
from assent.errors import UserError
from assent.models.families import positions

Kind = Literal["several", "one", "number"]  # labels a text; or no label, one number
PROBLEMS: dict[str, Kind] = {
    "multi_label_classification": "several",
    "single_label_classification": "one",
    "regression": "number",
}
NO_ID = -1  # equals no token: a network that is told so takes every token for a real one


class Classifier(nn.Module):
    """A network that gives each text one logit a label, and the tokenizer that it reads with.

    A text's logits are those that transformers computes for it alone, whatever it is batched with. So its
    saved folder says the same in `transformers.pipeline("text-classification")`.

    Args:
        adapters: with LoRA, what wraps `network`; its layers then carry the adapters.
    """

    def __init__(self, network: Any, inner: Any, adapters: Any = None):
        super().__init__()
        self.network, self.inner, self.adapters = network, inner, adapters
        self.config: Any = network.config.get_text_config()
        self.pads = self._masks_decide()

    @property
    def labels(self) -> tuple[str, ...]:
        named = self.network.config.id2label
        return tuple(named[index] for index in range(self.network.config.num_labels))

    @property
    def kind(self) -> Kind:
        """What the logits are of. Where config.json does not say, one output is a number."""
        if self.network.config.problem_type is not None:
            return PROBLEMS[self.network.config.problem_type]
        return "number" if len(self.labels) == 1 else "one"

    @property
    def device(self) -> torch.device:
        return self.network.device

    def label(self, wanted: str | int | None) -> int:
        """The place of a label, given by name, as `LABEL_2`, or by number.

        Raises:
            UserError: there is none, or none is given of several; with the labels, and the nearest.
        """
        known, number = self.labels, str(wanted).removeprefix("LABEL_")
        if wanted is None and len(known) == 1:
            return 0
        same = [at for at, name in enumerate(known) if name.casefold() == str(wanted).casefold()]
        if str(wanted) in known:
            return known.index(str(wanted))
        if len(same) == 1:
            return same[0]
        if number.isdecimal() and int(number) < len(known):
            return int(number)
        lower = {name.casefold(): name for name in known}
        near = difflib.get_close_matches(str(wanted).casefold(), lower, n=1, cutoff=0.5)
        found = "none" if wanted is None else repr(wanted)
        hint = f"; did you mean {lower[near[0]]}?" if near and wanted is not None else ""
        raise UserError(f"label: expected one of {', '.join(known)}, found {found}{hint}")

    @cached_property
    def context(self) -> int | None:
        """The most tokens of a text that the network can read, special ones among them; None: no limit."""
        limits = [self.inner.model_max_length]  # a very large number where the folder does not say
        if self.config.model_type not in ("t5", "mt5", "umt5"):
            places = getattr(self.config, "max_position_embeddings", None) or 0
            limits += [places] if places > 0 else []  # XLNet's says -1: it has no limit
        # RoBERTa's places begin behind its padding id
        limits += [
            table.num_embeddings - table.padding_idx - 1
            for name, table in self.network.named_modules()
            if name.endswith("position_embeddings") and getattr(table, "padding_idx", None) is not None
        ]
        return min(limits) if min(limits) < 10**6 else None

    def encode(self, text: str) -> list[int]:
        """A text's ids, with the special tokens that stand around it."""
        return self._around(self._bare(text))

    def windows(self, text: str) -> list[list[int]]:
        """A text's ids in pieces that the network can read, as equal as can be, in order."""
        bare = self._bare(text)
        count = max(1, -(-len(bare) // self._room(self.context)))
        edges = [len(bare) * piece // count for piece in range(count + 1)]
        return [self._around(bare[start:end]) for start, end in pairwise(edges)]

    def beginning(self, text: str, most: int | None = None) -> list[int]:
        """A text's ids without what is beyond `most` tokens, by default the context."""
        return self._around(self._bare(text)[: self._room(most or self.context)])

    def _room(self, limit: int | None) -> int:
        """Tokens of a text that fit beside the special ones."""
        if limit is None:
            return 2**40
        room = limit - len(self._around([]))
        if room < 1:
            raise UserError(f"a text of {limit} tokens has no room beside the special tokens around it")
        return room

    def logits(self, texts: Tokens) -> Float[Tensor, "batch label"]:
        """One logit a label; `texts` are padded on the right."""
        groups = self._readable_together(texts)
        if len(groups) == 1:
            return self._read(texts)
        found = torch.cat([self._read(texts.rows(torch.tensor(rows)).right_trimmed()) for rows in groups])
        return found[torch.tensor([row for rows in groups for row in rows]).argsort()]

    def tokens(self, rows: Sequence[Sequence[int]]) -> Tokens:
        return Tokens.of(rows, self._pad_id)

    def _readable_together(self, texts: Tokens) -> list[list[int]]:
        """Rows that one pass can read: all, mostly."""
        keys = torch.zeros(len(texts), 2, dtype=torch.long)
        if not self.pads:
            keys[:, 0] = texts.lengths
        if self.network.config.is_encoder_decoder:  # reads at the last end token, and counts them
            keys[:, 1] = ((texts.ids == self.config.eos_token_id) & texts.mask).sum(dim=1)
        groups: dict[tuple[int, ...], list[int]] = {}
        for row, key in enumerate(keys.tolist()):
            groups.setdefault(tuple(key), []).append(row)
        return list(groups.values())

    def _read(self, texts: Tokens) -> Float[Tensor, "batch label"]:
        if self.config.pad_token_id is not None or self.network.config.is_encoder_decoder:
            ids = texts.ids.where(texts.mask, self._pad_id)
            return self.network(input_ids=ids, attention_mask=texts.mask.long()).logits.float()
        # A causal network without a padding token reads at the last column: that is where each text must end.
        left = padded_left(texts)
        places = {"position_ids": positions(left.mask)} if self._takes_places else {}
        self.config.pad_token_id = NO_ID
        try:
            output = self.network(input_ids=left.ids, attention_mask=left.mask.long(), **places)
        finally:
            self.config.pad_token_id = None
        return output.logits.float()

    @cached_property
    def _takes_places(self) -> bool:
        return "position_ids" in inspect.signature(self.network.forward).parameters

    @property
    def _pad_id(self) -> int:
        """What to pad with. An encoder-decoder looks for end tokens, so padding must not be one."""
        pad, end = self.config.pad_token_id, self.config.eos_token_id
        if pad is None or (self.network.config.is_encoder_decoder and pad == end):
            return 1 if end == 0 else 0
        return pad

    @torch.no_grad()
    def _masks_decide(self) -> bool:
        """Whether a short text beside a long one gets the logits that it gets alone, to rounding.

        Some networks (XLNet) read at the last column: their texts go in groups of one length.
        """
        was_training = self.network.training
        self.network.eval()
        short, long = self.encode("a"), self.encode("a b c d e f")
        alone = self._read(self.tokens([short]))
        try:
            beside = self._read(self.tokens([short, long]))[:1]
        except ValueError:  # it refuses padding
            beside = torch.full_like(alone, torch.inf)
        self.network.train(was_training)
        return torch.allclose(alone, beside, rtol=1e-3, atol=1e-4)

    def _bare(self, text: str) -> list[int]:
        """The ids of a text alone; of an empty one with nothing around it, the token that begins texts."""
        ids = self.inner.encode(text, add_special_tokens=False, verbose=False)
        return ids if ids or self._around([]) else [self._start_id()]

    def _around(self, bare: list[int]) -> list[int]:
        before, after = self._special
        ids = [*before, *bare, *after]
        end = self.config.eos_token_id
        if self.network.config.is_encoder_decoder and (not ids or ids[-1] != end):
            ids.append(end)  # where it reads
        return ids

    @cached_property
    def _special(self) -> tuple[list[int], list[int]]:
        bare, whole = self._bare("a"), self.inner.encode("a")
        start = next(at for at in range(len(whole)) if whole[at : at + len(bare)] == bare)
        return whole[:start], whole[start + len(bare) :]

    def _start_id(self) -> int:
        """What stands for an empty text where the tokenizer puts nothing around it."""
        for token in (self.inner.bos_token_id, self.inner.eos_token_id, self.inner.pad_token_id):
            if token is not None:
                return token
        raise UserError(f"the tokenizer of {self.inner.name_or_path} has no token to read an empty text by")


def padded_left(texts: Tokens) -> Tokens:
    """The same rows with their padding moved to the left."""
    order = texts.mask.to(torch.uint8).argsort(dim=1, stable=True)
    return Tokens(texts.ids.gather(1, order), texts.mask.gather(1, order))
