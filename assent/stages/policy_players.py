"""Who takes part in policy optimisation: policy, reference, critic, and the rewards that judge."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from assent.batch import Tokens
from assent.data.stream import Stream
from assent.errors import UserError
from assent.models.encoder import TextEncoder
from assent.models.heads import OwnCritic, SharedCritic
from assent.models.language_model import LanguageModel
from assent.models.load import adapted, load, load_reward, reference_of
from assent.models.sampler import sample
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt
from assent.rewards.composite import Part, judge, normalised
from assent.rewards.learned import LearnedEnsemble, LearnedReward
from assent.stages.policy_config import Config
from assent.stages.reward_parts import load_parts
from assent.stages.workspace import Workspace
from assent.training import parallel
from assent.training.checkpoint import generator_of
from assent.training.rollout_summary import kl_per_answer
from assent.training.rollouts import Players, Questions, Scores, collect

MOST_EVALUATED_PROMPTS = 256  # enough for a steady mean, and cheap


def players_of(
    config: Config, work: Workspace, model: LanguageModel, tokenizer: Tokenizer, asked: Sequence[Prompt]
) -> tuple[Players, list[Part]]:
    """All parties, and the rewards by name. The model is still the reference when this begins."""
    parts = _normalised_parts(config, work, model, tokenizer, asked)

    def score(records: Sequence[Prompt], responses: Tokens) -> Scores:
        """Rewards judge text: the policy's tokens are read as a person would read them."""
        judged = judge(parts, [prompt.text for prompt in records], tokenizer.texts(responses))
        return torch.from_numpy(judged.scores).float(), torch.from_numpy(judged.parts).float()

    players = Players(
        policy=model,
        reference=reference_of(model) if config.kl_coef else None,
        critic=_critic(config, parts, model, tokenizer, work.name) if config.algorithm == "ppo" else None,
        score=score,
        end_id=tokenizer.end_id,
    )
    return players, parts


def questions_of(config: Config, asked: Sequence[Prompt], tokenizer: Tokenizer) -> Callable[[int], Questions]:
    """The prompts of each step; where answers are compared, each prompt as often as it is answered."""
    stream = Stream(len(asked), config.prompts_a_step, config.seed, parallel.rank(), parallel.ranks())

    def questions(step: int) -> Questions:
        rows = [row for row in stream.step(step) for _ in range(config.batch // config.prompts_a_step)]
        return _questions([asked[row] for row in rows], tokenizer)

    return questions


@dataclass(frozen=True)
class HeldOut:
    """What the policy as it is answers to prompts that it does not learn from, and what the rewards say."""

    prompts: list[str]
    answers: list[str]
    scores: np.ndarray  # Float[prompt]
    kl: float | None  # nats an answer; None: there is no reference


def held_out_of(
    config: Config, players: Players, unseen: Sequence[Prompt], tokenizer: Tokenizer
) -> Callable[[], HeldOut]:
    """Answers to the same prompts, with the same draws, every time: what differs is the policy."""
    judged = list(unseen[:MOST_EVALUATED_PROMPTS])

    def held_out() -> HeldOut:
        answers, scores, kl = [], [], 0.0
        for start in range(0, len(judged), config.batch):
            records = judged[start : start + config.batch]
            generator = generator_of(config.seed, "held out", start)
            rollout = collect(players, _questions(records, tokenizer), config, generator)
            answers += tokenizer.texts(rollout.responses)
            scores += rollout.scores.tolist()
            kl += kl_per_answer(rollout, config) * len(records) / len(judged)
        asked = [prompt.text for prompt in judged]
        return HeldOut(asked, answers, np.asarray(scores), kl if players.reference else None)

    return held_out


def _questions(records: Sequence[Prompt], tokenizer: Tokenizer) -> Questions:
    return Questions(records, tokenizer.prompts(records)[0].to(parallel.device()))


def _critic(
    config: Config, parts: Sequence[Part], model: LanguageModel, tokenizer: Tokenizer, where: str
) -> SharedCritic | OwnCritic:
    if config.critic == "shared":
        return SharedCritic(model.width).to(model.device)
    if config.critic == "policy":
        body, _ = load(config.readable, config.lora, config.template)
        critic = OwnCritic(body)
    else:
        critic = _critic_of_reward(config, parts, tokenizer, where)
    if config.gradient_checkpointing:
        critic.body.recompute()
    return critic.to(model.device).eval()


def _critic_of_reward(config: Config, parts: Sequence[Part], tokenizer: Tokenizer, where: str) -> OwnCritic:
    """A copy of the first learned reward as critic: an answer's value begins as what that reward pays."""
    models = [index for index, part in enumerate(parts) if isinstance(part.reward, LearnedReward)]
    if not models:
        raise UserError(f"{where}: critic: reward needs a reward with a model; use critic: policy")
    part = parts[models[0]]
    _check_critic_of(part, where)
    judging, read_by = load_reward(str(config.rewards[models[0]].model))
    assert isinstance(judging.body, LanguageModel)  # _check_critic_of
    if read_by.template != tokenizer.template or read_by.inner.get_vocab() != tokenizer.inner.get_vocab():
        raise UserError(
            f"{where}: critic: reward reads the policy's own tokens, and the tokenizer or the template of "
            f"{part.name} is another; use critic: policy"
        )
    body = judging.body.requires_grad_(True) if config.lora is None else adapted(judging.body, config.lora)
    return OwnCritic(body, judging.head.rescaled(part.offset, part.weight / part.scale))


def _check_critic_of(part: Part, where: str) -> None:
    """Raises UserError where no linear head on one network's prefix states says what the reward pays."""
    reward, found = part.reward, None
    if isinstance(reward, LearnedReward) and isinstance(reward.model.body, TextEncoder):
        found = "an encoder, which reads whole answers only"
    elif isinstance(reward, LearnedEnsemble) and len(reward.networks) > 1:
        found = f"an ensemble of {len(reward.networks)} networks, and a critic is one"
    elif isinstance(reward, LearnedEnsemble) and reward.ensemble.combine != "mean":
        found = f"an ensemble combined by {reward.ensemble.combine}, and a critic's head is linear"
    if found:
        raise UserError(f"{where}: critic: reward: {part.name} is {found}; use critic: policy")


def _normalised_parts(
    config: Config, work: Workspace, model: LanguageModel, tokenizer: Tokenizer, asked: Sequence[Prompt]
) -> list[Part]:
    """The rewards, normalised on the reference's answers where asked; saved, so a resume has the same."""
    parts, saved = load_parts(config.rewards, work), work.folder / "rewards.json"
    if not saved.exists():
        scaled = [
            normalised(part, _reference_scores(config, part, model, tokenizer, asked))
            if settings.normalises
            else part
            for part, settings in zip(parts, config.rewards, strict=True)
        ]
        facts = [{"name": p.name, "weight": p.weight, "offset": p.offset, "scale": p.scale} for p in scaled]
        temporary = saved.with_suffix(".tmp")
        temporary.write_text(json.dumps(facts, indent=2), encoding="utf-8")
        temporary.replace(saved)
    facts = json.loads(saved.read_text(encoding="utf-8"))
    return [
        replace(part, offset=fact["offset"], scale=fact["scale"])
        for part, fact in zip(parts, facts, strict=True)
    ]


def _reference_scores(
    config: Config, part: Part, model: LanguageModel, tokenizer: Tokenizer, asked: Sequence[Prompt]
) -> list[float]:
    records = [asked[row] for row in Stream(len(asked), config.normalise_on, config.seed).step(0)]
    scores: list[float] = []
    for start in range(0, len(records), config.batch):
        batch = records[start : start + config.batch]
        tokens, _ = tokenizer.prompts(batch)
        generator = generator_of(config.seed, "reference", start)
        drawn = sample(model, tokens.to(model.device), config.sampling, tokenizer.end_id, generator)
        scores += part.raw([prompt.text for prompt in batch], tokenizer.texts(drawn.responses))
    return scores
