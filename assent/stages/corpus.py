"""Plain text as rows to learn from: what `pretrain` and the pretraining mix of `policy` share."""

from collections.abc import Sequence

from pydantic import Field

from assent.batch import LanguageBatch
from assent.config import DataFile, Settings
from assent.data.batching import Documents, Windows, one_a_row, pack
from assent.data.denoising import Denoising, Objective, check_sentinels
from assent.errors import UserError
from assent.models.language_model import LanguageModel
from assent.models.tokenizer import Tokenizer
from assent.records import END_OF_TEXT

CONTEXT_WITHOUT_LIMIT = 512  # tokens: as arXiv:1910.10683

Rows = Windows | Documents | Denoising


class Corpus(Settings):
    """Text files, and how they are cut into rows."""

    data: DataFile
    separator: str = END_OF_TEXT  # between documents of one file; "" makes each file one document
    pack: bool = True  # documents end to end in full windows; false: one a row, for corpora of short texts
    context: int | None = Field(default=None, ge=8)  # tokens a row; by default all that the model can read
    objective: Objective | None = None  # of encoder-decoders; by default span_corruption
    suffix_share: float = Field(default=0.5, gt=0, le=0.5)  # of a row that `prefix` has written, on average


def context_of(corpus: Corpus, model: LanguageModel, where: str, otherwise: int | None = None) -> int:
    """Tokens a row: what the recipe says, or all that the model can read, or `otherwise` if it sets no limit.

    Raises:
        UserError: more than the model can read.
    """
    context = corpus.context or model.context or otherwise or CONTEXT_WITHOUT_LIMIT
    if model.context is not None and context > model.context:
        raise UserError(
            f"{where}: context {context} is more than the {model.context} tokens the model can read"
        )
    return context


def check_objective(corpus: Corpus, tokenizer: Tokenizer, context: int, where: str) -> None:
    """Raises UserError where the objective does not fit the model's family or its tokenizer."""
    if corpus.objective is not None and not tokenizer.is_encoder_decoder:
        raise UserError(
            f"{where}: objective {corpus.objective} is of encoder-decoders, and this model is causal: it "
            "predicts every next token. Drop objective, or choose a family that has an encoder, such as t5"
        )
    if tokenizer.is_encoder_decoder and corpus.objective != "prefix":
        check_sentinels(tokenizer, context, where)


def rows_of(
    corpus: Corpus, texts: Sequence[str], tokenizer: Tokenizer, context: int, seed: int
) -> tuple[Rows, int]:
    """(rows, how many documents lose their end)"""
    rows, cut = (pack(texts, tokenizer, context), 0) if corpus.pack else one_a_row(texts, tokenizer, context)
    if tokenizer.is_encoder_decoder:
        objective = corpus.objective or "span_corruption"
        return Denoising(rows, objective, tokenizer, seed, corpus.suffix_share), cut
    return rows, cut


def batch_of(rows: Rows, indices: Sequence[int], step: int, tokenizer: Tokenizer) -> LanguageBatch:
    """The rows named; those of an encoder-decoder are made anew at every step."""
    if isinstance(rows, Denoising):
        return rows.batch(indices, step)
    return rows.batch(indices, tokenizer.pad_id)
