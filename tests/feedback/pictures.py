"""Pictures of the app: `python tests/feedback/pictures.py` makes those of docs/feedback.

With a folder as argument: every page in both languages, light and dark, on a laptop and on a telephone.
PICTURE_FONT names a font to take instead of the system's, where that is not what most people have.
"""

import itertools
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread

from browser import LAPTOP, PHONE, page_of, session_of, started
from feedback_world import World, services
from made_up import TALKER, a_morning, office, talk
from pages import STOPS

from assent.feedback.settings import Place, configure

FONT = os.environ.get("PICTURE_FONT", "")
DOCS = Path(__file__).parents[2] / "docs" / "feedback"
ENGLISH, CHINESE = "en-GB", "zh-CN"
LIGHT, DARK = "light", "dark"
IN_DOCS = {  # picture: (page, language, scheme, size)
    "work-en": ("pairwise", ENGLISH, LIGHT, LAPTOP),
    "work-zh": ("chinese", CHINESE, LIGHT, LAPTOP),
    "ranking": ("ranking", ENGLISH, LIGHT, LAPTOP),
    "rating": ("rating", ENGLISH, LIGHT, LAPTOP),
    "demonstration": ("demonstration", ENGLISH, LIGHT, LAPTOP),
    "edit": ("edit", ENGLISH, LIGHT, LAPTOP),
    "chat": ("chat", ENGLISH, LIGHT, LAPTOP),
    "admin": ("admin-project", ENGLISH, LIGHT, LAPTOP),
    "phone": ("pairwise", ENGLISH, LIGHT, PHONE),
    "phone-dark": ("chinese", CHINESE, DARK, PHONE),
}


def everything():
    every = itertools.product(STOPS, (ENGLISH, CHINESE), (LIGHT, DARK), (LAPTOP, PHONE))
    return {
        f"{stop.name}-{language[:2]}-{scheme}-{size['width']}": (stop.name, language, scheme, size)
        for stop, language, scheme, size in every
    }


def touched(size: dict) -> dict:
    """A telephone has no keys to hint at."""
    return {"is_mobile": True, "has_touch": True} if size == PHONE else {}


def take(folder: Path, pictures: dict, wanted: list[str], whole: bool) -> None:
    """Take the pictures whose names begin with one of `wanted`; all of them when none is."""
    stops = {stop.name: stop for stop in STOPS}
    with tempfile.TemporaryDirectory() as temporary, started() as browser:
        database = Path(temporary) / "feedback.sqlite3"
        configure(database, services(talk={TALKER: talk}), Place(hosts=("127.0.0.1", "testserver")))
        world = World(database)
        made = office(world)
        a_morning(world, made)
        with world.served() as address:
            for name, (stop, language, scheme, size) in pictures.items():
                if wanted and not name.startswith(tuple(wanted)):
                    continue
                session = session_of(world, getattr(made, stops[stop].who)) if stops[stop].who else ""
                context = {"locale": language, "color_scheme": scheme, "viewport": size, **touched(size)}
                page = page_of(browser, address, session, bypass_csp=bool(FONT), **context)
                try:
                    page.goto(stops[stop].path)
                    if FONT:
                        page.add_style_tag(content=f":root {{ --sans: {FONT} }}")
                    stops[stop].then(page)
                finally:
                    folder.mkdir(parents=True, exist_ok=True)
                    page.screenshot(path=folder / f"{name}.png", full_page=whole, animations="disabled")
                    page.context.close()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments:
        take(Path(arguments[0]), everything(), arguments[1:], whole=True)
    else:
        take(DOCS, IN_DOCS, [], whole=False)
