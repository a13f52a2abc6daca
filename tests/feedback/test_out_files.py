"""Files of judgements: the app writes over what it has written itself, and over nothing else."""

import os
import shutil
import sqlite3
from contextlib import closing

import pytest
from annotating import annotating
from django.db import connections
from exchanging import given, pair
from stage_world import rows
from test_command import pairs, typed

from assent.errors import UserError
from assent.tools.annotate import Wishes
from assent.tools.annotate_files import project_job, write_judgements

MINE = '{"input_text": "made by hand", "candidate_0": "a", "candidate_1": "b", "choice": 0}\n'
NOT_OURS = "is there already, and was not written from the project"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pairs(tmp_path)
    return tmp_path


@pytest.fixture
def tea(world, folder):
    """A project with one judgement, in the world's database."""
    project = world.project("tea")
    given(project, folder, pair("x", 0))
    return project


def job(folder, more="", out="judgements.jsonl", name="tea"):
    path = folder / "feedback.yaml"  # whose database is feedback.sqlite3 beside it
    path.write_text(f"items: candidates.jsonl\nname: {name}\n{more}")
    return project_job(path, Wishes(out=folder / out))


def notes(database):
    with closing(sqlite3.connect(database)) as connection:
        asked = "SELECT json_extract(detail, '$.file') FROM feedback_audit WHERE what = 'judgements written'"
        return [name for (name,) in connection.execute(asked)]


def copied(database, place):
    """As the guide says."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", [str(place)])


def test_what_the_app_has_written_is_written_again_and_noted_once(tea, folder):
    write_judgements(job(folder))
    given(tea, folder, pair("y", 1))
    write_judgements(job(folder))
    assert [row["choice"] for row in rows(folder / "judgements.jsonl")] == [0, 1]
    assert notes(folder / "feedback.sqlite3") == ["judgements.jsonl"]


@pytest.mark.parametrize("there", ["judgements.jsonl", "judgements.ties.jsonl"])
def test_a_file_of_others_is_refused_before_anything_is_served(tea, folder, there):
    (folder / there).write_text(MINE)
    with pytest.raises(UserError, match=f"{there}: {NOT_OURS} tea of .*: give another --out, or move it"):
        job(folder)
    assert (folder / there).read_text() == MINE


def test_a_file_that_comes_while_people_judge_is_refused_at_the_end(tea, folder):
    begun = job(folder)
    given(tea, folder, pair("y", None))
    (folder / "judgements.ties.jsonl").write_text(MINE)
    with pytest.raises(UserError, match=NOT_OURS):
        write_judgements(begun)
    assert (folder / "judgements.ties.jsonl").read_text() == MINE
    assert not (folder / "judgements.jsonl").exists()  # all of them or none
    (folder / "judgements.ties.jsonl").rename(folder / "mine.jsonl")
    assert len(write_judgements(begun)) == 2


def test_a_link_that_leads_nowhere_is_somebody_elses_too(tea, folder):
    (folder / "judgements.jsonl").symlink_to(folder / "gone")
    with pytest.raises(UserError, match=NOT_OURS):
        job(folder)


@pytest.mark.parametrize("link", [os.symlink, os.link, shutil.copy])
@pytest.mark.parametrize("key", ["items", "gold", "guideline"])
def test_what_a_project_is_made_of_is_never_written_over(tea, folder, link, key):
    """By no other name either; a copy is not made of anything, and still somebody else's."""
    (folder / "gold.jsonl").write_text(MINE)
    (folder / "how.json").write_text("Choose.")
    source = {"items": "candidates.jsonl", "gold": "gold.jsonl", "guideline": "how.json"}[key]
    more = "gold: {items: gold.jsonl}\nguideline: how.json\n"
    link(folder / source, folder / "other.jsonl")
    before = (folder / source).read_text()
    with pytest.raises(UserError, match="tea is made of this file: give another --out"):
        job(folder, more, source)
    with pytest.raises(UserError, match=NOT_OURS if link is shutil.copy else "tea is made of this file"):
        job(folder, more, "other.jsonl")
    assert (folder / source).read_text() == before


def test_what_was_written_and_became_a_source_is_not_written_over(tea, folder):
    write_judgements(job(folder, out="candidates.2.jsonl"))
    with pytest.raises(UserError, match="tea is made of this file"):
        job(folder, "qualification: {test: candidates.2.jsonl}\n", "candidates.2.jsonl")


def test_what_is_written_into_a_folder_of_sources_would_be_read_next(tea, folder):
    (folder / "data" / "more").mkdir(parents=True)
    (folder / "candidates.jsonl").rename(folder / "data" / "candidates.jsonl")
    (folder / "candidates.jsonl").symlink_to(folder / "data")
    with pytest.raises(UserError, match="tea is made of all files in that folder, and would read this one"):
        job(folder, out="data/more/judgements.jsonl")
    assert write_judgements(job(folder, out="judgements.jsonl"))


def test_where_nobody_has_judged_no_file_becomes_the_apps(world, folder):
    world.project("tea")
    assert write_judgements(job(folder)) == ["nobody has judged yet, so nothing is written"]
    (folder / "judgements.jsonl").write_text(MINE)
    with pytest.raises(UserError, match=NOT_OURS):
        job(folder)


def test_a_folder_may_be_moved_as_a_whole(tea, folder):
    place = folder / "here"
    (place / "judged").mkdir(parents=True)
    copied(folder / "feedback.sqlite3", place / "feedback.sqlite3")
    pairs(place)
    write_judgements(job(place, out="judged/tea.jsonl"))
    moved = place.rename(folder / "there")
    assert write_judgements(job(moved, out="judged/tea.jsonl"))
    assert notes(moved / "feedback.sqlite3") == ["judged/tea.jsonl"]


def test_two_projects_of_a_database_do_not_share_a_file(world, tea, folder):
    given(world.project("milk"), folder, pair("y", 1))
    write_judgements(job(folder))
    with pytest.raises(UserError, match=f"{NOT_OURS} milk"):
        job(folder, name="milk")
    (folder / "judgements.jsonl").rename(folder / "tea.jsonl")
    write_judgements(job(folder, name="milk"))
    with pytest.raises(UserError, match=f"{NOT_OURS} tea"):  # who was there first has it no more
        job(folder)


def test_a_copy_that_was_not_opened_yet_can_be_written_from(tea, folder):
    """It has no log of writes, so that nobody can write while somebody reads."""
    (folder / "copy").mkdir()
    copied(folder / "feedback.sqlite3", folder / "copy" / "feedback.sqlite3")
    pairs(folder / "copy")
    assert len(write_judgements(job(folder / "copy"))) == 1


def test_a_file_that_is_younger_than_a_copy_that_was_put_back_is_kept(tea, folder):
    """It may hold judgements that the copy lacks."""
    copied(folder / "feedback.sqlite3", folder / "copy.sqlite3")
    given(tea, folder, pair("y", 1))
    write_judgements(job(folder))
    connections.close_all()
    for suffix in ("-wal", "-shm"):
        (folder / f"feedback.sqlite3{suffix}").unlink(missing_ok=True)
    (folder / "copy.sqlite3").replace(folder / "feedback.sqlite3")
    with pytest.raises(UserError, match=NOT_OURS):
        job(folder)
    assert len(rows(folder / "judgements.jsonl")) == 2


def test_a_database_that_cannot_be_written_is_told_of(tea, folder):
    begun = job(folder)
    with closing(sqlite3.connect(folder / "feedback.sqlite3")) as connection:
        connection.execute(
            "CREATE TRIGGER none BEFORE INSERT ON feedback_audit BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    with pytest.raises(UserError, match=r"cannot note that .*judgements\.jsonl is written from it: x"):
        write_judgements(begun)
    assert not (folder / "judgements.jsonl").exists()


def test_two_yamls_with_one_out(folder):
    for name in ("a", "b"):
        pairs(folder, 1, f"{name}.jsonl")
        (folder / f"{name}.yaml").write_text(f"items: {name}.jsonl\nout: judgements.jsonl\n")
    with annotating(folder, "a.yaml") as app:
        admin = app.visitor("ann")
        with annotating(folder, "b.yaml") as other:
            other.visitor("bob").judge("b", {"choice": "left"})
            assert other.end() == 0
        written = (folder / "judgements.jsonl").read_text()
        assert '"annotator": "bob"' in written
        admin.judge("a", {"choice": "left"})
        assert app.end() == 2
        assert "a: 1 of 1 comparisons answered\n" in app.said
        assert any(NOT_OURS in line for line in app.said)
    assert (folder / "judgements.jsonl").read_text() == written
    shown = typed("a.yaml", "--out", "a.judged.jsonl", "--export")
    assert (shown.exit_code, shown.output) == (0, "a.judged.jsonl: 1 judgement\n")
