"""What policies wrote held against what people wrote to the same prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import model_validator
from torch import nn

from assent.config import DataFile, ModelSource, Settings
from assent.data.formats.dialects import DIALECTS
from assent.data.formats.reading import records
from assent.data.sources import demonstrations
from assent.errors import Interrupted, UserError
from assent.evaluation.overlap import Language, Overlap, language_of, unspaced_share
from assent.models.embedding import SentenceEmbedding, load_embedding
from assent.records import Demonstration, Prompt
from assent.stages import forecasting
from assent.stages.drawn_answers import STOPPED
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel

Metric = Literal["perplexity", "rouge", "bleu", "embedding"]
Key = tuple[tuple[str, str], ...]  # a prompt as a chat: (who, what)
TOKENS_A_PAIR = 192.0  # of a prompt with its reference, where nothing is known yet


class References(Settings):
    """What answers are held against: what people wrote to the same prompts."""

    data: DataFile | None = None  # demonstrations; default: the rows of `prompts` with an answer beside
    metrics: tuple[Metric, ...] | None = None  # default: all, `embedding` where there is one
    embedding: ModelSource | None = None  # an encoder, whose vectors tell how near two texts are
    language: Literal["auto", "en", "zh"] = "auto"  # how words are cut; zh: each character is a word

    @model_validator(mode="after")
    def _one_encoder(self) -> "References":
        if self.metrics == ():
            raise ValueError("metrics: expected one of perplexity, rouge, bleu, embedding, found none")
        if self.embedding is None and "embedding" in (self.metrics or ()):
            raise ValueError("embedding is missing: the metric of that name needs an encoder's folder or id")
        if self.embedding is not None and "embedding" not in self.wanted:
            raise ValueError("metrics leaves out embedding, and embedding names an encoder: drop one")
        return self

    @property
    def wanted(self) -> tuple[Metric, ...]:
        if self.metrics is not None:
            return self.metrics
        return ("perplexity", "rouge", "bleu", *(("embedding",) if self.embedding else ()))


@dataclass(frozen=True)
class Held:
    """The prompts that people answered, and what they wrote: ready before anything is sampled."""

    metrics: tuple[Metric, ...]
    rows: list[int]  # of the prompts of the evaluation, those that have a reference
    numbers: list[int]  # of each of those rows: its prompt's; rows that ask the same have one number
    prompts: list[Prompt]  # by number
    texts: list[tuple[str, ...]]  # by number; what people wrote, each text once
    overlap: Overlap
    embedding: SentenceEmbedding | None
    facts: dict[str, Any]  # what a reader should know of them

    @property
    def pairs(self) -> list[tuple[int, str]]:
        """(its prompt's number, text) of every reference."""
        return [(number, text) for number, found in enumerate(self.texts) for text in found]

    def of_rows(self, values: Sequence[Any]) -> list[Any]:
        """Of values for all prompts of the evaluation, those for `rows`."""
        return [values[row] for row in self.rows]


def people_wrote(settings: References, source: str, asked: Sequence[Prompt], work: Workspace) -> Held:
    """Read the references of `asked`, the prompts in the file `source`, and load what compares with them.

    Raises:
        UserError: no prompt has a reference; a library or an encoder is not there.
    """
    given = _given(settings, source)
    keys = [_key(prompt) for prompt in asked]
    texts = _texts(given, keys)
    if not texts:
        raise UserError(
            f"{work.name}: references: nobody answered one of the {len(asked)} prompts in {source}: expected "
            f"rows with the same input_text, and output_text beside it, in {settings.data or source}"
        )
    number = {key: place for place, key in enumerate(texts)}
    rows = [row for row, key in enumerate(keys) if key in number]
    first = {key: row for row, key in reversed(list(enumerate(keys)))}
    not_asked = _not_asked(given, keys)
    if len(rows) < len(asked):
        others = f"; {not_asked} are to prompts that are not asked" if not_asked else ""
        without = f"{len(asked) - len(rows)} of {len(asked)} prompts have none"
        work.warn(f"{work.name}: references: {without}, and are held against nothing{others}")
    language, facts = _language(settings, [text for found in texts.values() for text in found])
    return Held(
        metrics=settings.wanted,
        rows=rows,
        numbers=[number[keys[row]] for row in rows],
        prompts=[asked[first[key]] for key in texts],
        texts=list(texts.values()),
        overlap=Overlap.of(settings.wanted, language, f"{work.name}: references"),
        embedding=_encoder(settings),
        facts={
            "prompts": len(asked),
            "without": len(asked) - len(rows),
            "references": sum(map(len, texts.values())),
            "not_asked": not_asked,
        }
        | facts,
    )


def between(work: Workspace, done: int, total: int, note: str) -> None:
    """Move the progress bar, and raise Interrupted when it is time to stop."""
    work.progress(done, total, note)
    if work.stop():
        raise Interrupted(STOPPED)


def _given(settings: References, source: str) -> list[Demonstration]:
    """What people wrote: the file of demonstrations, or the prompts' own rows that have an answer beside."""
    if settings.data is not None:
        return demonstrations(settings.data)
    return list(records(source, Demonstration, bad=_is_a_prompt_alone))


def _is_a_prompt_alone(_: str, row: object, error: UserError) -> None:
    """A row of a file of prompts may lack an answer; one that has an answer, and a wrong one, is an error."""
    if isinstance(row, dict) and row.get("output_text", "") is None:
        return
    if not isinstance(row, dict) or any(
        one.noun == "demonstrations" and one.recognises(row) for one in DIALECTS
    ):
        raise error


def _key(prompt: Prompt) -> Key:
    """What tells prompts apart; a chat of one message is the plain text of it."""
    chat = prompt.messages or ({"role": "user", "content": prompt.text},)
    return tuple((message["role"], message["content"]) for message in chat)


def _texts(given: Sequence[Demonstration], asked: Sequence[Key]) -> dict[Key, tuple[str, ...]]:
    """What people wrote, by prompt in the order in which they are asked; a blank answer is none."""
    written: dict[Key, list[str]] = {key: [] for key in asked}
    for one in given:
        if one.response.strip() and _key(one.prompt) in written:
            written[_key(one.prompt)].append(one.response)
    return {key: tuple(dict.fromkeys(found)) for key, found in written.items() if found}


def _not_asked(given: Sequence[Demonstration], asked: Sequence[Key]) -> int:
    known = set(asked)
    return sum(_key(one.prompt) not in known for one in given)


def _language(settings: References, texts: Sequence[str]) -> tuple[Language, dict[str, Any]]:
    """How words are cut, and what tells a reader of the decision."""
    language = language_of(texts) if settings.language == "auto" else settings.language
    return language, {
        "language": language,
        "language_setting": settings.language,
        "unspaced_share": unspaced_share(texts),
    }


def _encoder(settings: References) -> SentenceEmbedding | None:
    if settings.embedding is None:
        return None
    encoder = load_embedding(settings.embedding)
    cast(nn.Module, encoder.network).to(parallel.device())
    return encoder


def forecast(
    settings: References, rows: int, models: Sequence[str], batch: int, inputs: Mapping[str, Forecast]
) -> Forecast:
    """Each policy reads each reference once, and the encoder reads all references and answers."""
    readers = [*models] if "perplexity" in settings.wanted else []
    encoders = [settings.embedding] * (1 + len(models)) if settings.embedding else []
    parts = [_reading(rows, batch, forecasting.model(source, inputs)) for source in (*readers, *encoders)]
    return forecasting.total(parts) if parts else Forecast()


def _reading(rows: int, batch: int, model: Forecast) -> Forecast:
    parameters = model.parameters or 0.0
    return Forecast(
        flops=2 * parameters * rows * TOKENS_A_PAIR,
        calls=-(-rows // batch) * (model.layers or 1),
        memory_bytes=4 * parameters,
    )
