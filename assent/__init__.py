"""assent: the whole loop of learning from human feedback.

`from assent import PPO, PPOConfig` updates a policy a step at a time, with scores from anywhere. These names
are looked up on first use (PEP 562), so that `assent --help` need not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assent.models.load import LoRA
    from assent.stages.interactive import PPO
    from assent.training.policy_settings import PPOConfig

__version__ = "0.1.0"
__all__ = ["PPO", "LoRA", "PPOConfig"]

_PLACES = {
    "PPO": "assent.stages.interactive",
    "PPOConfig": "assent.training.policy_settings",
    "LoRA": "assent.models.load",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'assent' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
