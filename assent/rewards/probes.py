"""What a reward does when a text is changed a little: groups swapped, words left out."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from assent.rewards.groups import Axis
from assent.rewards.reward import Reward, checked


@dataclass(frozen=True)
class Swapped:
    """Scores of the same texts with each group's words: Float[text group]; clusters: Sequence[text]."""

    scores: np.ndarray
    clusters: list[Hashable]


def swapped(reward: Reward, texts: Sequence[tuple[str, str]], axis: Axis, most: int, where: str) -> Swapped:
    """The first `most` of the (prompt, answer) texts that speak of a group of the axis, for each group.

    Raises:
        RewardError: as the reward does.
    """
    found: list[list[tuple[str, ...]]] = []
    clusters: list[Hashable] = []
    for prompt, answer in texts:
        versions = axis.versions(prompt, answer) if len(found) < most else None
        if versions is not None:
            found.append(versions)
            clusters.append(prompt or answer)  # where nothing is asked, answers are independent
    return Swapped(_scores(reward, found, len(axis.groups), where), clusters)


def swapped_templates(reward: Reward, axis: Axis, where: str) -> Swapped:
    """The axis's own neutral sentences, scored for each group."""
    found: list[list[tuple[str, ...]]] = []
    clusters: list[Hashable] = []
    for cluster, sentence in axis.sentences():
        versions = axis.versions(sentence)
        if versions is not None:
            found.append([(axis.prompt, *version) for version in versions])
            clusters.append(cluster)
    return Swapped(_scores(reward, found, len(axis.groups), where), clusters)


def _scores(
    reward: Reward, found: Sequence[Sequence[tuple[str, ...]]], groups: int, where: str
) -> np.ndarray:
    flat = [version for versions in found for version in versions]
    if not flat:
        return np.empty((0, groups))
    scores = reward([prompt for prompt, _ in flat], [answer for _, answer in flat])
    return np.asarray(checked(where, scores, len(flat))).reshape(len(found), groups)


@dataclass(frozen=True)
class Weighed:
    """An answer word by word. `effects[i]` is what the score loses without word i; None: not measured."""

    score: float
    pieces: list[str]  # the words, each with the space before it
    effects: list[float | None]


def weighed(reward: Reward, prompt: str, answer: str, most: int, where: str) -> Weighed:
    """score(answer) - score(answer without the word), for its first `most` words.

    Leaving out one word at a time: arXiv:1612.08220, after the occlusion of arXiv:1311.2901. Words that
    say the same thing twice hide one another, and an answer without a word may be one that nobody writes.

    Raises:
        RewardError: as the reward does.
    """
    pieces = re.findall(r"\s*\S+|\s+$", answer)
    words = [place for place, piece in enumerate(pieces) if piece.strip()][:most]
    without = ["".join(pieces[:place] + pieces[place + 1 :]) for place in words]
    texts = [answer, *without]
    whole, *left = checked(where, reward([prompt] * len(texts), texts), len(texts))
    effects: list[float | None] = [None] * len(pieces)
    for place, score in zip(words, left, strict=True):
        effects[place] = whole - score
    return Weighed(whole, pieces, effects)
