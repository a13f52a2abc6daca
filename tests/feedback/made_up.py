"""A small made-up office of annotators, one project a task, for tests and for pictures."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from feedback_world import new_uuid

TEXTS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
# What no annotator may ever read: who wrote the answers, and all else that came beside them.
HIDDEN = {"policies": ["starling-7b-base", "starling-7b-tuned"], "note": "drawn at temperature 0.9"}
TALKER = "starling-7b-chat"
ANSWERS = {  # of somebody who works fast, by task and number of answers, in positions
    "pairwise": lambda count: {"choice": "left"},
    "ranking": lambda count: {"ranking": [[k] for k in range(count)], "untouched": False},
    "rating": lambda count: {
        "ratings": [{"fluency": 4, "accuracy": 3, "completeness": 5} for _ in range(count)]
    },
    "demonstration": lambda count: {"text": "Because the water goes out of the one and into the other."},
    "edit": lambda count: {"position": 0, "text": "Water it less: the soil is wet."},
}


@dataclass
class Office:
    """Who and what is there; projects by the name of their task, the Chinese one as `chinese`."""

    admin: Any
    ann: Any  # annotates everything
    li: Any  # the same, in Chinese
    bo: Any  # has been at work this morning
    projects: dict[str, Any]


def office(world: Any) -> Office:
    """Fill an empty app."""
    from assent.feedback.store.projects import add_guideline

    kept = {"enabled": True, "consent": "We note which answers you copy, and how long you read them."}
    projects = {
        "pairwise": world.project("everyday", title="Everyday questions", strength=False),
        "chinese": world.project("richang", title="日常问答"),
        "ranking": world.project("tides", task="ranking", title="Four explanations"),
        "rating": world.project("summaries", task="rating", criteria="summary", title="Summaries"),
        "demonstration": world.project("explain", task="demonstration", title="Explain it to a child"),
        "edit": world.project("mend", task="edit", title="Mend the answer"),
        "chat": world.project("kitchen", task="chat", title="Kitchen talk", policies=[TALKER], implicit=kept),
        "qualification": world.project("entrance", title="A first try", qualification={"pass_mark": 0.5}),
    }
    made = Office(
        admin=world.person("Morgan", "admin"),
        ann=world.person("Ann", "annotator", *projects.values()),
        li=world.person("李雷", "annotator", *projects.values()),
        bo=world.person("Bo", "annotator", *projects.values()),
        projects=projects,
    )
    for name, project in projects.items():
        language = "chinese" if name == "chinese" else "english"
        add_guideline(project, TEXTS["guideline"][language], "Morgan")
    _fill(projects)
    return made


def _fill(projects: dict[str, Any]) -> None:
    english = TEXTS["english"]
    for name, pairs in (("pairwise", english), ("chinese", TEXTS["chinese"])):
        for number, pair in enumerate(pairs):
            item(projects[name], f"item-{name}-{number}", pair["prompt"], [pair["good"], pair["bad"]])
    for name in ("ranking", "rating"):
        item(projects[name], f"item-{name}-0", TEXTS[name]["prompt"], TEXTS[name]["answers"])
    item(projects["demonstration"], "item-explain-0", TEXTS["demonstration"]["prompt"], [])
    item(projects["edit"], "item-mend-0", english[4]["prompt"], [english[4]["bad"]])
    known = {"expected": {"choice": 0}, "explanation": "It says what is true, and when to be careful."}
    for part, pair in zip(("practice", "test", "real"), english[3:], strict=True):
        more = known if part != "real" else {}
        answers = [pair["good"], pair["bad"]]
        item(projects["qualification"], f"item-{part}-0", pair["prompt"], answers, part=part, **more)


def item(project: Any, name: str, prompt: Any, answers: Any, part: str = "real", **fields: Any) -> Any:
    """One item with room for two judgements, whose hidden part holds words that no annotator may read."""
    from assent.feedback.schema.models import Item, Slot

    made = Item.objects.create(
        project=project,
        name=name,
        part=part,
        position=Item.objects.filter(project=project).count(),
        prompt=prompt,
        candidates=list(answers),
        hidden=HIDDEN,
        **fields,
    )
    for number in range(2 if part == "real" else 0):
        Slot.objects.create(project=project, item=made, number=number, position=made.position)
    return made


def talk(messages: Any, seed: int) -> str:
    """A model that knows one thing."""
    return str(TEXTS["chat"])


def a_morning(world: Any, made: Office) -> None:
    """Bo has gone through most of the projects, and left traces of every kind; Li has begun."""
    bo, li = world.client(made.bo), world.client(made.li)
    for name in ("ranking", "rating", "demonstration", "edit", "qualification"):
        while judge(bo, made.projects[name]):
            pass
    for number in range(4):
        judge(bo, made.projects["pairwise"], comment="Both are true; this one helps." if number == 1 else "")
        judge(li, made.projects["pairwise"])
    work = f"/p/{made.projects['pairwise'].name}"
    post(bo, f"{work}/skip", shown=_next(bo, work)["shown"], reason="I do not know enough about this")
    text = "The last sentence seems to be cut off."
    post(bo, f"{work}/flag", shown=_next(bo, work)["shown"], uuid=new_uuid(), text=text)


def judge(client: Any, project: Any, comment: str = "") -> bool:
    """Judge the next item; False: there is none."""
    given = _next(client, f"/p/{project.name}")
    if "shown" not in given:
        return False
    answer = ANSWERS[project.task](given["html"].count('class="answer card"'))
    answer = {**answer, "comment": comment} if comment else answer
    body = {"uuid": new_uuid(), "shown": given["shown"], "revision": 1, "answer": answer, "seconds": 41.5}
    post(client, f"/p/{project.name}/judgements", **body)
    return True


def _next(client: Any, work: str) -> Any:
    return post(client, f"{work}/next")


def post(client: Any, path: str, **body: Any) -> Any:
    answer = client.post(path, json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content.decode()
    return answer.json()
