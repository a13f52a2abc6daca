"""An LLM as one of a recipe's rewards: its known answers are read here, and it keeps its own in the stage."""

from assent.data.sources import demonstrations
from assent.errors import UserError
from assent.rewards.judge import JudgeReward
from assent.rewards.judge_settings import ScoringJudge
from assent.rewards.judging import Surroundings
from assent.stages.workspace import Workspace


def judge_part(settings: ScoringJudge, name: str, work: Workspace) -> JudgeReward:
    """The reward, ready to judge.

    Raises:
        UserError: the key is not set, or a prompt of `against` has two different known answers.
    """
    around = Surroundings(work.folder, work.warn, work.stop)
    return JudgeReward(settings, around, known_answers(settings.against), name)


def known_answers(file: str | None) -> dict[str, str]:
    """The answer to each prompt, from demonstrations; none where no file is named."""
    known: dict[str, str] = {}
    for row in demonstrations(file) if file is not None else []:
        before = known.setdefault(row.prompt.text, row.response)
        if before != row.response:
            raise UserError(
                f"{file}: two known answers to {row.prompt.text[:100]!r}: an answer is held against one, so "
                "keep the one that counts"
            )
    return known
