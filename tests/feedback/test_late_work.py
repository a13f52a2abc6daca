"""Late work, which was surplus when it came, fills a slot as soon as more judgements are wanted."""

import time

import pytest
from annotating_files import job_of, raw
from exchanging import files_of, rows_of
from qualifying import choose
from test_then_run import opened

from assent.feedback.asked import items_answered
from assent.feedback.exchange.export import reading


class Late:
    """A project of one item, which two people were given: bob has judged it, and ann after him."""

    def __init__(self, world, folder, monkeypatch):
        from assent.feedback.schema.models import Project
        from assent.feedback.store import claims, clock

        self.world, self.folder = world, folder
        self.wants(1)
        self.project = Project.objects.get()
        self.ann, self.bob = (world.person(name, "annotator", self.project) for name in ("ann", "bob"))
        self.shown = claims.claim(self.ann, self.project)
        later = time.time() + 3600
        monkeypatch.setattr(clock, "now", lambda: later)
        choose(self.bob, self.project, 0)
        assert choose(self.ann, self.project, 1, self.shown).surplus

    def wants(self, overlap, *names):
        text = f"shared: {{share: 0}}\noverlap: {overlap}\n"
        opened(job_of(self.folder, text, *raw("q", *names)))

    def said(self, kind="judgements"):
        return [(row["meta"]["annotator"], row["choice"]) for row in rows_of(self.world, self.project, kind)]

    def answered(self, overlap):
        """(items that are answered, whether nobody is asked any more)."""
        from assent.feedback.schema.models import Slot

        with reading(self.world.database) as connection:
            return items_answered(connection, "tea", overlap), not Slot.objects.filter(judged=False).exists()


@pytest.fixture
def late(world, tmp_path, monkeypatch):
    return Late(world, tmp_path, monkeypatch)


def test_it_waits_for_nobody_else_and_is_no_surplus_any_more(late):
    assert (late.answered(1), late.said(), late.said("surplus")) == ((1, True), [("bob", 0)], [("ann", 1)])
    late.wants(2)
    assert late.answered(2) == (1, True)
    assert (late.said(), late.said("surplus")) == ([("bob", 0), ("ann", 1)], [])
    [votes] = rows_of(late.world, late.project, "votes")
    assert votes["meta"]["votes"] == [0.5, 0.5]
    late.wants(2)
    assert late.answered(2) == (1, True)


def test_the_last_word_counts_and_is_told_as_any_other(late):
    from uuid import UUID

    from feedback_world import new_uuid

    from assent.feedback.store.judging import Submission, submit

    late.wants(2)
    for revision, candidate in ((2, 0), (3, 1), (4, 0)):
        given = {"choice": ("left", "right")[late.shown.order.index(candidate)]}
        sent = Submission(UUID(new_uuid()), late.shown.pk, given, revision=revision)
        assert not submit(late.ann, sent).surplus
    assert (late.said(), late.said("surplus")) == ([("bob", 0), ("ann", 0)], [])
    assert late.answered(2) == (1, True)


def test_only_as_many_as_are_wanted_the_first_come_first(late):
    """eve was given the item as well, and judged it last: two are wanted, then four."""
    from assent.feedback.schema.models import Shown, Slot

    eve = late.world.person("eve", "annotator", late.project)
    shown = Shown.objects.create(project=late.project, item=late.shown.item, person=eve, order=[0, 1])
    assert choose(eve, late.project, 1, shown).surplus
    late.wants(2)
    assert late.said("surplus") == [("eve", 1)]
    late.wants(4)
    assert late.said("surplus") == []
    slots = Slot.objects.order_by("number").values_list("judged", flat=True)
    assert list(slots) == [True, True, True, False]


def test_what_is_asked_again_has_its_late_work(late):
    """Retired with ann's judgement, which came too late; back again when two are wanted."""
    text = "shared: {share: 0}\n"
    opened(job_of(late.folder, text, *raw("r")))
    assert late.said("surplus") == [("ann", 1)]
    late.wants(2)
    assert late.said("surplus") == []
    assert late.answered(2) == (1, True)


def test_the_rows_stay_as_they_were(late):
    from assent.feedback.schema.models import Judgement

    before = list(Judgement.objects.order_by("pk").values())
    late.wants(2)
    assert list(Judgement.objects.order_by("pk").values()) == before
    assert set(files_of(late.world, late.project)) >= {"judgements", "surplus"}
