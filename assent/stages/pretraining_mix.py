"""Text that a policy goes on learning from while its reward is raised: InstructGPT's pretraining mix."""

from collections.abc import Callable

from pydantic import Field

from assent.batch import LanguageBatch
from assent.data.sources import documents
from assent.data.stream import Stream
from assent.models.language_model import LanguageModel
from assent.models.tokenizer import Tokenizer
from assent.stages.corpus import Corpus, batch_of, check_objective, context_of, rows_of
from assent.training import parallel
from assent.training.checkpoint import seed_of
from assent.training.language import language_terms
from assent.training.learner import Mix, Terms


class PretrainingMix(Corpus):
    """`coef` times the gradient of log p(text), added in every update: arXiv:2203.02155, eq. 2."""

    coef: float = Field(default=1.0, gt=0)
    normalise: bool = True  # coef counts in norms of the reward's gradient; false: as published, with 27.8
    batch: int = Field(default=32, ge=1)  # rows an update, over all ranks


def mixing_of(
    mix: PretrainingMix, model: LanguageModel, tokenizer: Tokenizer, seed: int, where: str
) -> Callable[[int], Mix[LanguageBatch]]:
    """What update n learns from beside the reward."""
    context = context_of(mix, model, f"{where}: mix")
    check_objective(mix, tokenizer, context, f"{where}: mix")
    texts = list(documents(mix.data, mix.separator))
    rows, _ = rows_of(mix, texts, tokenizer, context, seed_of(seed, "mix"))
    stream = Stream(len(rows), mix.batch, seed, parallel.rank(), parallel.ranks())

    def terms(batch: LanguageBatch) -> Terms:
        return language_terms(model, batch)

    def mixed(update: int) -> Mix[LanguageBatch]:
        batch = batch_of(rows, stream.step(update), update, tokenizer).to(model.device)
        return Mix(batch, terms, mix.coef, mix.normalise)

    return mixed
