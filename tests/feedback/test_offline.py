"""Without a server nothing is lost: answers wait in the browser, go out in order, and are stored once."""

import json
import re

from browser import accessible, picture
from django.conf import settings as configured
from playwright.sync_api import expect
from working import at_work, judgements, next_item, said, shown


def waiting(page):
    return page.evaluate("Object.keys(localStorage).filter((key) => key.includes('/queue/')).length")


def two_items(world):
    project = world.project()
    world.items(project, 2)
    return world.person("ann", "annotator", project)


def test_an_answer_waits_for_the_server_and_goes_out_by_itself(world, chromium_browser):
    with at_work(world, chromium_browser, two_items(world)) as page:
        page.context.set_offline(True)
        page.keyboard.press("1")
        expect(page.locator("#network")).to_contain_text("Offline. Your answers are kept here")
        expect(page.locator("#network")).to_contain_text("Waiting: 1")
        accessible(page)
        picture(page, "offline")
        assert judgements() == []
        with next_item(page):
            page.context.set_offline(False)  # and nobody does anything
        expect(page.locator("#network")).to_be_hidden()
        assert waiting(page) == 0
    assert len(judgements()) == 1


def test_an_answer_that_waits_survives_a_reload(world, chromium_browser):
    with at_work(world, chromium_browser, two_items(world)) as page:
        page.route("**/judgements", lambda route: route.abort())
        first = shown(page)
        page.keyboard.press("2")
        expect(page.locator("#network")).to_be_visible()
        assert waiting(page) == 1
        page.unroute("**/judgements")
        page.reload()
        page.wait_for_selector(
            f"article.item:not([data-shown='{first}'])"
        )  # sent first, then asked for the next
    [one] = judgements()
    assert one.answer == {"choice": one.shown.order[1]}


def test_a_response_that_is_lost_after_the_commit_stores_nothing_twice(world, chromium_browser):
    lost = []

    def drop(route):
        if lost:
            return route.continue_()
        lost.append(route.fetch().json())  # the server has stored it, and the browser never hears of it
        return route.abort()

    with at_work(world, chromium_browser, two_items(world)) as page:
        page.route("**/judgements", drop)
        with next_item(page):
            page.keyboard.press("1")
        expect(page.locator("#network")).to_be_hidden()
        assert waiting(page) == 0
    assert lost[0]["same"] is False
    assert len(judgements()) == 1


def test_a_busy_server_is_asked_again_when_it_says(world, chromium_browser):
    tried = []

    def busy(route):
        tried.append(route.request.post_data_json["uuid"])
        if len(tried) > 1:
            return route.continue_()
        return route.fulfill(status=503, headers={"Retry-After": "4"}, json={"error": "busy"})

    with at_work(world, chromium_browser, two_items(world)) as page:
        page.route("**/judgements", busy)
        page.keyboard.press("1")
        expect(page.locator("#network")).to_contain_text("The server is busy")
        expect(page.locator("#network")).to_be_hidden(timeout=15_000)
    assert len(tried) == 2
    assert len(set(tried)) == 1
    assert len(judgements()) == 1


def test_practice_is_explained_though_its_answer_comes_late(world, chromium_browser):
    """Sent again by itself, or at the next visit."""
    project = world.project(qualification={"pass_mark": 0.5})
    for part, why in (("practice", "because of tea"), ("test", "because of cups")):
        world.items(
            project, 2 if part == "practice" else 1, part=part, expected={"choice": 0}, explanation=why
        )
    world.items(project, 1)

    def late(page, comes_back):
        page.route("**/judgements", lambda route: route.abort())
        page.keyboard.press("1")
        expect(page.locator("#network")).to_be_visible()
        page.unroute("**/judgements")
        comes_back()

    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        for comes_back, told in ((lambda: None, "Practice: 1 of 2 done."), (page.reload, "Now the test")):
            late(page, comes_back)
            expect(page.locator("#stage")).to_contain_text("because of tea")
            expect(page.locator("#stage")).to_contain_text(told)
            page.click("text=Continue")
            page.wait_for_selector("article.item")
        late(page, page.reload)
        expect(page.locator("#stage")).to_contain_text("of 1 as expected")
    assert [one.item.part for one in judgements()] == ["practice", "practice", "test"]


def test_what_is_refused_is_kept_and_can_be_read(world, chromium_browser):
    ann = two_items(world)
    with at_work(world, chromium_browser, ann) as page:
        from working import body

        here = int(shown(page))
        client = world.client(ann)  # another window of the same person
        client.post("/p/pairs/judgements", json.dumps(body(here, "tie")), content_type="application/json")
        page.keyboard.press("c")
        page.keyboard.type("half an hour of thoughts")
        page.keyboard.press("Escape")
        with next_item(page):
            page.keyboard.press("1")
        expect(page.locator("#refused")).to_contain_text("This was answered in another window meanwhile")
        expect(page.locator("#refused dd")).to_have_text(
            [
                "Prompt 0",
                "Equally good",
                re.compile("Answer 1 is better\\s+Comment: half an hour of thoughts"),
            ]
        )
        said(page).to_contain_text("not stored: see the top")
        expect(page.locator("#refused >> text=Try again")).to_have_count(0)  # it could not help
        assert "half an hour of thoughts" in page.input_value("#refused textarea")
        accessible(page)
        picture(page, "refused")
        with page.expect_download() as download:
            page.click("#refused >> text=Download")
        assert (
            json.loads(download.value.path().read_text())["answer"]["comment"] == "half an hour of thoughts"
        )
        page.reload()
        expect(page.locator("#refused textarea")).to_have_count(1)
        page.click("#refused button >> text=Discard")
        page.click("dialog[open] button.primary")
        expect(page.locator("#refused")).to_be_hidden()
    assert [one.answer["choice"] for one in judgements()] == ["tie"]


def two_windows(world, page, ann):
    """The item that is on the page is answered in another window first, and then here."""
    from working import body

    here = int(shown(page))
    client = world.client(ann)
    for revision, choice in ((1, "left"), (2, "tie")):
        sent = json.dumps(body(here, choice, revision=revision))
        assert client.post("/p/pairs/judgements", sent, content_type="application/json").status_code == 200
    with next_item(page):
        page.keyboard.press("2")
    expect(page.locator("#refused li")).to_have_count(1)
    return here


def test_mine_becomes_the_newer_answer(world, chromium_browser):
    ann = two_items(world)
    with at_work(world, chromium_browser, ann) as page:
        two_windows(world, page, ann)
        page.reload()  # the list is kept, and so are the ways out of it
        page.click("#refused >> text=Save mine as the newer answer")
        said(page).to_have_text("Stored.")
        expect(page.locator("#refused")).to_be_hidden()
    first, second, mine = judgements()
    assert (first.revision, second.revision, mine.revision) == (1, 2, 3)
    assert mine.answer == {"choice": mine.shown.order[1]}


def test_what_is_stored_can_be_opened_and_mine_stays(world, chromium_browser):
    ann = two_items(world)
    with at_work(world, chromium_browser, ann) as page:
        here = two_windows(world, page, ann)
        page.click("#refused >> text=Open what is stored")
        page.wait_for_selector(f"article.item[data-shown='{here}']")
        expect(page.locator("[data-choice=tie]")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#refused li")).to_have_count(1)
        page.click("#refused >> text=Save mine as the newer answer")
        expect(page.locator("[data-choice=right]")).to_have_attribute("aria-pressed", "true")  # shown anew
        expect(page.locator("#refused")).to_be_hidden()
    assert [one.revision for one in judgements()] == [1, 2, 3]


def test_overtaken_once_more_mine_is_still_kept(world, chromium_browser):
    from working import body

    ann = two_items(world)
    with at_work(world, chromium_browser, ann) as page:
        here = two_windows(world, page, ann)
        sent = json.dumps(body(here, "both_bad", revision=3))
        world.client(ann).post("/p/pairs/judgements", sent, content_type="application/json")
        page.click("#refused >> text=Save mine as the newer answer")
        expect(page.locator("#refused dd").nth(1)).to_have_text("Both bad")
        page.click("#refused >> text=Save mine as the newer answer")
        said(page).to_have_text("Stored.")
        expect(page.locator("#refused")).to_be_hidden()
    assert [one.revision for one in judgements()] == [1, 2, 3, 4]


def test_whoever_was_logged_out_logs_in_and_loses_nothing(world, chromium_browser):
    ann = two_items(world)
    with at_work(world, chromium_browser, ann) as page:
        [cookie] = [one for one in page.context.cookies() if one["name"] == configured.SESSION_COOKIE_NAME]
        page.context.clear_cookies(name=configured.SESSION_COOKIE_NAME)
        page.keyboard.press("1")
        expect(page.locator("#network")).to_contain_text("You are logged out")
        page.context.add_cookies([cookie])  # a login in another tab
        with next_item(page):
            page.click("text=Try now")
    assert len(judgements()) == 1


def test_what_one_person_typed_is_never_sent_in_the_name_of_another(world, chromium_browser):
    from browser import session_of

    ann = two_items(world)
    bob = world.person("bob", "admin")
    with at_work(world, chromium_browser, ann) as page:
        url = page.url
        page.context.clear_cookies()
        page.context.add_cookies(
            [{"name": configured.SESSION_COOKIE_NAME, "value": session_of(world, bob), "url": url}]
        )
        page.keyboard.press("1")
        expect(page.locator("#network")).to_contain_text("Somebody else is logged in")
        assert waiting(page) == 1
    assert judgements() == []


def test_a_lost_lease_is_told_and_the_answer_is_kept(world, chromium_browser):
    project = world.project(lease_minutes=0.02)  # a heartbeat each second
    world.items(project, 1)
    with at_work(world, chromium_browser, world.person("ann", "annotator", project)) as page:
        page.route("**/heartbeat", lambda route: route.fulfill(json={"held": False}))
        page.mouse.move(5, 5)
        said(page).to_contain_text("Your answer is still kept")
        page.keyboard.press("1")
        page.wait_for_selector("text=Nothing is left for you here")
    assert len(judgements()) == 1
