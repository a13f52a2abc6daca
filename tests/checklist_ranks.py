"""What each of several processes does with the policies of checklist_models.py."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from checklist_models import (
    ASKED,
    VARIANTS,
    Party,
    Variant,
    experience_of,
    gradient,
    modules_of,
    party_of,
    rows_of,
)
from torch import Tensor

from assent.batch import Experience, Rollout
from assent.records import Prompt
from assent.stages.policy_config import Config
from assent.stages.policy_players import questions_of
from assent.training import parallel
from assent.training.checkpoint import Checkpoint
from assent.training.learner import Learner, Optimiser
from assent.training.policy_memory import PolicyMemory
from assent.training.policy_settings import PPOConfig
from assent.training.ppo import ppo_credit, train_policy
from assent.training.rollouts import Questions


def first_step(
    party: Party, questions: Callable[[int], Questions], folder: Path
) -> tuple[Questions, Experience]:
    """What the loop asks in its step 0, and what it learns from."""
    asked: list[Questions] = []
    credited: list[Experience] = []

    def credit(rollout: Rollout, scores: Tensor, config: PPOConfig, kl_coef: float) -> Experience:
        credited.append(ppo_credit(rollout, scores, config, kl_coef))
        return credited[-1]

    learner = Learner(modules_of(party.players), 1e-9, Optimiser(), 9, party.config.micro_batch)
    memory = PolicyMemory(learner, party.config)
    train_policy(
        party.players,
        questions,
        memory,
        Checkpoint(folder, memory, lambda _: None, lambda: False),
        party.config,
        lambda _step, _stats, _rollout, questions: asked.append(questions),
        steps=1,
        seed=0,
        credit=credit,
    )
    return asked[0], credited[0]


def share_of_a_rank(variant: Variant, folder: Path, out: Path) -> dict[str, Any]:
    """What one rank asks, is answered and credited in step 0; and the gradient of 64 answers, shared out."""
    party = party_of(variant, folder)
    named = {"model": "m", "prompts": "p", "rewards": [{"function": "f.py:f"}]}
    config = Config.model_validate(named | {"batch": 12})
    records = [Prompt(f"{text} {n}") for n, text in enumerate(ASKED * 4)]
    asked, experience = first_step(party, questions_of(config, records, party.tokenizer), out / f"{variant}")
    # The same prompts on every rank: here only chance tells ranks apart
    _, other = first_step(party, lambda _: party.questions(), out / f"{variant}-same")
    mine = experience_of(party, 64).rows(torch.arange(parallel.rank(), 64, parallel.ranks()))
    k1 = experience.rollout.logprobs - experience.rollout.ref_logprobs
    return {
        "asked": [prompt.text for prompt in asked.records],
        "answers": rows_of(other.rollout.prompts, other.rollout.responses),
        "mask": experience.rollout.responses.mask,
        "advantages": experience.advantages,
        "returns": experience.returns,
        "own": party.config.kl_coef * (k1 - experience.rollout.kl),  # a token's own choice is charged by k1
        "values": experience.rollout.values,
        "gradient": gradient(party, mine, 32),
    }


def on_a_rank(rank: int, ranks: int, port: int, folders: dict[str, Path], out: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=ranks)
    try:
        mine = out / str(rank)
        shares = {str(each): share_of_a_rank(each, folders[each.family], mine) for each in VARIANTS}
        torch.save(shares, out / f"rank-{rank}")
    finally:
        dist.destroy_process_group()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]
