"""The settings of a project that is there, as a browser sends them: what nobody touched stays what it is."""

import pytest
from browser_forms import sent_by

ADDRESS = "/admin/p/news/settings"
# A form cannot hold these as they are: its lines are split, its `[` is a scale, its outer spaces go.
QUESTIONS = [
    "Is it good?\n",
    "How good [0 = bad]?",
    "Good?\nSay so.",
    "Good?\nSay so [1-5]",
    " Good?",
    "Good: or not?",
    "Is it\u2028good?",
]


@pytest.fixture
def root(world):
    return world.client(world.person("root", "admin"))


def project(**settings):
    from assent.feedback.schema.models import Project
    from assent.feedback.store.projects import create

    create("news", settings, "yaml")
    return Project.objects.get()


def stored():
    from assent.feedback.schema.models import Project

    return Project.objects.get().settings


def saved(client, **changed):
    """Whether a browser's form was taken, with these fields changed."""
    form = sent_by(client.get(ADDRESS), "overlap")
    return client.post(ADDRESS, form | changed).status_code == 302


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("question", QUESTIONS)
def test_any_question_leaves_the_rest_to_be_changed(world, root, question, locked):
    from assent.feedback.store import claims

    made = project(task="rating", criteria=[{"name": "tone", "question": question}])
    if locked:
        world.items(made, 1, candidates=("one",))
        claims.claim(world.person("ann", "annotator", made), made)
    assert saved(root, title="News")
    assert stored() == {
        "task": "rating",
        "criteria": [{"name": "tone", "question": question}],
        "title": "News",
    }


@pytest.mark.parametrize("question", QUESTIONS)
def test_another_criterion_leaves_those_of_other_lines(world, root, question):
    there = {"name": "tone ", "question": question, "lowest": 1, "highest": 7}
    project(task="rating", criteria=[there])
    form = sent_by(root.get(ADDRESS), "overlap")
    form["own"] = [f"{form['own'][0]}\r\nstyle: Is it plain? [0-1]"]
    assert root.post(ADDRESS, form).status_code == 302
    assert stored()["criteria"] == [
        there,
        {"name": "style", "question": "Is it plain?", "lowest": 0, "highest": 1},
    ]


def test_criteria_longer_than_a_form_takes_stay(world, root):
    criteria = [{"name": f"tone {number}", "question": "Is it good? " * 40} for number in range(30)]
    project(task="rating", criteria=criteria)
    assert saved(root, title="News")
    assert stored()["criteria"] == criteria


def test_numbers_beyond_the_form_stay(world, root):
    """Whoever starts the app may set what the page does not offer; the page rounds what it shows."""
    given = {
        "lease_minutes": 0.05,
        "shared": {"share": 1 / 3, "overlap": 3},
        "gold": {"every": 5000},
        "qualification": {"pass_mark": 0.001},
    }
    project(**given)
    assert saved(root, title="News")
    assert stored() == {**given, "title": "News"}


def test_texts_of_several_lines_stay(world, root):
    """A browser sends the end of a line as two characters, and none in a field of one line."""
    given = {
        "task": "chat",
        "title": "News\nof today ",
        "implicit": {"enabled": True, "consent": "\nWe keep clicks.\n\nAnd times.\n"},
    }
    project(**given)
    assert saved(root, overlap="2")
    assert stored() == {**given, "overlap": 2}


def test_what_is_typed_in_lines_is_stored_in_lines(world, root):
    project(task="chat", implicit={"enabled": True, "consent": "Yes."})
    assert saved(root, consent="We keep clicks.\r\n\r\nAnd times.")
    assert stored()["implicit"] == {"enabled": True, "consent": "We keep clicks.\n\nAnd times."}


def test_a_change_is_told(world, root):
    from assent.feedback.schema.models import Audit

    project(title="Old", gold={"items": "gold.jsonl", "every": 4})
    assert saved(root, title="New", lease_minutes="10", strength="on")
    assert stored() == {
        "title": "New",
        "lease_minutes": 10,
        "strength": True,
        "gold": {"items": "gold.jsonl", "every": 4},  # what has no field is kept
    }
    detail = Audit.objects.get(what="project changed").detail
    assert detail["changed"]["title"] == {"from": "Old", "to": "New"}
    assert set(detail["changed"]) == {"title", "lease_minutes", "strength"}
    assert "title: Old → New" in root.get("/admin/p/news/").content.decode()


def test_what_is_judged_under_cannot_change(world, root):
    made = world.project("news", title="Old")
    world.judged_one(made)
    page = root.get(ADDRESS).content.decode()
    assert "somebody has begun to judge" in page
    assert "there are items or talks of this task" in page
    # A browser does not send fields that are locked; one that does is not listened to.
    assert saved(root, title="New", strength="on", task="ranking")
    assert stored() == {"task": "pairwise", "title": "New"}


def test_what_has_no_field_of_its_own_is_told_above_the_form(world, root):
    """A test that came with a recipe forbids a task that has no right answers."""
    project(qualification={"test": "test.jsonl"})
    form = sent_by(root.get(ADDRESS), "overlap")
    response = root.post(ADDRESS, form | {"task": "demonstration", "gold_every": ""})
    assert response.status_code == 422
    assert "have a right answer, which demonstration has not" in response.content.decode()
    assert "task" not in stored()


def test_saving_what_is_there_changes_nothing(world, root):
    from assent.feedback.schema.models import Audit

    given = {"task": "rating", "criteria": "summary", "gold": {"every": 4}, "shared": {"share": 0.07}}
    before = project(**given).settings
    assert saved(root)
    assert stored() == before
    assert not Audit.objects.filter(what="project changed").exists()


def test_a_mistake_in_what_was_touched_is_told_still(world, root):
    project(task="rating", criteria=[{"name": "tone", "question": "How good [0 = bad]?"}])
    form = sent_by(root.get(ADDRESS), "overlap")
    response = root.post(
        ADDRESS, form | {"own": "tone: How good [0 = poor]?", "overlap": "0", "title": "News"}
    )
    assert response.status_code == 422
    page = response.content.decode()
    assert "Line 1: expected" in page
    assert "greater than or equal to 1" in page
    assert "tone: How good [0 = poor]?" in page
    assert 'value="News"' in page


def test_two_admins_change_two_settings(world, root):
    """The slower one sees what the other has changed, and what they typed themselves; nothing is lost."""
    project(title="Old", overlap=1)
    eve = world.client(world.person("eve", "admin"))
    form = sent_by(eve.get(ADDRESS), "overlap")
    assert saved(root, overlap="3", strength="on")
    answer = eve.post(ADDRESS, form | {"title": "News <b>"})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "<dt>Judgements an item</dt><dd><del>1</del> → <ins>3</ins></dd>" in page
    assert "<dt>Also ask how much better</dt><dd><del>no</del> → <ins>yes</ins></dd>" in page
    assert "<dt>Title</dt>" not in page  # only eve has changed it
    assert stored() == {"title": "Old", "overlap": 3, "strength": True}
    again = sent_by(answer, "overlap")
    assert (again["title"], again["overlap"], again["strength"]) == (["News <b>"], ["3"], ["on"])
    assert eve.post(ADDRESS, again).status_code == 302
    assert stored() == {"title": "News <b>", "overlap": 3, "strength": True}


def test_two_admins_change_the_same_setting(world, root):
    project(title="Old", criteria="summary", task="rating")
    eve = world.client(world.person("eve", "admin"))
    form = sent_by(eve.get(ADDRESS), "overlap")
    assert saved(root, title="Theirs", preset="dialogue")
    answer = eve.post(ADDRESS, form | {"title": "Mine", "lease_minutes": "soon"})
    page = answer.content.decode()
    assert "<dt>Title</dt><dd><del>Old</del> → <ins>Theirs</ins></dd><dd>Yours: Mine</dd>" in page
    assert "<del>Summary: fluency, accuracy, completeness</del>" in page
    again = sent_by(answer, "overlap")
    assert (again["title"], again["preset"], again["lease_minutes"]) == (["Mine"], ["dialogue"], ["soon"])
    answer = eve.post(ADDRESS, again)
    assert answer.status_code == 422  # what is wrong is told as soon as it would be stored
    again = sent_by(answer, "overlap") | {"lease_minutes": "20"}
    assert eve.post(ADDRESS, again).status_code == 302
    assert stored() == {"task": "rating", "criteria": "dialogue", "title": "Mine", "lease_minutes": 20}


def test_a_setting_is_locked_while_it_is_typed(world, root):
    made = project(task="rating", criteria=[{"name": "tone"}])
    form = sent_by(root.get(ADDRESS), "overlap")
    world.items(made, 1, candidates=("one",), part="gold", expected={"ratings": [{"tone": 5}]})
    answer = root.post(ADDRESS, form | {"title": "News", "own": "style [1-3]"})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "the expected answers of gold, practice or test items are by these" in page
    assert "Yours: style [1-3]" in page
    assert stored() == {"task": "rating", "criteria": [{"name": "tone"}]}
    again = sent_by(answer, "overlap")
    assert "own" not in again  # it is locked now
    assert root.post(ADDRESS, again).status_code == 302
    assert stored() == {"task": "rating", "criteria": [{"name": "tone"}], "title": "News"}


@pytest.mark.parametrize("base", [{}, {"base": ""}, {"base": "made up"}, {"base": "e30:1vMXXX:made-up"}])
def test_a_form_that_says_not_what_it_showed_overwrites_nothing(world, root, base):
    project(title="Old", strength=True)
    form = sent_by(root.get(ADDRESS), "overlap")
    del form["base"]
    answer = root.post(ADDRESS, form | {"title": "New"} | base)
    assert answer.status_code == 409
    assert "may have changed since you opened the page" in answer.content.decode()
    assert stored() == {"title": "Old", "strength": True}
    assert root.post(ADDRESS, sent_by(answer, "overlap")).status_code == 302
    assert stored() == {"title": "New", "strength": True}


def test_a_second_click_on_save_says_what_is_stored(world, root):
    project(title="Old", policies=[])
    form = sent_by(root.get(ADDRESS), "overlap") | {"title": "New ", "shared_percent": "20.0"}
    for _ in range(2):
        assert root.post(ADDRESS, form).status_code == 302
    assert stored()["title"] == "New"
