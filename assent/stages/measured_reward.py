"""`stage: reward`, `kind: measured`: nothing is trained; rewards that are there are held against people."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from assent.config import DataFile, Settings
from assent.data.ratings import ratings
from assent.data.sources import comparisons
from assent.rewards.composite import Part, judge, normalised
from assent.rewards.reward import Reward
from assent.stages import forecasting
from assent.stages.reward_parts import RewardPart, load_parts
from assent.stages.trust import Judged, Trust, tell_doubt, trust_report
from assent.stages.workspace import Forecast, Workspace

RESULT = "reward.json"
OF_A_PART = ("accuracy", "ci_low", "ci_high", "n", "ece", "ratings", "rankings", "length_bias")


class Config(Settings):
    """Settings of `stage: reward`, `kind: measured`. Judgements that a part was trained on prove nothing."""

    result: ClassVar[str] = RESULT
    trains_on: ClassVar[tuple[str, ...]] = ()  # these judgements are looked at, and taught to nobody
    kind: Literal["measured"] = "measured"
    rewards: list[RewardPart] = Field(min_length=1)
    preferences: DataFile | None = None
    ratings: DataFile | None = None
    trust: Trust = Trust()

    @model_validator(mode="after")
    def _something_to_hold_against(self) -> "Config":
        if self.preferences is None and self.ratings is None:
            raise ValueError("give preferences, ratings or both: what people said of the answers")
        return self


def run(config: Config, work: Workspace) -> None:
    judged = Judged(
        comparisons(config.preferences) if config.preferences else (),
        ratings(config.ratings) if config.ratings else (),
    )
    parts = _on_one_scale(config.rewards, load_parts(config.rewards, work), judged)
    facts = trust_report(_sum_of(parts), judged, config.trust, work.name)
    if len(parts) > 1:
        facts["parts"] = [
            {"name": part.name, "weight": part.weight} | _headline(part, judged, config.trust)
            for part in parts
        ]
    (work.folder / RESULT).write_text(json.dumps(facts, indent=2), encoding="utf-8")
    tell_doubt(facts, work)


def _on_one_scale(settings: Sequence[RewardPart], parts: Sequence[Part], judged: Judged) -> list[Part]:
    """Parts that ask for it are normalised on the judged answers, since no policy's answers are at hand."""
    asked = [(c.prompt.text, text) for c in judged.comparisons for text in c.candidates]
    asked += [(rating.prompt.text, rating.response) for rating in judged.ratings]
    once = list(dict.fromkeys(asked))
    prompts, texts = [prompt for prompt, _ in once], [text for _, text in once]
    if len(parts) == 1 and parts[0].clip is None:  # a scale changes no comparison, and its own says more
        return list(parts)
    return [
        normalised(part, part.raw(prompts, texts)) if wanted.normalises else part
        for wanted, part in zip(settings, parts, strict=True)
    ]


def _sum_of(parts: Sequence[Part]) -> Reward:
    if len(parts) == 1 and parts[0].weight == 1 and parts[0].clip is None:
        return parts[0].reward  # an ensemble keeps its members
    return lambda prompts, responses: judge(parts, prompts, responses).scores.tolist()


def _headline(part: Part, judged: Judged, settings: Trust) -> dict[str, Any]:
    """What one part is worth alone. Swaps and words are left to the whole."""
    brief = settings.model_copy(update={"group_texts": 0, "attributions": 0, "worst": 0})
    facts = trust_report(part.raw, judged, brief, part.name)
    return {key: facts.get(key) for key in OF_A_PART}


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    files = [source for source in (config.preferences, config.ratings) if source is not None]
    return Forecast(rows=sum(round(forecasting.rows(source, inputs)) for source in files))
