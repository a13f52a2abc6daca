"""A whole loop of policy optimisation on a tiny model, with a reward that is the share of wanted tokens."""

from assent.models.heads import SharedCritic
from assent.models.load import reference_of
from assent.models.sampler import Sampling
from assent.records import Prompt
from assent.training.checkpoint import Checkpoint
from assent.training.convergence import Watch
from assent.training.learner import Learner
from assent.training.policy_memory import PolicyMemory
from assent.training.policy_settings import Convergence, PPOConfig
from assent.training.ppo import train_policy
from assent.training.rollouts import Players, Questions

WANTED = 60  # the toy reward likes ids below it, a fifth of the vocabulary


def config_of(**changes):
    return PPOConfig(
        **{
            "steps": 3,
            "learning_rate": 1e-3,
            "batch": 16,
            "minibatch": 8,
            "micro_batch": 4,
            "epochs": 2,
            "sampling": Sampling(max_new_tokens=6, temperature=0.7),
            **changes,
        }
    )


def share_of_the_wanted(asked, responses):
    hits = ((responses.ids < WANTED) & responses.mask).sum(dim=1)
    scores = hits.float() / responses.lengths
    return scores, scores[:, None]


def players_of(model, end_id, score=share_of_the_wanted):
    critic = SharedCritic(model.width)
    return Players(model, reference_of(model), critic, score, end_id)


def questions_of(tokenizer, batch):
    def questions(step):
        records = [Prompt(f"{'say ' * (row % 3)}{step}") for row in range(batch)]
        return Questions(records, tokenizer.prompts(records)[0])

    return questions


class Loop:
    """A policy with all that its training needs; `changes` are other parts of `train_policy`."""

    def __init__(self, model, tokenizer, config, folder, players=None, until=None, evaluate=None, **changes):
        self.config, self.tokenizer, self.changes = config, tokenizer, changes
        self.players = players or players_of(model, tokenizer.end_id)
        updates = config.steps * config.epochs * -(-config.batch // config.minibatch)
        modules = {"policy": model, "critic": self.players.critic}
        self.learner = Learner(
            {name: module for name, module in modules.items() if module is not None},
            config.learning_rate,
            config.optimiser,
            updates,
            config.micro_batch,
        )
        folder.mkdir(exist_ok=True)
        self.watch = Watch(until or Convergence(), self.learner, folder, evaluate or (lambda: (0.0, 0.0)))
        self.memory = PolicyMemory(self.learner, config, self.watch)
        self.leash = self.memory.leash
        self.checkpoint = Checkpoint(folder, self.memory, lambda done: None, lambda: False, seconds=0)
        self.stats: list[dict[str, float]] = []

    def run(self, die_at=None):
        questions = questions_of(self.tokenizer, self.config.batch)

        def asked(step):
            if step == die_at:
                raise KeyboardInterrupt
            return questions(step)

        train_policy(
            self.players,
            asked,
            self.memory,
            self.checkpoint,
            self.config,
            lambda step, stats, rollout, questions: self.stats.append(stats),
            steps=self.config.steps,
            seed=0,
            **self.changes,
        )
        return self
