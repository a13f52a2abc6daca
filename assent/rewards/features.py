"""What a linear reward reads off an answer: counts, word and character n-grams, readability, an embedding.

Nothing here sees a judgement. A text without words has no mean word length and no readability: such an
absent value counts as the average answer's, never as a number of its own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

from assent.config import ModelSource, Settings
from assent.errors import UserError
from assent.models.embedding import SentenceEmbedding

WORD = r"(?u)\w+(?:'\w+)*"  # "don't" is one word; scripts without spaces give one long word
SENTENCE_END = re.compile(r"[.!?。！？…]+[\"')\]”’]*(?=\s|$)|[。！？]+")
VOWELS = re.compile(r"[aeiouy]+")
SILENT_E = re.compile(r"[^aeiouyl]e$|[aeiouy]le$")  # make, whole; but table, tree
ABSENT = float("nan")


class Ngrams(Settings):
    """TF-IDF of runs of words or characters: (1 + log count) x inverse document frequency, of length 1."""

    ngrams: tuple[int, int] = (1, 2)  # shortest and longest run
    at_least: int = Field(default=3, ge=1)  # answers; rarer terms are left out
    most: int | None = Field(default=50_000, ge=1)  # terms; the most frequent are kept

    @model_validator(mode="after")
    def _ordered(self) -> "Ngrams":
        if not 1 <= self.ngrams[0] <= self.ngrams[1]:
            raise ValueError(f"ngrams: expected shortest and longest, such as [1, 2], found {self.ngrams}")
        return self


class CharacterNgrams(Ngrams):
    """Inside words, with the space at either end; they see endings, spelling and punctuation."""

    ngrams: tuple[int, int] = (2, 5)


class Features(Settings):
    """What is read off an answer."""

    length: bool = True
    words: Ngrams | None = Ngrams()
    characters: CharacterNgrams | None = None
    readability: bool = False  # of English alone
    overlap: bool = False  # how much of the prompt the answer repeats
    embedding: ModelSource | None = None  # a sentence-embedding folder or hub id

    @model_validator(mode="after")
    def _some(self) -> "Features":
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError(f"choose at least one of {', '.join(type(self).model_fields)}")
        return self


def plain(text: str) -> str:
    """One kind of apostrophe, so that a word typed in two ways is one word."""
    return text.replace("\u2019", "'")


def words_of(text: str) -> list[str]:
    return re.findall(WORD, plain(text))


def sentences_in(text: str) -> int:
    """Marks that end a sentence, and one more for words after the last of them; 0 without words."""
    if not words_of(text):
        return 0
    pieces = SENTENCE_END.split(plain(text))
    return max(1, sum(bool(words_of(piece)) for piece in pieces))


def syllables(word: str) -> int:
    """An estimate for English: groups of vowels (aeiouy), less a silent e at the end; at least 1.

    "make" has 1, "table" 2, "reading" 2; "area" is counted as 2 and has 3.
    """
    lower = word.lower()
    return max(1, len(VOWELS.findall(lower)) - bool(SILENT_E.search(lower)))


def length_features(prompt: str, response: str) -> tuple[float, ...]:  # noqa: ARG001 - as the others
    words = words_of(response)
    mean_length = sum(map(len, words)) / len(words) if words else ABSENT
    return len(words), len(response), sentences_in(response), mean_length, float(np.log1p(len(words)))


def readability_features(prompt: str, response: str) -> tuple[float, ...]:  # noqa: ARG001 - as the others
    """(Flesch reading ease, Flesch-Kincaid grade), of English alone; absent without words.

    206.835 - 1.015 words/sentences - 84.6 syllables/words: Flesch 1948, J. Applied Psychology 32.
    0.39 words/sentences + 11.8 syllables/words - 15.59: Kincaid et al. 1975, Navy RBR 8-75.
    """
    words = words_of(response)
    if not words:
        return ABSENT, ABSENT
    a_sentence = len(words) / sentences_in(response)
    a_word = sum(map(syllables, words)) / len(words)
    return 206.835 - 1.015 * a_sentence - 84.6 * a_word, 0.39 * a_sentence + 11.8 * a_word - 15.59


def overlap_features(prompt: str, response: str) -> tuple[float, ...]:
    """(share of the prompt's words that the answer has, each once; share of the answer's words from there)"""
    asked = {word.lower() for word in words_of(prompt)}
    said = [word.lower() for word in words_of(response)]
    if not asked or not said:
        return ABSENT, ABSENT
    return len(asked & set(said)) / len(asked), sum(word in asked for word in said) / len(said)


# group -> (what reads it, the names of its columns)
COUNTED: Mapping[str, tuple[Callable[[str, str], tuple[float, ...]], tuple[str, ...]]] = {
    "length": (length_features, ("words", "characters", "sentences", "mean word length", "log words")),
    "readability": (readability_features, ("Flesch reading ease", "Flesch-Kincaid grade")),
    "overlap": (overlap_features, ("share of the prompt repeated", "share of the answer from the prompt")),
}
ANALYSERS = {"words": "word", "characters": "char_wb"}


@dataclass(frozen=True)
class Column:
    """One feature: `group` is a key of `Features`."""

    group: str
    name: str

    def __str__(self) -> str:
        return f"{self.group}: {self.name}"


class Tfidf:
    """A vocabulary with its weights: all that is needed to read new text as the training text was read."""

    def __init__(self, group: str, settings: Ngrams, terms: Sequence[str], idf: Float[np.ndarray, " term"]):
        self.group, self.terms, self.idf = group, list(terms), np.asarray(idf, dtype=np.float64)
        self._vectorizer = _vectorizer(group, settings, vocabulary={term: i for i, term in enumerate(terms)})
        self._vectorizer.idf_ = self.idf

    @classmethod
    def fit(cls, group: str, settings: Ngrams, texts: Sequence[str]) -> "Tfidf":
        """Raises UserError where no term stands in enough of the texts."""
        vectorizer = _vectorizer(group, settings, min_df=settings.at_least, max_features=settings.most)
        try:
            vectorizer.fit([plain(text) for text in texts])
        except ValueError as error:  # an empty vocabulary
            raise UserError(
                f"features.{group}: no term stands in {settings.at_least} of the {len(texts)} training "
                f"answers ({error}): lower features.{group}.at_least, or leave it out with `{group}: null`"
            ) from None
        return cls(group, settings, vectorizer.get_feature_names_out().tolist(), vectorizer.idf_)

    def matrix(self, texts: Sequence[str]) -> csr_matrix:
        return self._vectorizer.transform([plain(text) for text in texts])


def _vectorizer(group: str, settings: Ngrams, **more: Any) -> TfidfVectorizer:
    chosen: dict[str, Any] = {"analyzer": ANALYSERS[group], "ngram_range": settings.ngrams, **more}
    chosen["token_pattern"] = WORD if group == "words" else None  # characters know no words
    return TfidfVectorizer(**chosen, sublinear_tf=True, dtype=np.float64)


@dataclass(frozen=True)
class Reader:
    """Features as fitted to the training answers. Dense ones are standardised: (value - mean) / scale."""

    settings: Features
    mean: Float[np.ndarray, " dense"]
    scale: Float[np.ndarray, " dense"]
    tables: tuple[Tfidf, ...] = ()
    embedding: SentenceEmbedding | None = None

    def matrix(self, prompts: Sequence[str], responses: Sequence[str]) -> csr_matrix:
        """Float64 [answer, feature]; columns as `columns` names them."""
        dense = dense_features(self.settings, self.embedding, prompts, responses)
        standard = np.where(np.isnan(dense), 0.0, (dense - self.mean) / self.scale)
        blocks = [csr_matrix(standard), *(table.matrix(responses) for table in self.tables)]
        return csr_matrix(hstack(blocks, format="csr"))

    @property
    def columns(self) -> list[Column]:
        groups = [name for name in COUNTED if getattr(self.settings, name)]
        found = [Column(group, name) for group in groups for name in COUNTED[group][1]]
        found += [Column("embedding", str(index)) for index in range(len(self.mean) - len(found))]
        return found + [Column(table.group, term) for table in self.tables for term in table.terms]


def fit_reader(
    settings: Features, prompts: Sequence[str], responses: Sequence[str], embedding: SentenceEmbedding | None
) -> Reader:
    """The features of these answers, with their vocabularies, means and scales.

    A feature that is the same in every answer gets scale 1, and so says nothing.
    """
    tables = tuple(
        Tfidf.fit(group, chosen, responses)
        for group in ANALYSERS
        if (chosen := getattr(settings, group)) is not None
    )
    dense = dense_features(settings, embedding, prompts, responses)
    known = ~np.isnan(dense)
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, dense, 0.0).sum(axis=0) / counts
    deviation = np.sqrt(np.where(known, (dense - mean) ** 2, 0.0).sum(axis=0) / counts)
    return Reader(settings, mean, np.where(deviation > 1e-12, deviation, 1.0), tables, embedding)


def dense_features(
    settings: Features, embedding: SentenceEmbedding | None, prompts: Sequence[str], responses: Sequence[str]
) -> Float[np.ndarray, "answer dense"]:
    """Counted features and the embedding, as they are; nan where a text has none."""
    readers = [COUNTED[name][0] for name in COUNTED if getattr(settings, name)]
    rows = [
        [value for read in readers for value in read(prompt, response)]
        for prompt, response in zip(prompts, responses, strict=True)
    ]
    width = sum(len(COUNTED[name][1]) for name in COUNTED if getattr(settings, name))
    counted = np.asarray(rows, dtype=np.float64).reshape(len(responses), width)
    if embedding is None:
        return counted
    return np.concatenate([counted, embedding(responses).astype(np.float64)], axis=1)
