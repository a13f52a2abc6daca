"""Export, import into a fresh project, export: each file is the same, byte for byte."""

import json

from exchanging import emptied, files_of, given, imported
from hypothesis import HealthCheck, assume, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

CRITERIA = [{"name": "clear", "lowest": 0, "highest": 2}, {"name": "kind"}]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
chats = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": texts}),
    min_size=1,
    max_size=3,
)
prompts = st.one_of(
    st.fixed_dictionaries({"input_text": texts}),
    st.fixed_dictionaries({"messages": chats}),
)
# Of the item: anything but what `meta` tells of a judgement
hidden = st.dictionaries(
    names.map("hidden {}".format),
    st.recursive(scalars, lambda one: st.lists(one, max_size=2), max_leaves=3),
    max_size=2,
)
told = st.fixed_dictionaries(
    {},
    optional={
        "seconds": st.floats(0, 1e6) | st.integers(0, 100),
        "comment": texts,
        "guideline": st.integers(0, 9),
        "revision": st.integers(1, 4),
        "judgement": st.uuids().map(str),
        "at": st.integers(0, 2_000_000_000_000).map(
            lambda ms: (
                f"20{ms % 90 + 10}-0{ms % 9 + 1}-1{ms % 10}T0{ms % 10}:5{ms % 7}:0{ms % 8}.{ms % 1000:03}Z"
            )
        ),
    },
)
few = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def judged(draw, count, answers, named="annotator"):
    """Rows of items, each judged by some people, those of one item apart; `answers` draws what they said."""
    items = draw(
        st.lists(st.tuples(prompts, names, hidden), min_size=1, max_size=3, unique_by=lambda one: one[1])
    )
    shown = [draw(st.lists(texts, min_size=count, max_size=count)) for _ in items]
    who = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    said = draw(st.permutations([(k, person) for k in range(len(items)) for person in who]))
    rows, seen = [], set()
    for index, person in said:
        prompt, name, kept = items[index]
        meta = {named: person, "item": name, **draw(told), **draw(st.just(kept) | hidden)}
        assume(meta.get("judgement") not in seen)
        seen.add(meta.get("judgement", name + person))
        rows += draw(answers(prompt, shown[index], meta))
    return rows


def candidates(shown):
    return {f"candidate_{index}": text for index, text in enumerate(shown)}


@st.composite
def pairs(draw, prompt, shown, meta):
    strength = draw(
        st.sampled_from([{}, {"strength": 1 / 3}, {"strength": 2 / 3}, {"strength": 1}, {"strength": 0.5}])
    )
    order = draw(st.sampled_from([{}, {"shown_order": [0, 1]}, {"shown_order": [1, 0]}]))
    choice = draw(st.sampled_from([0, 1, None, "both_bad", "cannot_judge"]))
    return [{**prompt, **candidates(shown), "choice": choice, "meta": meta | strength | order}]


@st.composite
def rankings(draw, prompt, shown, meta):
    order = draw(st.permutations(range(len(shown))))
    ranking, rest = [], list(order)
    while rest:
        size = draw(st.integers(1, len(rest)))
        place, rest = rest[:size], rest[size:]
        ranking.append(place[0] if size == 1 else sorted(place))
    if len(ranking) == 1 and not isinstance(ranking[0], list):
        ranking = [ranking]
    shown_order = draw(st.permutations(range(len(shown))))
    return [{**prompt, **candidates(shown), "ranking": ranking, "meta": meta | {"shown_order": shown_order}}]


@st.composite
def ratings(draw, prompt, shown, meta):
    order = {"shown_order": draw(st.permutations(range(len(shown))))}
    return [
        {
            **prompt,
            "output_text": text,
            "rating": draw(st.integers(*scale)),
            "scale": list(scale),
            "criterion": name,
            "meta": meta | order | {"candidate": index},
        }
        for index, text in enumerate(shown)
        for name, scale in (("clear", (0, 2)), ("kind", (1, 5)))
    ]


@st.composite
def answers(draw, prompt, shown, meta):
    text, author = draw(texts), meta.pop("annotator")
    if "messages" in prompt:
        said = {"messages": [*prompt["messages"], {"role": "assistant", "content": text}]}
    else:
        said = prompt | {"output_text": text}
    return [said | {"author": author, "meta": meta}]


@st.composite
def mends(draw, prompt, shown, meta):
    edited = {"candidates": shown, "candidate": draw(st.integers(0, len(shown) - 1))}
    order = {"item_order": draw(st.permutations(range(len(shown))))}
    return draw(answers(prompt, shown, meta | edited | order))


def goes_round(world, migrated, folder, rows, kinds=("judgements",), **project):
    """What was first exported; the second export is the same."""
    emptied(world, migrated)
    done = given(world.project(**project), folder, *rows)
    first = files_of(world, world_project())
    emptied(world, migrated)
    again = world.project(**project)
    for kind in kinds:
        if first[kind]:
            (folder / kind).write_bytes(first[kind])
            imported(again, folder / kind)
    second = files_of(world, again)
    assert {kind: second[kind] for kind in kinds} == {kind: first[kind] for kind in kinds}
    assert sum(imported(again, folder / kind).judgements for kind in kinds if first[kind]) == 0
    return done, [json.loads(line) for kind in kinds for line in first[kind].decode().split("\n")[:-1]]


def world_project():
    from assent.feedback.schema.models import Project

    return Project.objects.get()


def all_there(exported, rows):
    """What was given stands in what was exported, row by row, however it is ordered."""
    ours = {(row["meta"]["item"], row["meta"].get("annotator", row.get("author"))): row for row in exported}
    for row in rows:
        meta = row["meta"]
        found = ours[meta["item"], meta.get("annotator", row.get("author"))]
        assert {key: found[key] for key in row if key != "meta"} == {
            k: v for k, v in row.items() if k != "meta"
        }
        wanted = {key: value for key, value in meta.items() if value not in ("", 0)}
        assert {key: found["meta"][key] for key in wanted} == wanted


KINDS = ("judgements", "ties", "both_bad", "cannot_judge")


@few
@drawn(judged(2, pairs))
def test_pairs_ties_and_what_is_neither(world, migrated, tmp_path, rows):
    done, out = goes_round(world, migrated, tmp_path, rows, KINDS, name="pairs")
    assert (done.judgements, len(out)) == (len(rows), len(rows))
    all_there(out, rows)


@few
@drawn(st.integers(2, 4).flatmap(lambda count: judged(count, rankings)))
def test_rankings_with_ties(world, migrated, tmp_path, rows):
    _, out = goes_round(world, migrated, tmp_path, rows, name="ranked", task="ranking")
    all_there(out, rows)


@few
@drawn(st.integers(1, 3).flatmap(lambda count: judged(count, ratings)))
def test_ratings(world, migrated, tmp_path, rows):
    project = {"name": "rated", "task": "rating", "criteria": CRITERIA}
    _, out = goes_round(world, migrated, tmp_path, rows, **project)
    values = [(row["output_text"], row["criterion"], row["rating"], row["scale"]) for row in rows]
    assert [(row["output_text"], row["criterion"], row["rating"], row["scale"]) for row in out] == values


@few
@drawn(judged(0, answers))
def test_demonstrations(world, migrated, tmp_path, rows):
    _, out = goes_round(world, migrated, tmp_path, rows, name="written", task="demonstration")
    all_there(out, rows)


@few
@drawn(st.integers(1, 3).flatmap(lambda count: judged(count, mends)))
def test_edits(world, migrated, tmp_path, rows):
    _, out = goes_round(world, migrated, tmp_path, rows, name="mended", task="edit")
    all_there(out, rows)


@few
@drawn(st.integers(1, 3).flatmap(lambda count: judged(count, mends)))
def test_edits_as_comparisons(world, migrated, tmp_path, rows):
    _, out = goes_round(world, migrated, tmp_path, rows, ("edits",), name="mended", task="edit")
    mended = [row["meta"]["candidates"][row["meta"]["candidate"]] for row in rows]
    assert [row["candidate_1"] for row in out] == mended
    assert {row["choice"] for row in out} == {0}
