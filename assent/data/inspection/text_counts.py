"""Lengths, scripts and oddities of prompts and answers, counted as they stream by."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from assent.data.inspection.repeats import Record
from assent.data.inspection.text_facts import Lengths, Noted, Pile, Text, broken, script_of
from assent.records import Candidates, Comparison, Demonstration, Labelled, Prompt, Rating, answers_of

NEAR_EMPTY_CHARACTERS = 3
REPEATED_CHARACTERS = 20  # of a prompt at least: shorter ones may begin an answer by chance

CountTokens = Callable[[Prompt, str | None], int]  # (prompt, answer or None): the tokens of either


class TextCounts:
    """Lengths, scripts and oddities of prompts and answers."""

    def __init__(self, count_tokens: CountTokens | None, context: int | None) -> None:
        self._count_tokens, self._context = count_tokens, context
        units = ("characters", "words", *(("tokens",) if count_tokens else ()))
        self.lengths = {which: {unit: Lengths() for unit in units} for which in ("prompt", "answer")}
        self._scripts = Counter[str]()
        names = ("empty_prompts", "short_prompts", "empty_answers", "repeats_prompt", "mojibake", "control")
        self._noted = {name: Noted() for name in (*names, "beyond_context")}
        self._piles = [Pile("characters", 80), Pile("words", 20), Pile("tokens", 20)]

    def add(self, where: str, record: Record, prompt: Text, answers: Mapping[str, Text]) -> None:
        """Count a record's texts; the same answer twice in a row is one."""
        for text in (prompt, *answers.values()):
            self._scripts[script_of(text.text)] += 1
        damaged = {broken(text.text) for text in (prompt, *answers.values())}
        for name in damaged - {""}:
            self._noted[name].add(where)
        self._measure("prompt", prompt)
        if prompt.empty:
            self._noted["empty_prompts"].add(where)
        elif len(prompt.folded) < NEAR_EMPTY_CHARACTERS and prompt.text.isascii():
            self._noted["short_prompts"].add(where)
        for answer in answers.values():
            self._answer(where, prompt, answer)
        if self._count_tokens is not None and not isinstance(record, Labelled):
            self._tokens(where, record if isinstance(record, Prompt) else record.prompt, answers)

    def _measure(self, which: str, text: Text) -> None:
        self.lengths[which]["characters"].add(len(text.text))
        self.lengths[which]["words"].add(text.words)

    def _answer(self, where: str, prompt: Text, answer: Text) -> None:
        self._measure("answer", answer)
        if answer.empty:
            self._noted["empty_answers"].add(where)
        elif _repeats(prompt.folded, answer.folded):
            self._noted["repeats_prompt"].add(where)
        self._piles[0].add(len(answer.text), answer.unfinished, where)
        self._piles[1].add(answer.words, answer.unfinished, where)

    def _tokens(self, where: str, prompt: Prompt, answers: Mapping[str, Text]) -> None:
        assert self._count_tokens is not None
        asked = self._count_tokens(prompt, None)
        self.lengths["prompt"]["tokens"].add(asked)
        longest = 0
        for text, answer in answers.items():
            tokens = self._count_tokens(prompt, text)
            longest = max(longest, tokens)
            self.lengths["answer"]["tokens"].add(tokens)
            self._piles[2].add(tokens, answer.unfinished, where)
        if self._context is not None and asked + longest > self._context:
            self._noted["beyond_context"].add(where)

    def facts(self) -> dict[str, Any]:
        total = self._scripts.total()
        piles = [pile for each in self._piles if (pile := each.facts())]
        return {
            "lengths": {
                which: {unit: found for unit, each in units.items() if (found := each.summary())}
                for which, units in self.lengths.items()
            },
            "context": self._context,
            "scripts": {name or "no letters": n / total for name, n in self._scripts.most_common()},
            "oddities": {name: noted.facts() for name, noted in self._noted.items()},
            "cut": max(piles, key=lambda pile: pile["count"], default=None),
        }


def _repeats(prompt: str, answer: str) -> bool:
    return bool(prompt) and (
        answer == prompt or (len(prompt) >= REPEATED_CHARACTERS and answer.startswith(prompt))
    )


def answers_in(record: Record) -> tuple[str, ...]:
    if isinstance(record, Comparison | Rating):
        return tuple(answers_of(record))
    if isinstance(record, Candidates):
        return record.texts
    return (record.response,) if isinstance(record, Demonstration) else ()
