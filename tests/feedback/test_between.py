"""What stands between a browser and the server, and a second tab, take nothing from anybody."""

from browser import page_of, session_of
from chat_world import chat_of, eventually
from django.conf import settings as configured
from playwright.sync_api import expect
from working import at_work, judgements, next_item, said, shown

PORTAL = "<html><body>Welcome to our hotel. Please log in.</body></html>"


def two_items(world):
    project = world.project()
    world.items(project, 2)
    return world.person("ann", "annotator", project)


def test_a_page_of_somebody_else_with_status_200_is_no_receipt(world, chromium_browser):
    asked = []

    def portal(route):
        asked.append(route.request.url)
        if len(asked) > 1:
            return route.continue_()
        return route.fulfill(status=200, content_type="text/html", body=PORTAL)

    with at_work(world, chromium_browser, two_items(world)) as page:
        page.route("**/judgements", portal)
        page.keyboard.press("1")
        expect(page.locator("#network")).to_contain_text("Waiting: 1")
        with next_item(page):
            page.click("text=Try now")
    assert len(judgements()) == 1


def test_an_answer_waits_while_somebody_is_logged_in_who_is_no_member(world, chromium_browser):
    ann, bob = two_items(world), world.person("bob")
    with at_work(world, chromium_browser, ann) as page:
        cookies, url = page.context.cookies(), page.url
        page.context.clear_cookies()  # in another tab: bob logs in, and the token is another
        page.context.add_cookies(
            [{"name": configured.SESSION_COOKIE_NAME, "value": session_of(world, bob), "url": url}]
        )
        page.keyboard.press("1")
        expect(page.locator("#network")).to_contain_text("Somebody else is logged in")
        assert page.locator("#refused li").count() == 0
        page.context.clear_cookies()
        page.context.add_cookies(cookies)
        with next_item(page):
            page.click("text=Try now")
    [one] = judgements()
    assert one.person == ann


def log_in(page, world, person):
    """In another tab of the same browser."""
    name = configured.SESSION_COOKIE_NAME
    page.context.clear_cookies(name=name)
    page.context.add_cookies([{"name": name, "value": session_of(world, person), "url": page.url}])


def judged_by(person, project, comment):
    from uuid import UUID

    from feedback_world import new_uuid

    from assent.feedback.store import claims, judging

    given = {"choice": "left", "comment": comment}
    shown = claims.claim(person, project)
    judging.submit(person, judging.Submission(UUID(new_uuid()), shown.pk, given))


def test_nothing_of_whoever_logs_in_meanwhile_is_shown_or_given(world, chromium_browser):
    from assent.feedback.schema.models import Shown

    project = world.project()
    world.items(project, 4)
    ann, bob = (world.person(name, "annotator", project) for name in ("ann", "bob"))
    judged_by(bob, project, "of bob")
    with at_work(world, chromium_browser, ann) as page:
        here = shown(page)
        log_in(page, world, bob)
        page.keyboard.press("u")
        expect(page.locator("#network")).to_contain_text("Somebody else is logged in")
        page.keyboard.press("g")
        expect(page.locator("#guideline-dialog")).to_contain_text("could not be loaded")
        page.keyboard.press("Escape")
        page.keyboard.press("s")
        page.keyboard.press("1")  # a reason to skip: it waits, and bob is given nothing
        expect(page.locator("#network")).to_contain_text("Waiting: 1")
        assert shown(page) == here
        assert Shown.objects.filter(person=bob).count() == 1
        log_in(page, world, ann)
        with next_item(page):
            page.click("text=Try now")
        assert page.input_value("[name=comment]") == ""


def test_a_chat_in_the_tab_of_somebody_who_is_logged_out_says_so(world, chromium_browser):
    from assent.feedback.schema.models import Implicit, Turn

    chat = chat_of(world)
    chat.said()
    bob = world.person("bob", "annotator", chat.project)
    with world.served() as address:
        page = page_of(chromium_browser, address, session_of(world, chat.person))
        page.goto("/p/talk/chat/")
        log_in(page, world, bob)
        page.fill("#words", "And now?")
        with page.expect_response("**/say") as told:
            page.keyboard.press("Control+Enter")
        assert (told.value.status, told.value.json()["code"]) == (409, "person")
        expect(page.locator(".trouble")).to_contain_text("Somebody else is logged in")
        page.click(".reply [data-do=thumb_up]")
        assert (Turn.objects.count(), Implicit.objects.count()) == (2, 0)
        log_in(page, world, chat.person)
        page.click("text=Try again")
        page.get_by_text("Answer 2").wait_for()
        eventually(Implicit.objects.count, 1)
        page.context.close()


def test_what_a_second_tab_typed_outlives_the_answer_of_the_first(world, chromium_browser):
    with at_work(world, chromium_browser, two_items(world)) as page:
        here = shown(page)
        other = page.context.new_page()
        other.goto("/p/pairs/")
        other.wait_for_selector("article.item")
        other.keyboard.press("c")
        other.keyboard.type("typed in the second tab")
        with next_item(page):
            page.keyboard.press("1")
        other.keyboard.type(" and more")
        other.reload()
        drafts = page.evaluate("JSON.stringify(Object.entries(localStorage))")
        other.close()
    assert here in drafts
    assert "typed in the second tab and more" in drafts


def test_two_tabs_with_one_draft_that_answer_otherwise(world, chromium_browser):
    """The number of the answer stands in the draft, and the second tab has read it."""
    with at_work(world, chromium_browser, two_items(world)) as page:
        page.keyboard.press("c")
        page.keyboard.type("hm")
        page.keyboard.press("Escape")
        other = page.context.new_page()
        other.goto("/p/pairs/")
        other.wait_for_selector("article.item")
        with next_item(page):
            page.keyboard.press("1")
        with next_item(other):
            other.keyboard.press("2")
        refused = other.locator("#refused")
        expect(refused).to_contain_text("This was answered in another window meanwhile")
        expect(refused.locator("dd").nth(1)).to_contain_text("Answer 1 is better")
        expect(refused.locator("dd").nth(2)).to_contain_text("Answer 2 is better")
        other.click("#refused >> text=Save mine as the newer answer")
        said(other).to_have_text("Stored.")
        expect(refused).to_be_hidden()
        other.close()
    first, second = judgements()
    assert (first.shown, first.revision, second.revision) == (second.shown, 1, 2)
    assert [one.answer["choice"] for one in (first, second)] == first.shown.order
    assert first.uuid != second.uuid


def test_an_entry_that_nobody_can_read_holds_up_no_other(world, chromium_browser):
    with at_work(world, chromium_browser, two_items(world)) as page:
        keep = page.get_attribute("#work", "data-keep")
        page.evaluate("name => localStorage.setItem(name, '{half')", f"assent/{keep}/queue/0-broken")
        page.reload()
        page.wait_for_selector("article.item")
        with next_item(page):
            page.keyboard.press("1")
    assert len(judgements()) == 1


def test_the_browser_asks_before_it_forgets_what_it_could_not_keep(world, chromium_browser):
    full = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
    asked = []
    with at_work(world, chromium_browser, two_items(world)) as page:
        page.evaluate(f"() => {{ {full} }}")
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        page.route("**/judgements", lambda route: route.abort())
        page.keyboard.press("1")
        expect(page.locator("#said")).to_contain_text("This browser keeps nothing")
        page.reload()
    assert asked == ["beforeunload"]


def test_an_undo_that_comes_late_takes_nobody_away_from_the_next_item(world, chromium_browser):
    project = world.project()
    world.items(project, 3)
    ann = world.person("ann", "annotator", project)
    held = []
    with at_work(world, chromium_browser, ann) as page:
        with next_item(page):
            page.keyboard.press("1")
        page.route("**/last", lambda route: held.extend([route]))
        with page.expect_request("**/last"):
            page.keyboard.press("u")
        while not held:  # the request is told of before it is held
            page.wait_for_timeout(10)
        with next_item(page):
            page.keyboard.press("1")
        third = shown(page)
        with page.expect_response("**/last"):
            held[0].continue_()
        page.evaluate("new Promise((resolve) => setTimeout(resolve))")  # what it brought about is done
        assert shown(page) == third
