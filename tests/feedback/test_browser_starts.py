"""The browser that other tests drive can be driven."""

from browser import accessible, page_of


def test_a_page_of_the_app_is_shown(world, chromium_browser):
    with world.served() as address:
        page = page_of(chromium_browser, address)
        page.goto("/nowhere")
        assert page.inner_text("h1") == "There is no such page"
        accessible(page)
        page.context.close()
