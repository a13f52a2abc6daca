"""`stage: reward`, `kind: scores`: scores of the answers that were judged, without a model."""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import exp, isnan
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from assent.config import DataFile, Settings
from assent.data.batching import Item, merge_votes
from assent.data.files.jsonl import write_jsonl
from assent.data.ratings import rating_row
from assent.data.sources import comparisons
from assent.errors import UserError
from assent.functional.ranking_scores import borda, bradley_terry
from assent.records import Prompt, Rating
from assent.stages import forecasting
from assent.stages.judgement_facts import facts_of_comparisons, tell
from assent.stages.workspace import Forecast, Workspace

RESULT = "ratings.jsonl"


class Config(Settings):
    """Settings of `stage: reward`, `kind: scores`."""

    result: ClassVar[str] = RESULT

    kind: Literal["scores"] = "scores"
    preferences: DataFile
    method: Literal["bradley_terry", "borda"] = "bradley_terry"
    prior: float = Field(
        default=0.1, gt=0
    )  # of bradley_terry: votes that each answer is given over each other


def run(config: Config, work: Workspace) -> None:
    """Make `work.folder / RESULT`: a rating of 0..1 for each answer, which `ratings:` takes."""
    judged = comparisons(config.preferences)
    facts = facts_of_comparisons(judged)
    tell(facts, config.preferences, work.name, work.warn)
    items = merge_votes(judged)
    rated = [rating_row(rating) for item in items for rating in ratings_of(item, config, work.name)]
    write_jsonl(work.folder / RESULT, rated)
    work.progress(len(items), len(items), f"{len(rated)} ratings")


def ratings_of(item: Item, config: Config, where: str) -> Iterator[Rating]:
    """The answers of an item with their scores; one that nobody compared has none, and is left out.

    Raises:
        UserError: the prior is so small that no maximum is found.
    """
    wins = votes_between(item)
    try:
        scores = borda(wins) if config.method == "borda" else bradley_terry(wins, config.prior)
    except ValueError as error:
        raise UserError(f"{where}: prior: the answers to {item.prompt.text!r:.80}: {error}") from None
    met = (wins + wins.T).sum(axis=1)
    for text, found, votes in zip(item.candidates, scores.tolist(), met.tolist(), strict=True):
        if votes == 0 or isnan(found):
            continue
        meta: dict[str, Any] = {**item.prompt.meta, "method": config.method, "votes": votes}
        if config.method == "bradley_terry":
            meta["log_strength"] = found
        prompt = Prompt(item.prompt.text, item.prompt.messages, item.prompt.id, meta)
        yield Rating(prompt, text, found if config.method == "borda" else chance(found), (0.0, 1.0))


def chance(log_strength: float) -> float:
    """To win against an answer of the item's mean log-strength, which is 0."""
    return 1 / (1 + exp(-log_strength))


def votes_between(item: Item) -> Float[np.ndarray, "candidate candidate"]:
    """[i, j]: how often i was put over j by everyone who judged the item; a tie is half either way."""
    wins = np.zeros((len(item.candidates), len(item.candidates)))
    pairs = Counter(pair for said in item.said for pair in said.pairwise)
    for (left, right, winner), count in pairs.items():
        wins[left, right] += count * (0.5 if winner is None else winner == left)
        wins[right, left] += count * (0.5 if winner is None else winner == right)
    return wins


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    rows = forecasting.rows(config.preferences, inputs)
    return forecasting.with_rows(Forecast(), 2 * rows, 1000.0 * rows)
