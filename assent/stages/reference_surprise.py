"""How surprised each policy is by what people wrote, over references that all of them can read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assent.errors import UserError
from assent.evaluation.perplexity import Surprise, bits_per_character, perplexity, surprises
from assent.evaluation.references import Figure, Sums, by_prompt, figure
from assent.models.language_model import LanguageModel
from assent.models.tokenizer import Tokenizer
from assent.stages.references import Held, between
from assent.stages.workspace import Workspace

Surprises = Sequence[Surprise | None]  # of each of `Held.pairs`; None: more than the policy can read


def read_references(
    held: Held, model: LanguageModel, tokenizer: Tokenizer, batch: int, work: Workspace
) -> list[Surprise | None]:
    """How surprised a policy is by each of `held.pairs`."""
    pairs = [(held.prompts[number], text) for number, text in held.pairs]
    return surprises(
        model, tokenizer, pairs, batch, lambda done, total: between(work, done, total, "references")
    )


def surprise_figures(
    held: Held, read: Mapping[str, Surprises], first: str, work: Workspace
) -> tuple[dict[str, dict[str, Figure]], dict[str, Any]]:
    """(Perplexity and bits a character by policy, what a reader should know of them).

    Args:
        read: what `read_references` gave, by policy. The best of several answers has no distribution.
        first: the policy that others are held against.
    """
    if not read:
        return {}, {}
    places = _read_by_all(held, read, work)
    numbers = [held.pairs[place][0] for place in places]
    place_of = {number: place for place, number in enumerate(dict.fromkeys(numbers))}
    prompts = [place_of[number] for number in numbers]
    parts = {policy: _parts(found, places) for policy, found in read.items()}
    sums = {policy: by_prompt(rows, prompts, len(place_of)) for policy, rows in parts.items()}
    like = [policy for policy in parts if first in parts and _same_tokens(parts[policy], parts[first])]
    figures = {
        policy: _both(own, sums.get(first), policy == first, policy in like) for policy, own in sums.items()
    }
    other = [policy for policy in parts if first in parts and policy not in like]
    return figures, {"too_long": len(held.pairs) - len(places), "other_tokens": other}


def _read_by_all(held: Held, read: Mapping[str, Surprises], work: Workspace) -> list[int]:
    """The references that every policy can read, by their places; others count for none."""
    places = [place for place, row in enumerate(zip(*read.values(), strict=True)) if None not in row]
    if not places:
        raise UserError(
            f"{work.name}: references: each of the {len(held.pairs)} is longer, with its prompt, than one of "
            "the policies can read: leave perplexity out of references.metrics, or shorten them"
        )
    if len(places) < len(held.pairs):
        work.warn(
            f"{work.name}: references: {len(held.pairs) - len(places)} of {len(held.pairs)} are longer, with "
            "their prompt, than one of the policies can read, and are left out of every perplexity"
        )
    return places


def _parts(found: Surprises, places: Sequence[int]) -> np.ndarray:
    chosen = (found[place] for place in places)
    return np.asarray([surprise.parts for surprise in chosen if surprise], dtype=np.float64)


def _same_tokens(one: np.ndarray, other: np.ndarray) -> bool:
    """Nats a token compare where every reference has as many tokens."""
    return np.array_equal(one[:, 1], other[:, 1])


def _both(own: Sums, first: Sums | None, is_first: bool, same_tokens: bool) -> dict[str, Figure]:
    against = None if is_first else first
    return {
        "perplexity": figure(own, perplexity, against if same_tokens else None),
        "bits_per_character": figure(own, bits_per_character, against),
    }
