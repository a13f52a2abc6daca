"""Raise the reward without leaving the reference: PPO and its kin on a sum of rewards, or DPO on choices."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from assent.config import Settings
from assent.data.sources import prompts
from assent.data.stream import held_out
from assent.errors import Stopped, UserError
from assent.models.heads import OwnCritic, RewardModel
from assent.models.language_model import LanguageModel
from assent.models.load import load, save, save_reward
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt
from assent.rewards.composite import Part
from assent.stages import forecasting, preference_policy
from assent.stages.common import check_lengths, checkpoint
from assent.stages.judgement_facts import tell_repeats
from assent.stages.policy_config import Config
from assent.stages.policy_guard import Looks
from assent.stages.policy_log import PolicyLog
from assent.stages.policy_players import (
    MOST_EVALUATED_PROMPTS,
    HeldOut,
    held_out_of,
    players_of,
    questions_of,
)
from assent.stages.preference_policy import Direct
from assent.stages.pretraining_mix import mixing_of
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import seed_of
from assent.training.convergence import Watch
from assent.training.group import CREDITS
from assent.training.learner import Learner
from assent.training.looks import FEWEST_PROMPTS
from assent.training.overoptimisation import Guard
from assent.training.policy_memory import PolicyMemory
from assent.training.ppo import ppo_credit, train_policy
from assent.training.rollouts import Players

VERSION = 2
RESULT = "model"
TRAINS_ON = ("prompts", "preferences")
ALGORITHMS = ("ppo", *CREDITS, "dpo")
MESSAGE = "message.txt"  # read by reports: what the doctor found, and why training ended before its last step


def config_class(values: Mapping[str, Any], where: str) -> type[Settings]:
    """The settings that `algorithm` asks for. Raises UserError where it is none."""
    algorithm = values.get("algorithm", "ppo")
    if algorithm not in ALGORITHMS:
        raise UserError(f"{where}: algorithm: expected {', '.join(ALGORITHMS)}, found {algorithm!r}")
    if algorithm == "dpo" and values.get("guard") is not None:
        raise UserError(
            f"{where}: guard: dpo has no reward that could be over-optimised, and draws no answers while it "
            "learns: leave it out; judges of an `evaluate` stage look at the result"
        )
    return Direct if algorithm == "dpo" else Config


def run(config: Config | Direct, work: Workspace) -> None:
    if isinstance(config, Direct):
        preference_policy.run(config, work)
        return
    _check_ranks(config, work.name)
    torch.manual_seed(seed_of(config.seed, "adapters"))  # a low-rank adapter begins at random
    model, tokenizer = load(config.readable, config.lora, config.template)
    model.to(parallel.device()).eval()  # no dropout: a ratio compares policies, not dropout masks
    if config.gradient_checkpointing:
        model.recompute()
    learned_from, unseen = _prompts(config, model, tokenizer, work)
    players, parts = players_of(config, work, model, tokenizer, [*learned_from, *unseen])
    steps = config.updates_of(len(learned_from))
    learner = _learner(config, players, steps)
    watch = _watch(config, held_out_of(config, players, unseen, tokenizer), parts, learner, steps, work)
    memory = PolicyMemory(learner, config, watch)
    log = PolicyLog(work, parts, tokenizer, steps, config.until.stop_when_severe)
    ended = ""
    try:
        train_policy(
            players,
            questions_of(config, learned_from, tokenizer),
            memory,
            checkpoint(work, memory),
            config,
            log,
            steps=steps,
            seed=config.seed,
            credit=CREDITS.get(config.algorithm, ppo_credit),
            mixing=config.mix and mixing_of(config.mix, model, tokenizer, config.seed, work.name),
        )
    except Stopped as stopped:
        if watch.best_step is None or log.ill_since(watch.best_step):
            raise
        ended = str(stopped)
    if not watch.go_back(bool(ended)) and config.until.max_kl is not None:
        raise Stopped(
            f"no evaluation was within until.max_kl {config.until.max_kl}: raise kl_coef or max_kl, or lower "
            "learning_rate"
        )
    _tell(work, [*map(str, log.found), ended, watch.ending(steps)])
    save(model, tokenizer, work.folder / RESULT, kind="policy")
    _save_critic(players, tokenizer, work)


def _watch(
    config: Config,
    held_out: Callable[[], HeldOut],
    parts: Sequence[Part],
    learner: Learner,
    steps: int,
    work: Workspace,
) -> Watch | Guard:
    """Who evaluates. With a guard its judges decide what is best, for `until` too."""
    folder, guard = work.folder / "checkpoints", config.guard

    def evaluate() -> tuple[float, float | None]:
        seen = held_out()
        return float(seen.scores.mean()), seen.kl

    if guard is None:
        return Watch(config.until, learner, folder, evaluate)
    looks = Looks(guard, held_out, parts, work)
    watch = Watch(config.until, learner, folder, looks.evaluate, by="judge")

    def tell(words: str) -> None:
        work.warn(f"{work.name}: {words}")

    return Guard(guard, learner, looks, steps, folder, tell, watch)


def _save_critic(players: Players, tokenizer: Tokenizer, work: Workspace) -> None:
    """A head beside the states that it reads, or a folder such as a reward model's."""
    critic = players.critic
    if isinstance(critic, OwnCritic):
        save_reward(RewardModel(critic.body, critic.head), tokenizer, work.folder / "critic")
    elif critic is not None:
        save_file(critic.head.state_dict(), work.folder / RESULT / "value_head.safetensors")


def _tell(work: Workspace, lines: Sequence[str]) -> None:
    """What a reader of the report should know of the training, each thing once."""
    said = [line for line in dict.fromkeys(lines) if line]
    if said:
        (work.folder / MESSAGE).write_text("\n".join(said), encoding="utf-8")


def _prompts(
    config: Config, model: LanguageModel, tokenizer: Tokenizer, work: Workspace
) -> tuple[list[Prompt], list[Prompt]]:
    """(those to learn from, those that are only evaluated on)"""
    asked, where = prompts(config.prompts), work.name
    tell_repeats(asked, config.prompts, where, work.warn)
    check_lengths(asked, config.sampling, model, tokenizer, where)
    share = _share(config)
    unseen = held_out([prompt.text for prompt in asked], share, config.seed)
    sides = ([], [])
    for prompt, out in zip(asked, unseen, strict=True):
        sides[out].append(prompt)
    if share and not sides[1]:
        raise UserError(
            f"{where}: {'guard' if config.guard else 'until.every'}: the prompts of {config.prompts} are all "
            "the same, so none can be held out: add others, or leave it out"
        )
    if config.guard and len(sides[1]) < FEWEST_PROMPTS:
        raise UserError(
            f"{where}: guard: {len(sides[1])} of {len(asked)} prompts are held out, too few to tell a fall "
            f"from chance: {FEWEST_PROMPTS} are the least: raise guard.held_out, or give more prompts"
        )
    return sides


def _share(config: Config) -> float:
    """Of the prompts, those that are held out: `until` and a guard look at the same ones."""
    shares = [config.until.held_out] * bool(config.until.every)
    return max(shares + ([config.guard.held_out] if config.guard else []), default=0.0)


def _check_ranks(config: Config, where: str) -> None:
    for key in ("batch", "minibatch"):
        if getattr(config, key) % parallel.ranks():
            raise UserError(
                f"{where}: {key}: {getattr(config, key)} is no multiple of {parallel.ranks()} ranks"
            )


def _learner(config: Config, players: Players, steps: int) -> Learner:
    modules: dict[str, nn.Module] = {"policy": players.policy}
    if players.critic is not None:
        modules["critic"] = players.critic
    updates = steps * config.epochs * -(-config.batch // config.minibatch)
    factors = {"critic": config.credit.value_rate}
    return Learner(modules, config.learning_rate, config.optimiser, updates, config.micro_batch, factors)


def forecast(config: Config | Direct, inputs: Mapping[str, Forecast]) -> Forecast:
    if isinstance(config, Direct):
        return preference_policy.forecast(config, inputs)
    model = forecasting.model(config.model, inputs)
    parameters, layers = model.parameters or 0.0, model.layers or 1
    asked = forecasting.rows(config.prompts, inputs)
    steps = config.updates_of(asked)
    answers = steps * config.batch
    looked_at = _looked_at(config, asked, steps)
    drawing = forecasting.answering(answers + looked_at, config.batch, config.sampling, model)
    tokens = answers * (64 + config.sampling.max_new_tokens)
    networks = 1 if config.critic == "shared" else 2  # that learn
    beside = config.guard.judge if config.guard else []
    judges = sum(part.model is not None for part in [*config.rewards, *beside])
    copies = judges + (not config.lora and config.kl_coef > 0)
    learns = 0.02 if config.lora else 1.0
    pieces = -(-config.batch // config.micro_batch)
    passes = steps * pieces * (1 + networks + judges + 3 * networks * config.epochs)
    recomputed = 1 if config.gradient_checkpointing else 0
    learning = Forecast(
        flops=((6 + 2 * recomputed) * networks * config.epochs + 2 * (1 + networks + judges))
        * parameters
        * tokens,
        calls=passes * layers,
        memory_bytes=(4 * (networks + copies) + forecasting.ADAM_BYTES * networks * learns) * parameters,
        disk_bytes=(4 + 2 * forecasting.ADAM_BYTES * networks * learns) * parameters,
    )
    work = forecasting.total([drawing, learning])
    return forecasting.with_length(
        work, steps, steps * config.prompts_a_step / asked if asked else None, model
    )


def _looked_at(config: Config, asked: int, steps: int) -> float:
    """Answers that are only evaluated: by `until`, and by a guard, which looks before the first step too."""
    looks = steps / config.until.every if config.until.every else 0.0
    if config.guard is not None:
        looks += 1 + steps / config.guard.every
    return looks * min(MOST_EVALUATED_PROMPTS, asked * _share(config))
