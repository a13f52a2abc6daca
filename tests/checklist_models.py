"""Eight tiny policies with all their parties, and what transformers alone says of the same rows.

The rows are causal and encoder-decoder, full and LoRA; whatever else varies is combined pairwise: an
orthogonal array of strength 2, so any two choices of two kinds meet in one of the eight.
"""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from tiny_folders import tiny_folder
from torch import Tensor

from assent.batch import Experience, Rollout, Tokens
from assent.models.heads import Critic, OwnCritic, SharedCritic
from assent.models.language_model import LanguageModel
from assent.models.load import LoRA, adapted, load, reference_of
from assent.models.sampler import Sampling, sample
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt
from assent.training.checkpoint import generator_of
from assent.training.learner import Learner, Optimiser
from assent.training.policy_settings import PPOConfig
from assent.training.ppo import ppo_terms
from assent.training.rollouts import Players, Questions, collect

DROPOUT = {  # every share that the family's config knows: each of these policies must do without
    "gpt2": ("resid_pdrop", "embd_pdrop", "attn_pdrop"),
    "llama": ("attention_dropout",),
    "t5": ("dropout_rate",),
    "bart": ("dropout", "attention_dropout", "activation_dropout", "encoder_layerdrop", "decoder_layerdrop"),
    "opt": ("dropout", "attention_dropout", "layerdrop"),
}
ASKED = ["She", "One day, she saw", "The ball", "Once upon a time, there was", "", "a big, red ball"]


@dataclass(frozen=True)
class Variant:
    family: str
    adapters: bool
    critic: Literal["shared", "own"]
    micro_batch: int
    estimator: Literal["k1", "k2", "k3", "full"]

    @property
    def is_encoder_decoder(self) -> bool:
        return self.family in ("t5", "bart")

    @property
    def lora(self) -> LoRA | None:
        return LoRA(rank=2, dropout=0.5) if self.adapters else None

    def __str__(self) -> str:
        weights = "lora" if self.adapters else "full"
        return f"{self.family}-{weights}-{self.critic}-{self.micro_batch}-{self.estimator}"


VARIANTS = [
    Variant("gpt2", False, "shared", 3, "k1"),
    Variant("llama", False, "own", 8, "k2"),
    Variant("gpt2", True, "shared", 8, "k3"),
    Variant("llama", True, "own", 3, "full"),
    Variant("t5", True, "own", 8, "k1"),
    Variant("bart", True, "shared", 3, "k2"),
    Variant("t5", False, "own", 3, "k3"),
    Variant("bart", False, "shared", 8, "full"),
]


def folder_with_dropout(family: str, path: Path) -> Path:
    """A tiny folder whose config asks for dropout of one half wherever the family has any."""
    config = tiny_folder(family, path) / "config.json"
    known = json.loads(config.read_text())
    config.write_text(json.dumps(known | dict.fromkeys(DROPOUT.get(family, ()), 0.5)))
    return path


@dataclass(frozen=True)
class Party:
    """A policy that has moved away from its reference, and its parties."""

    players: Players
    tokenizer: Tokenizer
    config: PPOConfig
    original: Any  # the network as transformers loads it, which nothing here trains

    def questions(self, rows: int = 8) -> Questions:
        records = [Prompt(ASKED[row % len(ASKED)]) for row in range(rows)]
        return Questions(records, self.tokenizer.prompts(records)[0])

    def rollout(self, rows: int = 8) -> Rollout:
        return collect(self.players, self.questions(rows), self.config, generator_of(5))


@cache
def read_once(folder: Path) -> tuple[LanguageModel, Tokenizer]:
    return load(str(folder))


def policy_of(variant: Variant, folder: Path) -> LanguageModel:
    """A model of its own, as `load` gives it."""
    model = LanguageModel(copy.deepcopy(read_once(folder)[0].network))
    return adapted(model, variant.lora).eval() if variant.lora else model.eval()


def party_of(variant: Variant, folder: Path, moves: bool = True, **changes: Any) -> Party:
    """`moves`: by a little, and at random, in all that learns."""
    torch.manual_seed(11)
    original, tokenizer = copy.deepcopy(read_once(folder)[0].network), read_once(folder)[1]
    model = policy_of(variant, folder)
    reference, critic = reference_of(model), _critic(variant, folder, model)
    if moves:
        moved(model, by=0.1 if variant.adapters else 0.02)  # a step of an adapter is a small one
    config = PPOConfig(
        **{
            "steps": 2,
            "batch": 8,
            "minibatch": 4,
            "micro_batch": variant.micro_batch,
            "epochs": 2,
            "learning_rate": 1e-2,
            "kl_coef": 0.3,
            "kl": {"estimator": variant.estimator},
            "sampling": Sampling(max_new_tokens=5, temperature=0.7),
            **changes,
        }
    )
    party = Party(Players(model, reference, critic, parity, -1), tokenizer, config, original)
    end_id = often_written(model, party.questions().tokens, config.sampling)
    return replace(party, players=replace(party.players, end_id=end_id))


def _critic(variant: Variant, folder: Path, model: LanguageModel) -> Critic:
    if variant.critic == "shared":
        critic = SharedCritic(model.width)
    else:
        critic = OwnCritic(policy_of(variant, folder))
    torch.nn.init.normal_(critic.head.linear.weight, std=0.5)
    torch.nn.init.constant_(critic.head.linear.bias, 0.25)
    return critic.eval()


@torch.no_grad()
def moved(model: torch.nn.Module, by: float) -> None:
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.add_(by * torch.randn_like(parameter))


def often_written(model: LanguageModel, asked: Tokens, sampling: Sampling) -> int:
    """The token that stands most often before the last place: as the end, it cuts some answers short."""
    written = sample(model, asked, sampling, -1, generator_of(5)).responses.ids
    return int(written[:, :-1].flatten().mode().values)


def parity(asked: Sequence[Prompt], responses: Tokens) -> tuple[Tensor, Tensor]:
    """A toy reward: the share of odd ids, less one half."""
    odd = ((responses.ids % 2 == 1) & responses.mask).sum(dim=1) / responses.lengths - 0.5
    return odd, odd[:, None]


@torch.no_grad()
def own_reading(network: Any, prompt: list[int], response: list[int]) -> tuple[Tensor, Tensor]:
    """(what the network's own head is given, its logits) at the R + 1 prefixes of one bare row."""
    given: list[Tensor] = []
    hook = network.get_output_embeddings().register_forward_pre_hook(lambda _, args: given.append(args[0][0]))
    try:
        if network.config.is_encoder_decoder:
            read = torch.tensor([[network.config.decoder_start_token_id, *response]])
            logits = network(input_ids=torch.tensor([prompt]), decoder_input_ids=read).logits[0]
        else:
            logits = network(input_ids=torch.tensor([prompt + response])).logits[0]
    finally:
        hook.remove()
    return given[0][-len(response) - 1 :], logits[-len(response) - 1 :]


def rows_of(prompts: Tokens, responses: Tokens) -> list[tuple[list[int], list[int]]]:
    """The ids of each row, without padding."""
    return [
        (p[pm].tolist(), r[rm].tolist())
        for p, pm, r, rm in zip(prompts.ids, prompts.mask, responses.ids, responses.mask, strict=True)
    ]


def experience_of(party: Party, rows: int) -> Experience:
    """Random answers to random prompts, of all lengths, with targets that no clip and no sign leaves out."""
    generator = torch.Generator().manual_seed(3)

    def numbers(scale: float) -> Tensor:
        return scale * torch.randn(mask.shape, generator=generator)

    lengths = torch.randint(1, 6, (rows, 2), generator=generator).tolist()
    texts = [[torch.randint(20, 250, (n,), generator=generator).tolist() for n in row] for row in lengths]
    prompts = Tokens.of([p for p, _ in texts], party.tokenizer.pad_id, side="left")
    responses = Tokens.of([r for _, r in texts], party.tokenizer.pad_id)
    mask = responses.mask
    with torch.no_grad():
        states = party.players.policy.states(prompts, responses)
        logprobs, _ = party.players.policy.token_logprobs(
            states, responses, party.config.sampling.temperature
        )
        assert party.players.critic is not None
        values = party.players.critic.values(states, prompts, responses)
    scores = torch.randn(rows, generator=generator)
    old = Rollout(
        prompts=prompts,
        responses=responses,
        logprobs=logprobs + numbers(0.3),
        ref_logprobs=logprobs,
        kl=numbers(0.1),
        values=values + numbers(0.3),
        ended=torch.ones(rows, dtype=torch.bool),
        scores=scores,
        parts=scores[:, None],
    )
    return Experience(old, numbers(1.0).where(mask, 0.0), numbers(1.0).where(mask, 0.0))


def modules_of(players: Players) -> dict[str, torch.nn.Module]:
    both = {"policy": players.policy, "critic": players.critic}
    return {name: module for name, module in both.items() if module is not None}


def gradient(party: Party, batch: Experience, micro_batch: int) -> dict[str, Tensor]:
    """The gradient of one update, caught before the update clears it."""
    learner = Learner(modules_of(party.players), 0.0, Optimiser(clip_norm=1e9), 1, micro_batch)
    caught: dict[str, Tensor] = {}

    def catch(*_: Any) -> None:
        caught.update({n: p.grad.clone() for n, p in learner.parameters.items() if p.grad is not None})

    learner.optimiser.register_step_pre_hook(catch)
    learner.step(batch, lambda micro: ppo_terms(party.players, micro, party.config))
    return caught
