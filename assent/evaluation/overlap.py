"""How much of a person's words an answer shares: ROUGE and BLEU, by the libraries that papers report."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from jaxtyping import Float

from assent.extras import extra
from assent.records import UNSPACED

Language = Literal["en", "zh"]  # how words are cut: between spaces, or each Chinese character by itself

EXTRA = "metrics"  # in pyproject.toml
ROUGE = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}  # our name -> the library's
ORDERS = 4  # the longest run of words that BLEU counts

CHARACTER = re.compile(f"[{UNSPACED}]")
LETTER = re.compile(r"[^\W\d_]")
# Of plain English both give what rouge_score gives by itself: lower case, letters and digits.
WORDS = {
    "en": re.compile(r"[^\W_]+"),
    "zh": re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+"),
}
# Cutting a Chinese text between spaces spoils every number; cutting an English one for Chinese spoils none.
ENOUGH = 0.1


def unspaced_share(texts: Iterable[str]) -> float:
    """The share of Chinese and Japanese characters among all letters; 0 where there are no letters."""
    letters = characters = 0
    for text in texts:
        letters += len(LETTER.findall(text))
        characters += len(CHARACTER.findall(text))
    return characters / letters if letters else 0.0


def language_of(texts: Iterable[str]) -> Language:
    """`zh` from a tenth of Chinese or Japanese characters on."""
    return "zh" if unspaced_share(texts) >= ENOUGH else "en"


@dataclass(frozen=True)
class Words:
    """A tokenizer for rouge_score, whose own drops every letter that is not ASCII: Chinese scores 0 there."""

    language: Language

    def tokenize(self, text: str) -> list[str]:
        """Lower case, without signs; no word is shortened to its stem."""
        return WORDS[self.language].findall(text.lower())


@dataclass(frozen=True)
class Overlap:
    """What compares answers with references, its libraries loaded: a missing one is told before the work."""

    cut: str  # what sacrebleu calls its way to cut words
    scorer: Any  # rouge_score's; None where nobody asked for ROUGE
    library: Any  # sacrebleu's BLEU; None where nobody asked for it

    @classmethod
    def of(cls, metrics: Collection[str], language: Language, where: str) -> Self:
        """Raises UserError where what `metrics` (rouge, bleu) need is not installed."""
        scorer = library = None
        if "rouge" in metrics:
            found = extra("rouge_score.rouge_scorer", EXTRA, f"{where}: rouge")
            scorer = found.RougeScorer(list(ROUGE.values()), tokenizer=Words(language))
        if "bleu" in metrics:
            library = extra("sacrebleu.metrics.bleu", EXTRA, f"{where}: bleu").BLEU
        return cls("zh" if language == "zh" else "13a", scorer, library)

    def rouge(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[dict[str, float]]:
        """ROUGE-1, -2 and -L, F1 from 0 to 1, of each answer: Lin 2004, aclanthology.org/W04-1013.

        Of several references the one that is closest by that number counts.
        """
        pairs = zip(answers, references, strict=True)
        scores = (self.scorer.score_multi(list(found), answer) for answer, found in pairs)
        return [{name: float(row[theirs].fmeasure) for name, theirs in ROUGE.items()} for row in scores]

    def bleu(
        self, answers: Sequence[str], references: Sequence[Sequence[str]]
    ) -> Float[np.ndarray, "answer part"]:
        """What corpus BLEU sums over answers: their length, the nearest reference's, matches, totals."""
        bleu = self.library(tokenize=self.cut, force=True, effective_order=True)
        scores = (bleu.sentence_score(*pair) for pair in zip(answers, references, strict=True))
        rows = [[score.sys_len, score.ref_len, *score.counts, *score.totals] for score in scores]
        return np.asarray(rows, dtype=np.float64)

    def bleu_of(self, sums: Float[np.ndarray, " part"]) -> float:
        """BLEU of a whole set, 0 to 100, from the sums of `bleu`: arXiv:1804.08771."""
        whole = sums.round().astype(int).tolist()
        correct, total = whole[2 : 2 + ORDERS], whole[2 + ORDERS :]
        return float(self.library.compute_bleu(correct, total, *whole[:2], smooth_method="exp").score)

    def signature(self, references: Sequence[Sequence[str]]) -> str:
        """How BLEU is counted, as papers give it beside the number."""
        bleu = self.library(tokenize=self.cut, force=True)
        most = max(map(len, references))
        streams = [[found[k] if k < len(found) else None for found in references] for k in range(most)]
        bleu.corpus_score([found[0] for found in references], streams)  # tells it how many there are
        return str(bleu.get_signature())
