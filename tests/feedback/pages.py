"""Every page of the app as somebody meets it, with something on it: for tests of looks and for pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Page = Any


@dataclass(frozen=True)
class Stop:
    """One page: whose, where, and what is done there before it is looked at."""

    name: str
    who: str  # of Office; "": nobody is logged in
    path: str
    then: Callable[[Page], None] = lambda page: None


def item_is_there(page: Page) -> None:
    page.wait_for_selector("#stage:not([data-fresh]) article.item")


def pressed(*keys: str) -> Callable[[Page], None]:
    """An item is there; then these keys."""

    def do(page: Page) -> None:
        item_is_there(page)
        for key in keys:
            page.keyboard.press(key)

    return do


def written(page: Page) -> None:
    item_is_there(page)
    page.fill(
        "article.item .bar textarea, article.item textarea:not([name=comment])",
        "Bread dries out: its water goes into the air. Biscuits drink water from the air.",
    )
    page.wait_for_selector("text=15")  # the words are counted


def mended(page: Page) -> None:
    item_is_there(page)
    field = page.locator("article.item textarea:not([name=comment])").first
    text = field.input_value()
    field.fill(text.replace("water it more often, twice a day or even three times", "let the soil dry first"))
    page.wait_for_selector("article.item .changes mark")


def rated(page: Page) -> None:
    item_is_there(page)
    for key in ("3", "1", "2", "5", "5"):
        page.keyboard.press(key)


def talked(page: Page) -> None:
    page.fill("textarea", "Can I use dry yeast instead of fresh yeast for rolls?")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=same creature")


def dialog(key: str, selector: str) -> Callable[[Page], None]:
    def do(page: Page) -> None:
        item_is_there(page)
        page.keyboard.press(key)
        page.wait_for_selector(f"{selector}[open]")

    return do


STOPS = [
    Stop("login", "", "/login"),
    Stop("lost-invite", "", "/invite/no-such-token"),
    Stop("no-such-page", "", "/nowhere"),
    Stop("home", "ann", "/"),
    Stop("home-admin", "admin", "/"),
    Stop("password", "ann", "/password"),
    Stop("pairwise", "ann", "/p/everyday/", item_is_there),
    Stop("chinese", "li", "/p/richang/", item_is_there),
    Stop("difference", "ann", "/p/everyday/", pressed("d")),
    Stop("keys", "ann", "/p/everyday/", dialog("?", "#help-dialog")),
    Stop("guideline", "ann", "/p/everyday/", dialog("g", "#guideline-dialog")),
    Stop("skip", "ann", "/p/everyday/", dialog("s", "#skip-dialog")),
    Stop("flag", "ann", "/p/everyday/", dialog("f", "#flag-dialog")),
    Stop("ranking", "ann", "/p/tides/", pressed("2")),
    Stop("rating", "ann", "/p/summaries/", rated),
    Stop("demonstration", "ann", "/p/explain/", written),
    Stop("edit", "ann", "/p/mend/", mended),
    Stop("chat", "ann", "/p/kitchen/chat/?c=new", talked),
    Stop("practice", "ann", "/p/entrance/", item_is_there),
    Stop("mine", "bo", "/p/everyday/mine"),
    Stop("done", "bo", "/p/tides/", lambda page: page.wait_for_selector(".ending")),
    Stop("qualification", "bo", "/p/entrance/qualification"),
    Stop("admin", "admin", "/admin/"),
    Stop("admin-new", "admin", "/admin/new"),
    Stop("admin-project", "admin", "/admin/p/everyday/"),
    Stop("admin-settings", "admin", "/admin/p/everyday/settings"),
    Stop("admin-items", "admin", "/admin/p/everyday/items"),
    Stop("admin-all-items", "admin", "/admin/p/everyday/items/all"),
    Stop("admin-item", "admin", "/admin/p/everyday/items/all?only=flagged", lambda page: page.click("td a")),
    Stop("admin-guideline", "admin", "/admin/p/everyday/guideline"),
    Stop("admin-qualification", "admin", "/admin/p/entrance/qualification"),
    Stop("admin-people", "admin", "/admin/people"),
    Stop("forbidden", "ann", "/admin/"),
]
