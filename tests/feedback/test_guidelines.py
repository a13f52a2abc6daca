"""Guidelines: every version kept, the one that holds shown, what changed told, nothing typed lost."""

from uuid import UUID

import pytest
from browser import LAPTOP, PHONE, accessible, page_of, picture, session_of
from qualifying import choose

FIRST = "# How to judge\n\nPrefer the answer that is **true**.\n\n- Short is good.\n- Rude is bad.\n"
SECOND = FIRST.replace("Short is good.", "Short is good, where nothing is missing.").replace(
    "Rude is bad.\n", ""
)


def add(project, text, who="root"):
    from assent.feedback.store.projects import add_guideline

    return add_guideline(project, text, who)


@pytest.fixture
def project(world):
    made = world.project()
    world.items(made, 5)
    return made


@pytest.fixture
def ann(world, project):
    return world.person("ann", "annotator", project)


def test_the_version_that_holds_is_a_piece_of_a_page(world, project, ann):
    client = world.client(ann)
    assert b"Nobody has written one yet" in client.get("/p/pairs/guideline").content
    add(project, FIRST)
    add(project, "Prefer *kindness*. <script>alert(1)</script>")
    page = client.get("/p/pairs/guideline").content.decode()
    assert page.lstrip().startswith("<article")
    assert "Version 2" in page
    assert "Prefer <em>kindness</em>. &lt;script&gt;" in page
    assert "true" not in page


def test_only_members_read_it(world, project):
    assert world.client(world.person("eve")).get("/p/pairs/guideline").status_code == 404
    assert world.client().get("/p/pairs/guideline").status_code == 302


# What changed since somebody last judged


def news(person, project):
    from assent.feedback.views.guidelines import news_for

    found = news_for(person, project)
    return found and (found.before.version if found.before else None, found.now.version)


def test_whoever_has_judged_nothing_has_no_news(project, ann):
    assert news(ann, project) is None
    add(project, FIRST)
    add(project, SECOND)
    assert news(ann, project) is None


def test_news_begin_with_a_new_version_and_end_with_the_next_judgement(world, project, ann):
    bob = world.person("bob", "annotator", project)
    add(project, FIRST)
    choose(ann, project, 0)
    assert news(ann, project) is None
    add(project, SECOND)
    add(project, SECOND + "\nThank you.")
    assert news(ann, project) == (1, 3)
    assert news(bob, project) is None
    choose(ann, project, 0)
    assert news(ann, project) is None


def test_a_first_guideline_is_news_for_whoever_judged_without_one(project, ann):
    choose(ann, project, 0)
    add(project, FIRST)
    assert news(ann, project) == (None, 1)


def test_a_revision_under_the_new_version_is_a_judgement_under_it(project, ann):
    from feedback_world import new_uuid

    from assent.feedback.store import judging

    add(project, FIRST)
    first = choose(ann, project, 0).judgement
    choose(ann, project, 0)
    add(project, SECOND)
    judging.submit(ann, judging.Submission(UUID(new_uuid()), first.shown.pk, {"choice": "tie"}, revision=2))
    assert news(ann, project) is None


def test_judgements_in_another_project_are_no_judgements_here(world, project, ann):
    from assent.feedback.schema.models import Membership

    other = world.project("other")
    world.items(other, 1)
    Membership.objects.create(person=ann, project=other)
    add(project, FIRST)
    choose(ann, project, 0)
    choose(ann, other, 0)
    add(project, SECOND)
    assert (news(ann, project), news(ann, other)) == ((1, 2), None)


def test_the_piece_tells_the_news(world, project, ann):
    add(project, FIRST)
    choose(ann, project, 0)
    add(project, SECOND)
    page = world.client(ann).get("/p/pairs/guideline").content.decode()
    assert "that was under version 1, this is version 2" in page
    assert "<word-difference" in page


def test_a_judgement_names_the_version_that_held_when_its_item_was_given(world, project, ann):
    from working import body, judgements

    client = world.client(ann)
    send = {"content_type": "application/json"}
    add(project, FIRST)
    item = client.post("/p/pairs/next", **send).json()
    add(project, SECOND)
    assert item["guideline"] == 1
    said = body(item["shown"], guideline=item["guideline"], next=True)
    following = client.post("/p/pairs/judgements", said, **send).json()["next"]
    assert following["guideline"] == 2
    assert news(ann, project) == (1, 2)
    client.post("/p/pairs/judgements", body(following["shown"]), **send)  # a page that says nothing of it
    assert [one.guideline for one in judgements()] == [1, 2]


# Where admins write


@pytest.fixture
def admin(world):
    return world.client(world.person("root", "admin"))


PATH = "/admin/p/pairs/guideline"


def texts(project):
    from assent.feedback.schema.models import Guideline

    rows = Guideline.objects.filter(project=project).order_by("version")
    return list(rows.values_list("version", "text", "created_by"))


def test_each_save_is_a_version_and_the_same_again_is_none(project, admin):
    assert admin.post(PATH, {"base": "0", "text": FIRST}).status_code == 302
    # browsers send CR LF: it is the same text
    assert admin.post(PATH, {"base": "1", "text": FIRST.replace("\n", "\r\n")}).status_code == 302
    assert admin.post(PATH, {"base": "1", "text": SECOND}).status_code == 302
    assert texts(project) == [(1, FIRST, "root"), (2, SECOND, "root")]


def test_a_second_click_on_save_says_what_is_stored(world, project):
    from assent.feedback.schema.models import Guideline

    client = world.client(world.person("eve", "admin"))
    for _ in range(2):
        answer = client.post("/admin/p/pairs/guideline", {"base": "0", "text": FIRST})
        assert answer.status_code == 302
    assert Guideline.objects.count() == 1


def test_what_somebody_else_saved_meanwhile_is_not_written_over(project, admin):
    add(project, FIRST)
    add(project, SECOND, "bob")
    answered = admin.post(PATH, {"base": "1", "text": "Mine."})
    page = answered.content.decode()
    assert answered.status_code == 409
    assert "Somebody has saved another version meanwhile" in page
    assert "\nMine.</textarea>" in page
    assert 'name="base" value="2"' in page  # saved again, it is a version after bob's
    assert texts(project) == [(1, FIRST, "root"), (2, SECOND, "bob")]


@pytest.mark.parametrize(
    ("text", "why"), [("", "There is no text"), (" \n ", "There is no text"), ("x" * 100_001, "too long")]
)
def test_what_cannot_be_saved_says_why(project, admin, text, why):
    answered = admin.post(PATH, {"base": "0", "text": text})
    assert answered.status_code == 422
    assert why in answered.content.decode()
    assert texts(project) == []


def test_a_preview_stores_nothing(project, admin):
    shown = admin.post(f"{PATH}/preview", {"text": "**b** <img src=x onerror=alert(1)>"})
    assert shown.content.decode() == "<p><strong>b</strong> &lt;img src=x onerror=alert(1)&gt;</p>"
    assert texts(project) == []


def test_two_versions_are_compared_the_older_first(project, admin):
    for text in (FIRST, SECOND, "Other."):
        add(project, text)
    page = admin.get(f"{PATH}?before=3&after=1").content.decode()
    assert "From version 1 to 3" in page
    assert "From version" not in admin.get(PATH).content.decode()
    assert "From version" not in admin.get(f"{PATH}?before=1&after=9").content.decode()
    assert admin.get(f"{PATH}?before=x&after=").status_code == 200


def test_all_versions_are_listed_the_last_first(project, admin):
    add(project, FIRST, "bob")
    add(project, SECOND, "root")
    page = admin.get(PATH).content.decode()
    assert page.index(">root</td>") < page.index(">bob</td>")


def test_only_admins_write(world, project, ann):
    for person in (ann, world.person("rev", "reviewer")):
        client = world.client(person)
        assert client.get(PATH).status_code == 403
        assert client.post(PATH, {"base": "0", "text": "x"}).status_code == 403
        assert client.post(f"{PATH}/preview", {"text": "x"}).status_code == 403
    assert world.client(world.person("root", "admin")).get(f"{PATH}/preview").status_code == 405
    assert world.client(person).get("/admin/p/nothing/guideline").status_code == 403


# In a browser


@pytest.mark.parametrize(("size", "scheme"), [(LAPTOP, "light"), (PHONE, "dark")])
def test_an_admin_writes_and_sees_it_at_once(world, project, chromium_browser, size, scheme):
    add(project, FIRST, "bob")
    add(project, SECOND, "bob")
    root = world.person("root", "admin")
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, root), viewport=size, color_scheme=scheme)
        page.goto(PATH)
        page.get_by_label("Text, in Markdown").fill(
            "## New\n\nPrefer the *kinder* one.\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        )
        page.locator("#guideline-preview em").wait_for()
        assert page.locator("#guideline-preview").inner_text().startswith("New\n")
        accessible(page)
        picture(page, f"guideline-{scheme}-{size['width']}")
        page.get_by_role("button", name="Save as a new version").click()
        page.get_by_text("Version 3 holds now.").wait_for()
        page.get_by_role("button", name="Show what changed").click()
        page.get_by_role("heading", name="From version 2 to 3").wait_for()
        page.locator("word-difference mark.gone").first.wait_for()
        page.locator("word-difference mark.new").first.wait_for()
        accessible(page)
        picture(page, f"guideline-difference-{scheme}-{size['width']}")
        assert page.faults == []
        page.context.close()
    assert [version for version, *_ in texts(project)] == [1, 2, 3]


def test_a_page_says_under_which_version_it_was_judged(world, project, ann, chromium_browser):
    """Begun before a new version, also where it was reloaded since; and after that was read."""
    from working import at_work, judgements, next_item

    add(project, FIRST)
    with at_work(world, chromium_browser, ann) as page:
        page.keyboard.press("c")
        page.keyboard.type("half a thought")
        add(project, SECOND)
        page.reload()
        page.wait_for_selector("article.item")
        with next_item(page):
            page.keyboard.press("1")
        add(project, "Other.")
        with next_item(page):
            page.keyboard.press("1")
        add(project, "Another.")
        page.keyboard.press("g")
        page.get_by_text("Version 4, ").wait_for()
        page.keyboard.press("g")
        with next_item(page):
            page.keyboard.press("1")
    assert [one.guideline for one in judgements()] == [1, 2, 4]
