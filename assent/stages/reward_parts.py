"""The rewards that a recipe may name, each ready to judge text."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator

from assent.config import ModelSource, PythonFunction, Settings, Source
from assent.errors import UserError
from assent.models.classifier_files import load_classifier
from assent.rewards.classifier import ClassifierPart, ClassifierReward
from assent.rewards.composite import Part
from assent.rewards.function import reward_function
from assent.rewards.human import Human
from assent.rewards.judge import named
from assent.rewards.judge_settings import ScoringJudge
from assent.rewards.learned import LearnedReward, Longer
from assent.rewards.reward import Ensemble, Reward
from assent.rewards.rules import Rule
from assent.rewards.saved import saved_reward
from assent.stages.judge_part import judge_part
from assent.stages.rule_part import human_part, rule_part
from assent.stages.workspace import Workspace
from assent.training import parallel

KINDS = ("model", "function", "judge", "classifier", "rule", "human")  # a part is exactly one of these


class RewardPart(Settings):
    """One source of reward in a recipe. It counts as `weight` times its score."""

    model: ModelSource | None = None  # what a `reward` stage made
    function: PythonFunction | None = None
    classifier: ClassifierPart | None = None  # any text classifier, one label
    judge: ScoringJudge | None = None  # an LLM behind an OpenAI-compatible address
    rule: Rule | None = None  # length, repetition, format, words, exact_match, tests_pass
    human: Human | None = None  # a live person
    ensemble: Ensemble = Ensemble()  # of a model with members: what their judgements are worth together
    longer: Longer = "refuse"  # answers that a model cannot read to their end: refuse, or cut their middle
    weight: float = 1.0
    name: str | None = None  # in reports; by default the stage, file or function it is
    normalise: bool | None = None  # to mean 0 and deviation 1 on reference answers; default: models only
    clip: float | None = Field(default=None, gt=0)  # scores, normalised if they are, stay within +- this

    @model_validator(mode="after")
    def _one_source(self) -> "RewardPart":
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(KINDS)}, found {' and '.join(given) or 'none'}")
        for key in ("ensemble", "longer"):
            if self.model is None and getattr(self, key) != RewardPart.model_fields[key].default:
                raise ValueError(f"{key}: only a reward with `model` has it: leave it out")
        return self

    def load(self, work: Workspace) -> Part:
        """The reward, ready to judge, not normalised yet."""
        return Part(self.name or self._own_name(work), self.weight, self._reward(work), clip=self.clip)

    def _reward(self, work: Workspace) -> Reward:
        if self.function is not None:
            return reward_function(self.function)
        if self.judge is not None:
            return judge_part(self.judge, self.name or self._own_name(work), work)
        if self.classifier is not None:
            classifier = load_classifier(self.classifier.readable).to(parallel.device())
            return ClassifierReward(classifier, self.classifier)
        if self.rule is not None:
            return rule_part(self.rule)
        if self.human is not None:
            return human_part(self.human, self.name or self._own_name(work), work)
        assert self.model is not None  # _one_source
        name = self.name or self._own_name(work)
        reward = saved_reward(self.model, self.ensemble, longer=self.longer, name=name)
        return reward.to(parallel.device()) if isinstance(reward, LearnedReward) else reward

    def _own_name(self, work: Workspace) -> str:
        if self.judge is not None:
            return named(self.judge)
        if self.classifier is not None:
            return self.classifier.own_name(work.names)
        if self.rule is not None or self.human is not None:
            return self.rule.kind if self.rule else "human"
        source: Source | None = self.model or self.function
        assert source is not None  # _one_source
        return work.names.get(source) or short_name(source)

    @property
    def normalises(self) -> bool:
        return self.model is not None if self.normalise is None else self.normalise


def short_name(source: str) -> str:
    """`gold` for `assent.demo.gold:score`... the last word that tells things apart."""
    place, _, attribute = source.rpartition(":")
    return f"{Path(place).stem}:{attribute}" if place else Path(source).name


def load_parts(parts: Sequence[RewardPart], work: Workspace, key: str = "rewards") -> list[Part]:
    """Every reward, ready to judge. Raises UserError where two have one name, which would be mixed up."""
    loaded = [part.load(work) for part in parts]
    names = [part.name for part in loaded]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise UserError(f"{work.name}: {key}: two are called {twice[0]}: give one a `name`")
    return loaded
