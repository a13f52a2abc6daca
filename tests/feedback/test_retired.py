"""Items that their file holds no more: nobody is asked, no run waits for them, and what was said stays."""

import json

import pytest
from annotating_files import job_of, raw
from exchanging import given, rows_of
from people_world import answers, prefers
from qualifying import choose
from test_annotate_stage import stage
from test_then_run import opened

from assent.errors import UserError, Waiting
from assent.feedback.asked import items_answered, items_in
from assent.feedback.exchange.export import reading

ALONE = "shared: {share: 0}\n"


def project():
    from assent.feedback.schema.models import Project

    return Project.objects.get()


def asked(person):
    """The names of all items that this person is given, each answered."""
    from assent.feedback.store import claims

    names = []
    while (shown := claims.claim(person, project())) is not None:
        names.append(shown.item.name)
        choose(person, project(), 0, shown)
    return names


def slots_of(name):
    from assent.feedback.schema.models import Slot

    found = Slot.objects.filter(item__name=name).order_by("number")
    return list(found.values_list("number", "judged"))


def counts(world, overlap=1):
    """(items that are answered, items)."""
    with reading(world.database) as connection:
        return items_answered(connection, "tea", overlap), items_in(connection, "tea")


def test_what_the_file_holds_no_more_is_asked_no_more(world, tmp_path):
    opened(job_of(tmp_path, ALONE, *raw("a", "b", "c")))
    ann, bob = (world.person(name, "annotator", project()) for name in ("ann", "bob"))
    choose(ann, project(), 0)
    assert counts(world) == (1, 3)
    [made] = opened(job_of(tmp_path, ALONE, *raw("c", "d")))
    assert (made.items, made.retired) == (1, 2)
    assert counts(world) == (0, 2)
    assert asked(bob) == ["c", "d"]
    assert counts(world) == (2, 2)
    assert [row["meta"]["item"] for row in rows_of(world, project())] == ["a", "c", "d"]


def test_what_comes_back_is_asked_again(world, tmp_path):
    """As many people as were wanted of it, and those who have judged it count."""
    text = "shared: {share: 0}\noverlap: 2\n"
    opened(job_of(tmp_path, text, *raw("a", "b")))
    ann = world.person("ann", "annotator", project())
    choose(ann, project(), 0)
    opened(job_of(tmp_path, text, *raw("b", "c")))
    assert slots_of("a") == [(0, True)]
    opened(job_of(tmp_path, text, *raw("a", "b")))
    assert slots_of("a") == [(0, True), (1, False)]
    assert slots_of("c") == []
    assert asked(world.person("bob", "annotator", project())) == ["a", "b"]
    assert counts(world, overlap=2) == (1, 2)


def test_the_file_before_the_last_is_read_again(world, tmp_path):
    """A source that was read once, and another since, is not what the project holds."""
    job = job_of(tmp_path, ALONE, *raw("a"))
    opened(job)
    (tmp_path / "other.jsonl").write_text(json.dumps(raw("b")[0]) + "\n")
    (tmp_path / "tea.yaml").write_text(f"items: other.jsonl\n{ALONE}")
    other = job_of(tmp_path, None)
    opened(other)
    opened(job)
    assert asked(world.person("ann", "annotator", project())) == ["a"]


def test_a_file_that_could_not_be_read_whole_retires_nothing(world, tmp_path):
    opened(job_of(tmp_path, ALONE, *raw("a", "b")))
    with pytest.raises(UserError, match=r"rows\.jsonl:2"):
        opened(job_of(tmp_path, ALONE, *raw("c"), {"input_text": "alone"}))
    assert asked(world.person("ann", "annotator", project())) == ["a", "b"]


def test_what_was_uploaded_is_never_retired(world, tmp_path):
    opened(job_of(tmp_path, ALONE, *raw("a")))
    given(project(), tmp_path, *raw("u"))
    opened(job_of(tmp_path, ALONE, *raw("b")))
    assert asked(world.person("ann", "annotator", project())) == ["u", "b"]


def test_an_upload_asks_again_and_a_judgement_alone_does_not(world, tmp_path):
    opened(job_of(tmp_path, ALONE, *raw("a", "b")))
    ann = world.person("ann", "annotator", project())
    choose(ann, project(), 0)
    opened(job_of(tmp_path, ALONE, *raw("c")))
    given(project(), tmp_path, *rows_of(world, project()))
    assert counts(world) == (0, 1)
    given(project(), tmp_path, *raw("b"))
    assert asked(world.person("bob", "annotator", project())) == ["b", "c"]


@pytest.mark.parametrize("lost", [False, True])
def test_what_somebody_has_open_stays_theirs_and_goes_to_nobody_else(world, tmp_path, monkeypatch, lost):
    import time

    from assent.feedback.schema.models import Slot
    from assent.feedback.store import claims, clock, overview

    opened(job_of(tmp_path, ALONE, *raw("a", "b")))
    ann, bob = (world.person(name, "annotator", project()) for name in ("ann", "bob"))
    shown = claims.claim(ann, project())
    opened(job_of(tmp_path, ALONE, *raw("c")))
    assert claims.claim(ann, project()).pk == shown.pk
    assert overview.items_of(project()) == overview.Items(real=1)
    if lost:
        later = time.time() + 3600
        monkeypatch.setattr(clock, "now", lambda: later)
        assert asked(bob) == ["c"]
        assert not Slot.objects.filter(item=shown.item).exists()
    else:
        assert asked(bob) == ["c"]
        assert counts(world) == (1, 1)  # though ann has a open still
    outcome = choose(ann, project(), 0, shown)
    assert outcome.surplus is lost
    assert counts(world) == (1, 1)


def test_what_is_skipped_when_it_is_retired_goes_to_nobody(world, tmp_path):
    from assent.feedback.store import claims, judging, overview

    opened(job_of(tmp_path, ALONE, *raw("a")))
    ann, bob = (world.person(name, "annotator", project()) for name in ("ann", "bob"))
    shown = claims.claim(ann, project())
    opened(job_of(tmp_path, ALONE, *raw("b")))
    judging.skip(ann, shown.pk, "")
    assert overview.items_of(project()) == overview.Items(real=1)
    assert asked(bob) == ["b"]
    assert overview.items_of(project()) == overview.Items(real=1, complete=1)


def test_the_log_says_how_many(world, tmp_path):
    from assent.feedback.schema.models import Audit

    for names in ("ab", "bc", "abc"):
        opened(job_of(tmp_path, ALONE, *raw(*names)))
    told = Audit.objects.filter(what__in=("items retired", "items asked again")).order_by("pk")
    detail = {"project": "tea", "part": "real", "items": 1}
    assert [(one.what, one.detail) for one in told] == [
        ("items retired", detail),
        ("items asked again", detail),
    ]


# Runs


def candidates_at(path, *numbers, of):
    """Answers of one model or another, under the same names."""
    rows = [
        {
            "input_text": f"Prompt {n}",
            "candidate_0": f"one {of}",
            "candidate_1": f"two {of}",
            "id": f"item-{n}",
        }
        for n in numbers
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read_by_the_app(file):
    from assent.config import check
    from assent.feedback.asked import Asked, Wanted
    from assent.feedback.opening import open_project
    from assent.tools.annotate import app_services, version_of

    asked = check(Asked, {"candidates": file, "want": 2, "project": {"shared": {"share": 0}}}, "feedback")
    wanted = Wanted("feedback", asked.settings, "feedback", file, version_of(file), 2, "feedback")
    open_project(wanted, app_services().read)


def test_a_run_waits_for_judgements_of_its_new_candidates(world, tmp_path, capsys):
    old = candidates_at(tmp_path / "old.jsonl", 0, 1, of="by the old model")
    read_by_the_app(old)
    ann = world.person("ann", "annotator", project())
    answers(ann, project(), prefers("one"), prefers("one"))
    stage(tmp_path, want=2, candidates=old)
    assert capsys.readouterr().out == ""
    new = candidates_at(tmp_path / "new.jsonl", 0, 1, of="by the new model")
    for _ in range(2):  # before the app has read them, and after
        with pytest.raises(
            Waiting, match="0 of 2 comparisons answered; 2 that people judged are no candidates any more"
        ):
            stage(tmp_path, want=2, candidates=new)
        read_by_the_app(new)
    answers(ann, project(), prefers("two"), prefers("two"))
    place = stage(tmp_path, want=2, candidates=new)
    rows = [json.loads(line) for line in (place / "judgements.jsonl").read_text().splitlines()]
    assert [(row["candidate_0"], row["choice"]) for row in rows] == [
        *[("one by the old model", 0)] * 2,
        *[("one by the new model", 1)] * 2,
    ]
    assert "feedback: 2 of the judgements are of prompts or answers that " in capsys.readouterr().out


# Gold, practice and test


def known(folder, part, **rights):
    """A file of pairs whose right answer is known."""
    rows = [row | {"choice": rights[row["id"]]} for row in raw(*rights)]
    (folder / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


TEST = f"{ALONE}qualification: {{test: test.jsonl, pass_mark: 1.0}}\n"
GOLD = f"{ALONE}gold: {{items: gold.jsonl, every: 2}}\n"


def test_a_mistaken_item_of_a_test_is_replaced_by_another(world, tmp_path):
    from assent.feedback.store import claims

    known(tmp_path, "test", t=1, u=0)
    opened(job_of(tmp_path, TEST, *raw("a")))
    ann, bob = (world.person(name, "annotator", project()) for name in ("ann", "bob"))
    choose(ann, project(), 0)
    known(tmp_path, "test", mended=0, u=0)
    opened(job_of(tmp_path, TEST, *raw("a")))
    seen = [choose(bob, project(), 0).judgement.item.name for _ in range(3)]
    assert seen == ["u", "mended", "a"]
    # ann is in the middle of hers: what she has answered counts as it was asked
    seen = [choose(ann, project(), 0).judgement.item.name for _ in range(2)]
    assert seen == ["u", "mended"]
    from assent.feedback.quality.rotation import NotQualified

    with pytest.raises(NotQualified):
        claims.claim(ann, project())


def test_gold_that_is_retired_is_given_to_nobody_and_counts_against_nobody(world, tmp_path):
    from assent.feedback.quality.gold_record import gold_records
    from assent.feedback.store.projects import settings_of

    known(tmp_path, "gold", g=1)
    opened(job_of(tmp_path, GOLD, *raw("a", "b", "c")))
    ann, bob = (world.person(name, "annotator", project()) for name in ("ann", "bob"))
    assert "g" in [choose(ann, project(), 0).judgement.item.name for _ in range(2)]
    assert gold_records(project(), settings_of(project()))[ann.pk].right == 0
    opened(job_of(tmp_path, ALONE, *raw("a", "b", "c")))  # there is no gold any more
    opened(job_of(tmp_path, f"{ALONE}gold: {{every: 2}}\n", *raw("a", "b", "c")))
    assert gold_records(project(), settings_of(project())) == {}
    assert "g" not in asked(bob)
