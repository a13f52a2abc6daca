"""Passwords are shown to whoever types them, for as long as they want it."""

import pytest
from browser import page_of, session_of

WORDS = "four words in a row"


@pytest.fixture
def invited(world):
    from assent.feedback.people import admin_link

    return admin_link.make("").rpartition("/")[2]


def test_a_password_is_shown_and_hidden_again(world, invited, chromium_browser):
    """By keyboard as well; a screen reader hears which field it is, and whether it is shown."""
    with world.served() as address:
        page = page_of(chromium_browser, address)
        page.goto(f"/invite/{invited}")
        field, show = page.locator("[name=password]"), page.get_by_role("button", name="Show A password")
        field.fill(WORDS)
        assert (field.get_attribute("type"), show.get_attribute("aria-pressed")) == ("password", "false")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert (field.get_attribute("type"), show.get_attribute("aria-pressed")) == ("text", "true")
        assert field.input_value() == WORDS
        page.keyboard.press("Enter")  # a button for it, and none that sends the form
        assert (field.get_attribute("type"), show.get_attribute("aria-pressed")) == ("password", "false")
        assert page.url.endswith(invited)
        assert page.faults == []
        page.context.close()


def test_what_was_shown_is_sent_hidden(world, invited, chromium_browser):
    """Else browsers keep it among what was typed into forms."""
    with world.served() as address:
        page = page_of(chromium_browser, address)
        page.goto(f"/invite/{invited}")
        page.evaluate(
            """document.forms[document.forms.length - 1].addEventListener("submit", (event) => {
              document.title = event.target.elements.password.type; event.preventDefault(); })"""
        )
        page.fill("[name=name]", "root")
        page.fill("[name=password]", WORDS)
        page.click("[data-show]")
        page.click("button.primary")
        assert page.title() == "password"
        page.context.close()


def test_every_field_of_a_password_can_be_shown(world, chromium_browser):
    ann = world.person("ann")
    with world.served() as address:
        for path, session, count in (("/login", "", 1), ("/password", session_of(world, ann), 3)):
            page = page_of(chromium_browser, address, session)
            page.goto(path)
            assert page.locator("[data-show]:visible").count() == count
            assert page.locator("input[type=password]").count() == count
            page.context.close()


def test_without_scripts_no_button_does_nothing(world, invited, chromium_browser):
    with world.served() as address:
        page = page_of(chromium_browser, address, java_script_enabled=False)
        page.goto(f"/invite/{invited}")
        assert page.locator("[name=password]").is_visible()
        assert not page.locator("[data-show]").is_visible()
        page.context.close()
