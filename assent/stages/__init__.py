"""Recipes for single stages: the only place where the rooms meet."""

from collections.abc import Mapping
from types import ModuleType

from assent.stages import annotate, evaluate, finetune, policy, pretrain, reward, sample

STAGES: Mapping[str, ModuleType] = {
    "pretrain": pretrain,
    "finetune": finetune,
    "sample": sample,
    "annotate": annotate,
    "reward": reward,
    "policy": policy,
    "evaluate": evaluate,
}
