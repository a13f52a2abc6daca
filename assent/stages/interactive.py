"""PPO a step at a time, for people who bring their own reward at run time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from assent.batch import Answered, Tokens
from assent.config import check
from assent.errors import UserError
from assent.models.heads import SharedCritic
from assent.models.language_model import LanguageModel
from assent.models.load import LoRA, load, reference_of, save
from assent.models.sampler import Sampling
from assent.models.tokenizer import Template, Tokenizer
from assent.records import Prompt
from assent.rewards.reward import checked
from assent.training import parallel
from assent.training.checkpoint import Checkpoint, generator_of, seed_of
from assent.training.learner import Learner, Stats
from assent.training.policy_memory import PolicyMemory
from assent.training.policy_settings import PPOConfig
from assent.training.ppo import learn, ppo_credit
from assent.training.rollouts import Players, Scores, answer


@dataclass(frozen=True)
class Answers:
    """Answers to judge: `texts[i]` answers `prompts[i]`."""

    prompts: Sequence[str]
    texts: Sequence[str]
    answered: Answered  # the same as tokens, with how likely the policy found each when it wrote it


class PPO:
    """A policy, its frozen original and its critic, updated by scores from anywhere.

        ppo = PPO.load("path-or-hub-id", PPOConfig(learning_rate=1e-5), seed=0)
        answers = ppo.generate(["Once upon a time"] * 32, max_new_tokens=64)
        stats = ppo.step(answers, scores=[len(text) for text in answers.texts])
        ppo.save("out")

    With `PPOConfig(steps=N)` the learning rate decays to zero over N steps; without, it is constant.
    """

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer, config: PPOConfig, seed: int = 0):
        self.model, self.tokenizer, self.config, self.seed = model.eval(), tokenizer, config, seed
        self.steps = 0  # made so far
        self.drawn = 0  # calls of `generate` so far
        self.own_folders: set[Path] = set()  # that hold checkpoints of this very run
        self.critic = SharedCritic(model.width).to(model.device)
        reference = reference_of(model) if config.kl_coef else None
        self.players = Players(model, reference, self.critic, _judged_elsewhere, tokenizer.end_id)
        updates = config.steps and config.steps * config.epochs * -(-config.batch // config.minibatch)
        self.learner = Learner(
            {"policy": model, "critic": self.critic},
            config.learning_rate,
            config.optimiser,
            updates,
            config.micro_batch,
            {"critic": config.credit.value_rate},
        )
        self.memory = PolicyMemory(self.learner, config)

    @classmethod
    def load(
        cls,
        source: str | Path,
        config: PPOConfig | None = None,
        *,
        seed: int = 0,
        lora: LoRA | None = None,
        template: Template | None = None,
    ) -> Self:
        """A policy from a folder or a hub id.

        Args:
            lora: train adapters on frozen weights; None: all weights, beside a frozen copy of them.
            template: what stands around a prompt; by default what the folder says, or nothing.

        Raises:
            UserError: nothing there that can be loaded.
        """
        torch.manual_seed(seed_of(seed, "adapters"))  # a low-rank adapter begins at random
        model, tokenizer = load(str(source), lora, template)
        return cls(model.to(parallel.device()), tokenizer, config or PPOConfig(), seed)

    def generate(self, prompts: Sequence[str], max_new_tokens: int | None = None) -> Answers:
        """One answer a prompt, drawn from the policy as it is now.

        Raises:
            UserError: no list of prompts, or one so long that the model cannot read it and its answer.
        """
        if isinstance(prompts, str) or not prompts:
            raise UserError(f"generate: expected a list of prompts, found {prompts!r}")
        sampling = self._sampling(max_new_tokens)
        tokens, cut = self.tokenizer.prompts([Prompt(text) for text in prompts])
        if cut:
            raise UserError(
                f"generate: {cut} of {len(prompts)} prompts are longer than the template's max_prompt_tokens "
                f"{self.tokenizer.template.max_prompt_tokens}: shorten them, or load with another template"
            )
        longest = int(tokens.lengths.max()) + sampling.max_new_tokens
        if self.model.context is not None and longest > self.model.context:
            raise UserError(
                f"generate: the longest prompt with an answer of {sampling.max_new_tokens} tokens has "
                f"{longest}, and the model can read {self.model.context}: lower max_new_tokens"
            )
        config = self.config.model_copy(update={"sampling": sampling})
        generator = generator_of(self.seed, "generate", self.drawn)
        self.drawn += 1
        answered = answer(self.players, tokens.to(self.model.device), config, generator)
        return Answers(list(prompts), self.tokenizer.texts(answered.responses), answered)

    def step(self, answers: Answers, scores: Sequence[float]) -> Stats:
        """Learn from how the answers were judged: `epochs` passes over them, in minibatches.

        Args:
            scores: one finite number an answer, higher is better.

        Returns:
            What the curves of the `policy` stage show: score, kl (nats an answer), entropy,
            explained_variance, policy_loss, clip_fraction, grad_norm and so on.

        Raises:
            RewardError: the scores are not one finite number an answer; nothing was learned.
            Stopped: the gradient was not finite several times in a row.
        """
        if self.config.steps is not None and self.steps >= self.config.steps:
            raise UserError(
                f"step: all {self.config.steps} planned steps are made, and the learning rate is zero: give "
                "a larger PPOConfig(steps=...), or none"
            )
        given = torch.tensor(checked("step", scores, len(answers.texts)))
        if self.config.steps is not None and len(given) != self.config.batch:
            raise UserError(
                f"step: {len(given)} answers, and the learning rate was planned over steps of batch: "
                f"{self.config.batch} each; give PPOConfig(batch={len(given)})"
            )
        rollout = answers.answered.judged(given, given[:, None])
        generator = generator_of(self.seed, self.steps)
        stats = learn(self.players, rollout, self.memory, self.config, generator, ppo_credit)
        self.steps += 1
        return stats

    def save(self, folder: str | Path) -> None:
        """Write a folder that `from_pretrained` loads, with adapters merged into the weights."""
        save(self.model, self.tokenizer, Path(folder), kind="policy")

    def save_checkpoint(self, folder: str | Path) -> None:
        """Write all that the next step depends on; `resume` goes on from there as if nothing had happened.

        Call it after `step`: between two steps one checkpoint is written, and a second call changes nothing.

        Raises:
            UserError: the folder holds checkpoints of another run.
        """
        checkpoint, place = self._checkpoint(folder), Path(folder).absolute()
        if place not in self.own_folders and checkpoint.newest() is not None:
            raise UserError(
                f"save_checkpoint: {folder} holds checkpoints of another run: resume it, or give a new folder"
            )
        self.own_folders.add(place)
        checkpoint.save(self.steps)

    def resume(self, folder: str | Path) -> int:
        """Go back to the newest whole checkpoint in `folder`; how many steps had been made then.

        Raises:
            UserError: no checkpoint there, or one of another model.
        """
        checkpoint = self._checkpoint(folder)
        if checkpoint.newest() is None:
            raise UserError(f"resume: {folder} holds no checkpoint that save_checkpoint wrote")
        self.steps = checkpoint.restore()
        self.own_folders.add(Path(folder).absolute())
        return self.steps

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        tensors, counters = self.memory.state()
        return tensors, {**counters, "drawn": self.drawn}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, float]) -> None:
        self.memory.restore(tensors, counters)
        self.drawn = int(counters["drawn"])

    def _sampling(self, max_new_tokens: int | None) -> Sampling:
        settings = self.config.sampling.model_dump()
        if max_new_tokens is not None:
            settings["max_new_tokens"] = max_new_tokens
        return check(Sampling, settings, "generate")

    def _checkpoint(self, folder: str | Path) -> Checkpoint:
        return Checkpoint(Path(folder), self, lambda _: None, lambda: False)


def _judged_elsewhere(asked: Sequence[Prompt], responses: Tokens) -> Scores:
    raise AssertionError(f"{len(asked)} prompts, {len(responses)} answers: here the caller of `step` judges")
