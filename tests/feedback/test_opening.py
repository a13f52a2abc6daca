"""A file of items that has changed since the app was opened on it."""

import json

import pytest
from exchanging import pair
from test_then_run import items, opened

from assent.errors import UserError
from assent.tools.annotate import Wishes
from assent.tools.annotate_files import project_job


def job_of(folder, text, *rows):
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "tea.yaml").write_text(f"items: rows.jsonl\nshared: {{share: 0}}\n{text}")
    return project_job(folder / "tea.yaml", Wishes())


def test_other_prompts_under_the_same_name_are_other_items(world, tmp_path):
    from assent.feedback.schema.models import Item

    text = "task: demonstration\n"
    opened(job_of(tmp_path, text, {"input_text": "What is tea?", "id": "q"}))
    rows = ({"input_text": "What is coffee?", "id": "q"}, {"input_text": "What is tea?", "id": "q"})
    assert opened(job_of(tmp_path, text, *rows))[0].items == 1
    assert opened(job_of(tmp_path, text, *rows, {"input_text": "And milk?", "id": "p"}))[0].items == 1
    prompts = dict(Item.objects.order_by("position").values_list("prompt", "name"))
    assert list(prompts) == ["What is tea?", "What is coffee?", "And milk?"]
    assert (prompts["What is tea?"], prompts["And milk?"]) == ("q", "p")
    assert prompts["What is coffee?"].startswith("q-")


def test_further_judgements_are_of_the_items_that_are_there(world, tmp_path):
    first = pair("x", 0, "ann")
    opened(job_of(tmp_path, "", first))
    [made] = opened(job_of(tmp_path, "", first, pair("x", 1, "bob"), pair("y", 1, "bob")))
    assert (made.items, made.judgements) == (1, 2)
    assert list(items()) == ["x", "y"]


def test_a_guideline_that_is_no_text_is_told_of(world, tmp_path):
    (tmp_path / "how.md").write_bytes(b"\xff\xfe\xff")
    job = job_of(tmp_path, "guideline: how.md\n", pair())
    with pytest.raises(UserError, match=r"tea\.yaml: guideline: .*how\.md: cannot be read as UTF-8 text"):
        opened(job)
