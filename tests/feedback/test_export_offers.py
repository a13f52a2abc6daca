"""Which files the page of a project offers: all of its task; of those without rows it says so."""

import re

import pytest
from feedback_world import new_uuid


@pytest.fixture
def root(world):
    return world.client(world.person("root", "admin"))


def text_of(response):
    return response.content.decode()


@pytest.mark.parametrize("task", ["pairwise", "ranking", "rating", "demonstration", "edit", "chat"])
def test_every_file_is_there_to_download(world, root, task):
    from assent.feedback.exchange.export import STYLES, kinds_of

    more = {"criteria": "summary"} if task == "rating" else {}
    world.items(world.project("news", task=task, **more), 1)
    page = text_of(root.get("/admin/p/news/"))
    named = re.findall(r'href="/admin/p/news/export/([^"]+)"|data-kind="([^"]+)"', page)
    kinds = {link or empty for link, empty in named}
    assert kinds == {*kinds_of(task), *STYLES.get(task, {})}
    for kind in kinds:
        response = root.get(f"/admin/p/news/export/{kind}")
        assert response.status_code == 200, kind
        b"".join(response)


def offered(page):
    """The kinds of files that can be downloaded there."""
    return set(re.findall(r'href="/admin/p/news/export/([^"]+)"', page))


def test_a_file_without_rows_is_not_offered(world, root):
    from people_world import BOTH_BAD, TIE, answers, prefers

    project = world.project("news")
    ann = world.person("ann", "annotator", project)
    world.items(project, 4)
    page = text_of(root.get("/admin/p/news/"))
    assert (offered(page), page.count("nothing yet")) == (set(), 14)  # eleven of ours, three forms of others
    answers(ann, project, TIE)
    assert offered(text_of(root.get("/admin/p/news/"))) == {"ties", "votes"}
    answers(ann, project, BOTH_BAD, prefers("one"))
    decided = {"judgements", "trl", "hh", "kto"}
    assert offered(text_of(root.get("/admin/p/news/"))) == {"ties", "votes", "both_bad", *decided}
    world.items(project, 1, part="gold", expected={"choice": 0})
    assert "gold" not in offered(text_of(root.get("/admin/p/news/")))  # nobody has judged it


def test_what_is_known_of_each_person_is_offered(world, root):
    from qualifying import choose

    from assent.feedback.schema.models import Flag, Shown, Skip
    from assent.feedback.store.projects import add_guideline

    project = world.project("news", task="pairwise")
    world.items(project, 1, part="test", expected={"choice": 0})
    ann = world.person("ann", "annotator", project)
    choose(ann, project, 0)
    add_guideline(project, "Look.", "root")
    shown = Shown.objects.get()
    Skip.objects.create(shown=shown, reason="")
    Flag.objects.create(uuid=new_uuid(), shown=shown, text="cut off")
    there = {"qualification", "guidelines", "skips", "flags"}
    assert offered(text_of(root.get("/admin/p/news/"))) == there
    world.items(world.project("other"), 1)
    assert "export/flags" not in text_of(root.get("/admin/p/other/"))


def test_only_what_is_seen_at_a_glance_is_told_to_be_empty(world, root, monkeypatch):
    """Where more was given to people than is looked at, any file but that of gold may have rows."""
    from assent.feedback.exchange import filled

    project = world.project("news")
    world.judged_one(project)
    monkeypatch.setattr(filled, "MANY", 1)
    assert "ties" not in offered(text_of(root.get("/admin/p/news/")))
    monkeypatch.setattr(filled, "MANY", 0)
    there = offered(text_of(root.get("/admin/p/news/")))
    assert {"judgements", "ties", "surplus", "kto"} <= there
    assert there.isdisjoint({"gold", "qualification", "skips", "flags", "guidelines"})


def test_chats_are_offered_when_somebody_has_talked(world, root):
    from chat_world import chat_of

    chat = chat_of(world)
    page = text_of(root.get("/admin/p/talk/"))
    assert page.count("nothing yet") == 6
    chat.said()
    assert re.findall(r"/export/([^\"]+)", text_of(root.get("/admin/p/talk/"))) == ["chats"]


def test_forms_of_other_programs_are_written_as_the_guide_does(world, root):
    world.items(world.project("news", task="ranking"), 1)
    page = text_of(root.get("/admin/p/news/"))
    assert ">k-way <" in page
    assert "K-WAY" not in page
