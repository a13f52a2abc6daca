"""Projects in the admin pages: made by form or YAML, watched, changed where that is safe, closed."""

import pytest
from browser_forms import sent_by
from feedback_world import services

DEFAULTS = {  # what the empty form sends
    "name": "news",
    "title": "",
    "task": "pairwise",
    "preset": "",
    "own": "",
    "consent": "",
    "overlap": "1",
    "shared_percent": "15",
    "shared_overlap": "3",
    "gold_every": "10",
    "pass_percent": "80",
    "lease_minutes": "30",
    "guideline": "",
}


@pytest.fixture
def root(world):
    return world.client(world.person("root", "admin"))


def text_of(response):
    return response.content.decode()


def made(name="news"):
    from assent.feedback.schema.models import Project
    from assent.feedback.store.projects import settings_of

    return settings_of(Project.objects.get(name=name))


def test_the_form_makes_what_a_recipe_would(world, root):
    from assent.feedback.projects import Gold, ProjectSettings
    from assent.feedback.schema.models import Audit, Guideline

    given = {**DEFAULTS, "title": "News", "strength": "on", "guideline": "# Look\nfor facts"}
    response = root.post("/admin/new", given)
    assert response["Location"] == "/admin/p/news/"
    settings = made()
    assert settings == ProjectSettings(
        title="News", strength=True, gold=Gold.model_validate({"every": 10})
    )  # all others are the defaults of a recipe
    assert Guideline.objects.get().text == "# Look\nfor facts"
    assert [one.what for one in Audit.objects.order_by("pk")] == ["project created", "guideline changed"]
    assert Audit.objects.first().who == "root"


@pytest.fixture
def served(world):
    """The app of this world was started with a model to talk to."""
    from django.conf import settings

    settings.SERVICES = services(talk={"house": lambda messages, seed: "Yes."})


@pytest.mark.usefixtures("served")
def test_each_task_keeps_what_belongs_to_it_alone(world, root):
    """What was typed for another task and is hidden again counts for nothing; neither does gold."""
    all_of_them = {"strength": "on", "preset": "summary", "implicit": "on", "consent": "We keep clicks."}
    all_of_them["policies"] = "house"
    for task in ("pairwise", "ranking", "rating", "demonstration", "edit", "chat"):
        given = {**DEFAULTS, **all_of_them, "name": task, "task": task}
        assert root.post("/admin/new", given).status_code == 302
        settings = made(task)
        assert settings.strength == (task == "pairwise")
        assert bool(settings.criteria) == (task == "rating")
        assert settings.implicit.enabled == (task == "chat")
        assert (settings.gold is not None) == (task in ("pairwise", "ranking", "rating"))


def test_own_criteria(world, root):
    given = {
        **DEFAULTS,
        "task": "rating",
        "preset": "own",
        "own": "accuracy: Is it true? [1-7]\n\n tone\nstyle [0-1]",
    }
    assert root.post("/admin/new", given).status_code == 302
    told = [(one.name, one.question, one.lowest, one.highest) for one in made().scales]
    assert told == [("accuracy", "Is it true?", 1, 7), ("tone", "", 1, 5), ("style", "", 0, 1)]


@pytest.mark.parametrize(
    ("given", "field", "told"),
    [
        ({"name": ""}, "name", "This field is required"),
        ({"name": "a b"}, "name", "Use letters a to z, digits, - and _"),
        ({"name": "OLD"}, "name", "There is a project of this name already"),
        ({"overlap": "0"}, "overlap", "greater than or equal to 1"),
        ({"shared_percent": "101"}, "shared_percent", "less than or equal to 100"),
        ({"lease_minutes": "soon"}, "lease_minutes", "Enter a number"),
        ({"pass_percent": "nan"}, "pass_percent", "Enter a number"),
        ({"gold_every": "1"}, "gold_every", "greater than or equal to 2"),
        ({"task": "rating"}, "preset", "Choose what to rate by"),
        ({"task": "rating", "preset": "own"}, "own", "Write one criterion at least"),
        ({"task": "rating", "preset": "own", "own": "good\ngood"}, "own", "a criterion is given twice: good"),
        ({"task": "rating", "preset": "own", "own": "good [5-1]"}, "own", "Line 1: expected a scale"),
        ({"task": "rating", "preset": "own", "own": "fine\ngood [x]"}, "own", "Line 2: expected"),
        ({"task": "rating", "preset": "own", "own": "1st"}, "own", "English letters"),
        ({"task": "chat", "implicit": "on"}, "consent", "Write what people agree to"),
        ({"title": "a" * 201}, "title", "at most 200 characters"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost(world, root, given, field, told):
    from assent.feedback.schema.models import Project

    world.project("old")
    typed = {"guideline": "what I wrote <b>so far</b>", "title": "My title"}
    response = root.post("/admin/new", {**DEFAULTS, **typed, **given})
    page = text_of(response)
    assert response.status_code == 422
    assert told in page.partition(f'id="id_{field}_error"')[2].partition("</div>")[0]
    assert "what I wrote &lt;b&gt;so far&lt;/b&gt;" in page
    assert Project.objects.count() == 1


def test_pasted_yaml_makes_the_same(world, root):
    text = "task: rating\ncriteria: summary\noverlap: 2\ngold: {every: 5}\n"
    assert root.post("/admin/new", {"name": "news", "yaml": text})["Location"] == "/admin/p/news/"
    settings = made()
    assert (settings.task, settings.criteria, settings.overlap) == ("rating", "summary", 2)
    assert settings.gold.every == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("task: [", "YAML:1:8: not valid YAML"),
        ("task: rate", "YAML: task: input should be"),
        ("overlapp: 2", "did you mean overlap?"),
        ("guideline: /etc/passwd", "guideline: files of the server are not read from here"),
        ("gold: {items: /etc/passwd}", "gold.items: files of the server are not read from here"),
        ("qualification: {test: secret.jsonl}", "qualification.test: files of the server"),
        ("items: a.jsonl", "items: leave it out"),
        ("name: news", "name: leave it out, and write it in the field above."),
        ("out: a.jsonl", "out: leave it out; judgements are downloaded"),
        ("task: rating\ncriteria: nonsense", "YAML: criteria: expected one of summary, dialogue"),
        ("- a", "expected"),
        ("a: &a [1]\nb: *a", "unknown key"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_wrong_yaml_is_told_with_its_place_and_stays(world, root, text, told):
    from django.utils.html import escape

    from assent.feedback.schema.models import Project

    response = root.post("/admin/new", {"name": "news", "yaml": text})
    assert response.status_code == 422
    assert escape(told) in text_of(response)
    assert escape(text) in text_of(response)
    assert Project.objects.count() == 0


@pytest.mark.parametrize(
    ("part", "expected", "locked"), [("test", {"ratings": [{"a": 5}]}, True), ("real", None, False)]
)
def test_criteria_that_something_is_expected_by_cannot_change(world, root, part, expected, locked):
    from assent.feedback.store.changes import Locked, change_settings

    project = world.project("rates", task="rating", criteria=[{"name": "a"}])
    world.items(project, 1, candidates=("one",), part=part, expected=expected)
    told = "the expected answers of gold, practice or test items are by these"
    assert (told in text_of(root.get("/admin/p/rates/settings"))) is locked
    other = {"task": "rating", "criteria": [{"name": "b"}]}
    if not locked:
        assert change_settings(project, other, "root").settings == other
        return
    with pytest.raises(Locked, match=told):
        change_settings(project, other, "root")
    change_settings(project, {**project.settings, "title": "Rates"}, "root")  # all else may


def test_the_store_itself_refuses_what_is_locked(world):
    from assent.feedback.store.changes import Locked, change_settings

    project = world.project()
    world.judged_one(project)
    with pytest.raises(Locked, match="strength: It cannot change any more"):
        change_settings(project, {"task": "pairwise", "strength": True}, "root")


def test_closed_and_open_again(world, root):
    from assent.feedback.schema.models import Audit, Project

    project = world.project("news")
    for _ in range(2):  # a second click changes nothing
        assert root.post("/admin/p/news/close")["Location"] == "/admin/p/news/"
    assert Project.objects.get().closed is not None
    assert "Nobody is given new items" in text_of(root.get("/admin/p/news/"))
    for _ in range(2):
        root.post("/admin/p/news/open")
    assert Project.objects.get().closed is None
    told = [one.what for one in Audit.objects.filter(detail__project=project.name).order_by("pk")]
    assert told == ["project closed", "project opened"]


def test_markup_in_titles_and_names_is_text(world, root):
    evil = "<img src=x onerror=alert(1)>"
    world.project("news", title=evil)
    for path in ("/admin/", "/admin/p/news/", "/admin/p/news/settings", "/admin/p/news/items"):
        assert evil not in text_of(root.get(path))


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("? [a, b]\n: 3", "expected a name before the colon"),
        ("x: " + "[" * 3000, "too deep"),
        ("gold: {every: 10, items: /etc/passwd}", "gold.items: files of the server are not read"),
    ],
)
def test_yaml_that_is_no_settings_is_told_at_its_field(world, yaml, told):
    client = world.client(world.person("root", "admin"))
    response = client.post("/admin/new", {"name": "odd", "yaml": yaml})
    assert response.status_code == 422
    assert told in response.content.decode()


def test_yaml_may_be_pasted_as_it_stands_in_a_recipe(world, root):
    text = "  task: rating\r\n  criteria:\r\n    - {name: tone}\r\n"
    assert root.post("/admin/new", {"name": "news", "yaml": text}).status_code == 302
    assert made().scales[0].name == "tone"
    wrong = "  task: rating\r\n  overlap: 0\r\n"
    response = root.post("/admin/new", {"name": "other", "yaml": wrong})
    assert response.status_code == 422
    assert sent_by(response, "yaml")["yaml"] == [wrong]


@pytest.mark.parametrize("text", [" ", "\r\n"])
def test_yaml_of_nothing_is_told(world, root, text):
    response = root.post("/admin/new", {"name": "news", "yaml": text})
    assert response.status_code == 422
    assert 'id="yaml_yaml_error"' in text_of(response)


def test_a_guideline_that_nobody_changed_is_no_new_version(world, root):
    """A browser sends the end of a line as two characters, also with a new project."""
    from assent.feedback.schema.models import Guideline

    root.post("/admin/new", {**DEFAULTS, "guideline": "# Look\r\n\r\nfor facts"})
    assert Guideline.objects.get().text == "# Look\n\nfor facts"
    form = sent_by(root.get("/admin/p/news/guideline"), "text")
    assert root.post("/admin/p/news/guideline", form).status_code == 302
    assert Guideline.objects.count() == 1


def test_yaml_without_a_name_is_told(world, root):
    response = root.post("/admin/new", {"name": "", "yaml": "task: ranking"})
    assert response.status_code == 422
    assert "task: ranking" in text_of(response)


def test_gold_may_be_uploaded_later(world):
    from assent.feedback.schema.models import Project
    from assent.feedback.store.projects import settings_of

    client = world.client(world.person("root", "admin"))
    assert client.post("/admin/new", {"name": "later", "yaml": "gold: {every: 7}"}).status_code == 302
    gold = settings_of(Project.objects.get(name="later")).gold
    assert (gold.items, gold.every) == (None, 7)
