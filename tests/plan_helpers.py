"""One recipe and two short ways to plan it, for the tests of plans and of keys."""

from pipeline_fakes import STAGES, recipe

from assent.pipeline.plan import plan

WHOLE = """
base:     {stage: train, data: corpus.txt}
tuned:    {stage: train, model: $base, data: $feedback}
answers:  {stage: rows, model: $base}
feedback: {stage: annotate, candidates: $answers, judgements: judged.jsonl}
"""


def planned(folder, text, stages=STAGES, out="run"):
    return plan(recipe(folder, text), stages, folder / out)


def keys(folder, text, **more):
    return {step.name: step.key for step in planned(folder, text, **more).steps}
