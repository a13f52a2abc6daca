"""Judgements -> something that scores answers, and how far to trust it. `kind` says what learns."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from assent.config import Settings
from assent.errors import UserError
from assent.stages import classes_reward, linear_reward, measured_reward, neural_reward, ranking_scores
from assent.stages.workspace import Forecast, Workspace

VERSION = 2
RESULT = "model"
TRAINS_ON = ("preferences", "ratings")  # not what `classes` learns from: labelled texts are not prompts

# Each has Config, run and forecast, as a stage has; a Config may name another `result`.
KINDS: Mapping[str, ModuleType] = {
    "measured": measured_reward,
    "neural": neural_reward,
    "scores": ranking_scores,
    "linear": linear_reward,
    "classes": classes_reward,
}
Config = neural_reward.Config


def config_class(values: Mapping[str, Any], where: str) -> type[Settings]:
    """The settings of the `kind` that a recipe asks for. Raises UserError where there is none."""
    kind = values.get("kind", "neural")
    if kind not in KINDS:
        raise UserError(f"{where}: kind: expected {', '.join(KINDS)}, found {kind!r}")
    return KINDS[kind].Config


def run(config: Any, work: Workspace) -> None:
    KINDS[config.kind].run(config, work)


def forecast(config: Any, inputs: Mapping[str, Forecast]) -> Forecast:
    return KINDS[config.kind].forecast(config, inputs)
