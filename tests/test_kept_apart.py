"""Which judgements are held out: those of some prompts, or, where nothing is asked, those of some answers."""

from assent.records import Comparison, Prompt, Rating
from assent.stages.judgements import kept_apart


def said(prompt, left, right):
    return Comparison(Prompt(prompt), (left, right), 0)


def test_a_prompt_stands_on_one_side():
    judged = [said(prompt, f"{prompt} {k}", "no") for prompt in "abcd" for k in range(3)]
    out = kept_apart(judged, 0.25, 0)
    assert [set(out[start : start + 3]) for start in (0, 3, 6, 9)].count({True}) == 1
    assert sum(out) == 3


def test_without_prompts_the_same_answers_stand_on_one_side():
    judged = [said("", f"good {k}", f"bad {k}") for k in range(8)]
    judged += [said("", f"bad {k}", f"good {k}") for k in range(8)]  # seen the other way round
    out = kept_apart(judged, 0.25, 0)
    assert sum(out[:8]) == 2
    assert out[:8] == out[8:]


def test_ratings_without_prompts():
    rated = [Rating(Prompt("rate this"), f"answer {k // 2}", 1.0, (0.0, 1.0)) for k in range(8)]
    out = kept_apart(rated, 0.25, 0)
    assert sum(out) == 2
    assert out[::2] == out[1::2]
