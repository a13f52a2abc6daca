"""Judgements of every kind about the same three answers, and the reward stage run by itself on them."""

import itertools
import json

from stage_world import Lines, made, sha256, tiny_world
from tiny_encoders import tiny_encoder

from assent.config import check
from assent.rewards.saved import saved_reward
from assent.stages.neural_reward import Config, run
from assent.stages.workspace import Workspace

GPT2 = {"family": "gpt2", "width": 16, "depth": 1, "heads": 2, "context": 112, "vocabulary": 600}
BEST, MIDDLE, WORST = "Mara sold the house.", "Mara was there once.", "On Monday it rained."
QUICK = {"group_texts": 0, "attributions": 0}


def reward_world(folder):
    """A model that has read a little: `world / "gpt2"`; one of two halves: `world / "t5"`; an encoder."""
    tiny_world(folder)
    for family in ("gpt2", "t5"):
        shape = {**GPT2, "family": family}
        made("pretrain", folder / "made", data=str(folder / "corpus.txt"), model=shape, steps=3, batch=4)
        (folder / "made" / "model").rename(folder / family)
        (folder / "made").rename(folder / f"made-{family}")
    tiny_encoder("bert", folder / "bert")
    return folder


def judged(path, *makers, count=24):
    """Rows by each maker in turn, which is given the answers in another order each time."""
    orders = itertools.cycle(itertools.permutations((BEST, MIDDLE, WORST)))
    turns = zip(range(count), orders, itertools.cycle(makers), strict=False)
    found = [{"input_text": f"Report {n}:", **make(list(order))} for n, order, make in turns]
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return str(path)


def three(texts, **more):
    return {f"candidate_{place}": text for place, text in enumerate(texts)} | more


def choice(texts):
    return three(texts, choice=texts.index(BEST))


def order(texts):
    return [texts.index(text) for text in (BEST, MIDDLE, WORST)]


def ranking(texts):
    return three(texts, ranking=order(texts))


def tied(texts):
    best, middle, worst = order(texts)
    return three(texts, ranking=[best, [middle, worst]])


def pairs(texts):
    best, middle, worst = order(texts)
    return three(texts, pairs=[[best, middle, best], [worst, middle, middle]])


def two(texts, **more):
    kept = [text for text in texts if text != MIDDLE]
    return three(kept, choice=kept.index(BEST)) | more


def strong(texts):
    return two(texts, meta={"strength": 1.0})


def rating(texts):
    return {"output_text": texts[0], "rating": 5 - order(texts).index(0), "scale": [1, 5]}


def criteria(texts):
    place = order(texts).index(0)
    given = {"good": 2 - place, "bad": place} if place else {"good": 2}
    return {"output_text": texts[0], "ratings": given, "scale": [0, 2]}


def label(texts):
    return {"output_text": texts[0], "label": texts[0] == BEST}


def rewarded(folder, stop=lambda: False, told=None, **settings):
    """Run the stage by itself; its folder, and what it logged."""
    folder.mkdir(parents=True, exist_ok=True)
    log = Lines()
    warnings = [] if told is None else told
    work = Workspace("judge", folder, log, lambda done, total, note: None, stop, warn=warnings.append)
    run(check(Config, {"trust": QUICK, **settings}, "judge"), work)
    return folder, log


def scores(folder, *texts):
    return saved_reward(str(folder / "model"))(["Report 3:"] * len(texts), texts)


def weights(folder):
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("model/**/*.safetensors")}


def settings_of(world):
    """Enough of a training to learn what `judged` says."""
    return {"model": str(world / "gpt2"), "epochs": 8, "batch": 8, "learning_rate": 0.01, "held_out": 0.25}
