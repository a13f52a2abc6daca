"""Raise the reward without leaving the reference: PPO on a sum of rewards."""

import json
from collections.abc import Callable, Mapping, Sequence

import torch
from pydantic import Field
from safetensors.torch import save_file

from assent.batch import Rollout, Tokens
from assent.config import DataFile, ModelSource
from assent.data.sources import prompts
from assent.data.stream import Stream
from assent.errors import UserError
from assent.functional.policy_gradient import AdaptiveKL
from assent.models.heads import SharedCritic
from assent.models.language_model import LanguageModel
from assent.models.load import LoRA, load, reference_of, save
from assent.models.sampler import sample
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt
from assent.rewards.composite import Part, judge, normalised
from assent.stages import forecasting
from assent.stages.common import RewardPart, check_lengths, checkpoint, load_parts, reporter
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import generator_of, seed_of
from assent.training.learner import Learner, Stats
from assent.training.ppo import PolicyMemory, PPOConfig, train_policy
from assent.training.rollouts import Players, Questions, Scores

VERSION = 1
RESULT = "model"
TRAINS_ON = ("prompts",)
TABLE_EVERY = 10  # steps between tables of examples for the trackers
TABLE_ROWS = 8


class Config(PPOConfig):
    """Settings of `stage: policy`."""

    model: ModelSource
    prompts: DataFile
    rewards: list[RewardPart] = Field(min_length=1)
    lora: LoRA | None = None  # None: all weights learn, and the reference is a frozen copy
    normalise_on: int = Field(
        default=512, ge=2
    )  # prompts whose reference answers set a model's offset and scale
    seed: int = Field(default=0, ge=0)


def run(config: Config, work: Workspace) -> None:
    _check_sampling(config, work.name)
    torch.manual_seed(seed_of(config.seed, "adapters"))  # a low-rank adapter begins at random
    model, tokenizer = load(config.model, config.lora)
    model.to(parallel.device()).eval()  # no dropout: a ratio compares policies, not dropout masks
    asked = prompts(config.prompts)
    check_lengths(asked, config.sampling, model, tokenizer, work.name)
    reference = reference_of(model)
    parts = _parts(config, work, model, tokenizer, asked)
    critic = SharedCritic(model.width).to(model.device)
    players = Players(
        model, reference if config.kl_coef else None, critic, _scorer(parts, tokenizer), tokenizer.end_id
    )
    minibatches = -(-config.batch // config.minibatch) * config.epochs
    learner = Learner(
        {"policy": model, "critic": critic},
        config.learning_rate,
        config.optimiser,
        config.steps * minibatches,
        config.micro_batch,
    )
    leash = AdaptiveKL(config.kl_coef, config.kl.target or 1.0, config.kl.horizon)
    train_policy(
        players,
        _questions(config, asked, tokenizer),
        learner,
        leash,
        checkpoint(work, PolicyMemory(learner, leash)),
        config,
        _log(config, work, parts, tokenizer),
        seed=config.seed,
    )
    save(model, tokenizer, work.folder / RESULT, kind="policy")
    save_file(critic.state_dict(), work.folder / RESULT / "value_head.safetensors")


def _check_sampling(config: Config, where: str) -> None:
    if config.sampling.top_k or config.sampling.top_p < 1 or config.sampling.temperature == 0:
        raise UserError(
            f"{where}: sampling: top_k, top_p and temperature 0 are refused here: an answer drawn from a "
            "truncated distribution looks likelier than it is, and the policy would exploit a negative KL"
        )


def _parts(
    config: Config, work: Workspace, model: LanguageModel, tokenizer: Tokenizer, asked: Sequence[Prompt]
) -> list[Part]:
    """The rewards, normalised on the reference's answers where asked; saved, so a resume has the same."""
    parts, saved = load_parts(config.rewards, work.names), work.folder / "rewards.json"
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
        Part(part.name, part.weight, part.reward, fact["offset"], fact["scale"])
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
        scores += part.judge([prompt.text for prompt in batch], tokenizer.texts(drawn.responses)).tolist()
    return scores


def _scorer(parts: Sequence[Part], tokenizer: Tokenizer) -> Callable[[Sequence[Prompt], Tokens], Scores]:
    """Rewards judge text: the policy's tokens are read as a person would read them."""

    def score(asked: Sequence[Prompt], responses: Tokens) -> Scores:
        judged = judge(parts, [prompt.text for prompt in asked], tokenizer.texts(responses))
        return torch.from_numpy(judged.scores).float(), torch.from_numpy(judged.parts).float()

    return score


def _questions(config: Config, asked: Sequence[Prompt], tokenizer: Tokenizer) -> Callable[[int], Questions]:
    stream = Stream(len(asked), config.batch, config.seed, parallel.rank(), parallel.ranks())

    def questions(step: int) -> Questions:
        records = [asked[row] for row in stream.step(step)]
        return Questions(records, tokenizer.prompts(records)[0].to(parallel.device()))

    return questions


def _log(
    config: Config, work: Workspace, parts: Sequence[Part], tokenizer: Tokenizer
) -> Callable[[int, Stats, Rollout, Questions], None]:
    report = reporter(work, config.steps, ("score", "kl", "length"))

    def log(step: int, stats: Stats, rollout: Rollout, asked: Questions) -> None:
        means = rollout.parts.mean(dim=0).tolist()
        report(step, stats | {f"reward/{part.name}": mean for part, mean in zip(parts, means, strict=True)})
        if step % TABLE_EVERY == 0:
            texts = tokenizer.texts(rollout.responses.rows(slice(0, TABLE_ROWS)))
            rows = zip(asked.records, texts, rollout.scores.tolist(), strict=False)
            work.log.table(
                step,
                "answers",
                [{"prompt": p.text, "answer": text, "reward": score} for p, text, score in rows],
            )

    return log


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    model = forecasting.model(config.model, inputs)
    parameters, layers = model.parameters or 0.0, model.layers or 1
    answers = config.steps * config.batch
    drawing = forecasting.answering(answers, config.batch, config.sampling, model)
    tokens = answers * (64 + config.sampling.max_new_tokens)
    passes = config.steps * (
        2 + len(config.rewards) + 3 * config.epochs * -(-config.batch // config.micro_batch)
    )
    learning = Forecast(
        flops=(6 * config.epochs + 2 * (2 + len(config.rewards))) * parameters * tokens,
        calls=passes * layers,
        memory_bytes=(4 + 4 * len(config.rewards) + (4 if not config.lora else 0) + forecasting.ADAM_BYTES)
        * parameters,
        disk_bytes=4 * parameters + 2 * forecasting.ADAM_BYTES * parameters,
    )
    rows = forecasting.rows(config.prompts, inputs)
    work = forecasting.total([drawing, learning])
    return forecasting.with_length(work, config.steps, answers / max(1, rows), model)
