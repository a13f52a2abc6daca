"""A reward model as a reward: text in, scores out, whatever tokenizer the policy has."""

from collections import Counter
from collections.abc import Sequence

import torch

from assent.models.heads import RewardModel
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt


class LearnedReward:
    """Scores of a trained reward model, answers of like length read together.

    Args:
        rows: answers that are read at once.
    """

    def __init__(self, model: RewardModel, tokenizer: Tokenizer, rows: int = 64):
        self.model, self.tokenizer, self.rows = model, tokenizer, rows

    @torch.no_grad()
    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        order = sorted(range(len(responses)), key=lambda index: len(prompts[index]) + len(responses[index]))
        scores = [0.0] * len(responses)
        for start in range(0, len(order), self.rows):
            rows = order[start : start + self.rows]
            asked, _ = self.tokenizer.prompts([Prompt(prompts[row]) for row in rows])
            answered, _ = self.tokenizer.responses([responses[row] for row in rows])
            device = self.model.body.device
            for row, score in zip(
                rows, self.model.scores(asked.to(device), answered.to(device)).tolist(), strict=True
            ):
                scores[row] = score
        return scores

    def unread(self, responses: Sequence[str]) -> float:
        """The share of the answers' characters that this tokenizer cannot spell, spaces and case aside.

        Above zero, the model judges something else than what the policy wrote.
        """
        tokens, _ = self.tokenizer.responses(responses)
        told, missing = 0, 0
        for written, read in zip(responses, self.tokenizer.texts(tokens), strict=True):
            letters, spelt = (Counter("".join(text.split()).casefold()) for text in (written, read))
            told += letters.total()
            missing += (letters - spelt).total()
        return missing / max(1, told)
