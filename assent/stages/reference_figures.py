"""The figures of an evaluation that has references: each policy's, with intervals and differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assent.evaluation.compare import Answers
from assent.evaluation.metrics import nearest_cosine
from assent.evaluation.overlap import ROUGE
from assent.evaluation.references import Figure, Sums, by_prompt, figure, mean_of, reward_up_rouge_down
from assent.stages.reference_surprise import Surprises, surprise_figures
from assent.stages.references import Held, between
from assent.stages.workspace import Workspace

Columns = dict[str, np.ndarray]  # by figure: what it adds up, one row an answer


@dataclass(frozen=True)
class Against:
    """What comes of it: `facts` for evaluation.json, and for each policy a row of numbers an answer."""

    facts: dict[str, Any]
    answers: dict[str, list[dict[str, float]]]  # by policy, one for each of `Held.rows`

    def added_to(
        self, policies: Mapping[str, dict[str, float | None]], rows: Sequence[dict[str, Any]], held: Held
    ) -> None:
        """Put the figures beside the policies' other numbers, and each answer's beside the answer."""
        for policy, numbers in policies.items():
            numbers |= {name: found["value"] for name, found in self.facts["policies"][policy].items()}
        for place, (row, number) in enumerate(zip(held.rows, held.numbers, strict=True)):
            rows[row]["references"] = held.texts[number]
            for policy, given in rows[row]["answers"].items():
                given["references"] = self.answers[policy][place]


def against(
    held: Held, policies: Mapping[str, Answers], read: Mapping[str, Surprises], reward: str, work: Workspace
) -> Against:
    """Hold every policy's answers against what people wrote; the first policy's are the measure.

    Args:
        policies: with their answers to all prompts of the evaluation.
        read: by policy that has a distribution, what `read_references` gave.
        reward: the name of the reward among the answers' scores, where there is one.
    """
    first, vectors = next(iter(policies)), _vectors(held)
    columns: dict[str, Columns] = {}
    for policy, answers in policies.items():  # minutes, where answers are long
        between(work, len(columns), len(policies), f"{policy} against references")
        columns[policy] = _columns(held, held.of_rows(answers.texts), held.numbers, vectors)
    sums = {policy: _summed(held, found, held.numbers) for policy, found in columns.items()}
    figures = {policy: _figures(held, found, sums[first]) for policy, found in sums.items()}
    rewards = {name: answers.scores[reward] for name, answers in policies.items() if reward in answers.scores}
    surprise, facts = surprise_figures(held, read, first, work)
    facts |= {
        "policies": {policy: surprise.get(policy, {}) | figures[policy] for policy in policies},
        "unrelated": _unrelated(held, vectors),
        "reward_up_rouge_down": reward_up_rouge_down(_rewards(held, rewards, first), figures),
        "embedding_cut": _cut(held, policies),
        "bleu_signature": held.overlap.signature(held.texts) if "bleu" in held.metrics else None,
    }
    answers = {policy: _each(found, len(held.rows)) for policy, found in columns.items()}
    return Against({"against": first} | held.facts | facts, answers)


def _vectors(held: Held) -> list[np.ndarray]:
    """What people wrote as vectors, by prompt; empty without an encoder."""
    if held.embedding is None:
        return []
    ends = np.cumsum([len(found) for found in held.texts])[:-1]
    return np.split(held.embedding([text for _, text in held.pairs]), ends)


def _cut(held: Held, policies: Mapping[str, Answers]) -> int:
    """How many texts lose their end because the encoder reads no more."""
    if held.embedding is None:
        return 0
    answers = [text for answers in policies.values() for text in held.of_rows(answers.texts)]
    return held.embedding.cut([*answers, *(text for _, text in held.pairs)])


def _columns(
    held: Held, answers: Sequence[str], numbers: Sequence[int], vectors: Sequence[np.ndarray]
) -> Columns:
    """What each figure adds up, of an answer to each of the prompts with these numbers."""
    references = [held.texts[number] for number in numbers]
    found: Columns = {}
    if "rouge" in held.metrics:
        rows = held.overlap.rouge(answers, references)
        found |= {name: _counted([row[name] for row in rows]) for name in ROUGE}
    if "bleu" in held.metrics:
        found["bleu"] = held.overlap.bleu(answers, references)
    if held.embedding is not None:
        pairs = zip(held.embedding(answers), numbers, strict=True)
        found["embedding"] = _counted([nearest_cosine(own, vectors[number]) for own, number in pairs])
    return found


def _counted(values: Sequence[float]) -> np.ndarray:
    """The parts of a mean: (value, 1)."""
    return np.stack([np.asarray(values, dtype=np.float64), np.ones(len(values))], axis=1)


def _summed(held: Held, columns: Columns, numbers: Sequence[int]) -> dict[str, Sums]:
    return {name: by_prompt(rows, numbers, len(held.prompts)) for name, rows in columns.items()}


def _figures(held: Held, own: Mapping[str, Sums], first: Mapping[str, Sums]) -> dict[str, Figure]:
    """One policy's figures; all but the first's also as differences to the first."""
    values = dict.fromkeys(own, mean_of) | {"bleu": held.overlap.bleu_of}
    return {
        name: figure(sums, values[name], None if own is first else first[name]) for name, sums in own.items()
    }


def _unrelated(held: Held, vectors: Sequence[np.ndarray]) -> dict[str, Figure]:
    """What a person's answer to another prompt scores: figures mean something from there on."""
    count = len(held.prompts)
    if count < 2:
        return {}
    others = [held.texts[(number + 1) % count][0] for number in range(count)]
    sums = _summed(held, _columns(held, others, range(count), vectors), range(count))
    return _figures(held, sums, sums)


def _rewards(held: Held, scores: Mapping[str, Sequence[float]], first: str) -> dict[str, Figure]:
    """The mean reward of the answers that have a reference, of every policy but the first."""
    sums = {
        policy: by_prompt(_counted(held.of_rows(values)), held.numbers, len(held.prompts))
        for policy, values in scores.items()
    }
    return {policy: figure(own, mean_of, sums[first]) for policy, own in sums.items() if policy != first}


def _each(columns: Columns, count: int) -> list[dict[str, float]]:
    """The numbers of each answer. BLEU is one of a whole set, so no answer has it."""
    names = [name for name in columns if name != "bleu"]
    return [{name: float(columns[name][row, 0]) for name in names} for row in range(count)]
