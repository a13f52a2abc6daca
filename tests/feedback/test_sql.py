"""Objects that are read by SQL of ours are those that Django's own queries read."""

import pytest


def same(found, expected):
    """Every column, and its type."""
    names = [field.attname for field in type(expected)._meta.concrete_fields]
    read = {name: getattr(found, name) for name in names}
    assert found == expected
    assert read == {name: getattr(expected, name) for name in names}
    assert [type(one) for one in read.values()] == [type(getattr(expected, name)) for name in names]


@pytest.fixture
def judged(world):
    """One judgement, and all that it hangs on."""
    from uuid import UUID

    from feedback_world import new_uuid

    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Submission, submit

    project, ann = world.project(), world.person("ann")
    world.items(project, 1)
    shown = claim(ann, project)
    return submit(ann, Submission(UUID(new_uuid()), shown.pk, {"choice": "left", "comment": "ü"})).judgement


@pytest.mark.parametrize("name", ["Project", "Item", "Slot", "Shown", "Judgement", "Person"])
def test_an_object_is_the_one_that_django_reads(judged, name):
    from assent.feedback.schema import models
    from assent.feedback.store import sql

    model = getattr(models, name)
    expected = model.objects.get()
    same(sql.there(model, expected.pk), expected)
    assert not sql.there(model, expected.pk)._state.adding  # saving it changes the row


def test_a_row_that_is_not_there_is_none(world):
    from assent.feedback.schema.models import Project
    from assent.feedback.store import sql

    assert sql.one(Project, "name = %s", "nobody") is None
    with pytest.raises(LookupError, match="feedback_project 1: no such row"):
        sql.there(Project, 1)


def test_a_session_ends_at_its_time(world):
    """Read as text, the time is the one that Django wrote."""
    from datetime import timedelta

    from django.contrib.sessions.models import Session
    from django.utils import timezone

    from assent.feedback.store.sessions import SessionStore

    made = SessionStore()
    made["said"] = "yes"
    made.save(must_create=True)
    key = made.session_key

    def said(until):
        Session.objects.filter(pk=key).update(expire_date=until)
        return SessionStore(key).get("said")

    now = timezone.now()
    assert said(now + timedelta(seconds=60)) == "yes"
    assert said(now - timedelta(seconds=1)) is None
    assert said(now.replace(microsecond=0) + timedelta(days=1)) == "yes"  # stored without a fraction
