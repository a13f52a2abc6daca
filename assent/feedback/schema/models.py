"""Every table of the app.

What people did is only ever added: its rows cannot be changed or deleted, by triggers in the database
(`append_only.py` names the tables). Times are seconds since 1970. Answers are stored as candidate numbers,
never as left and right: `Shown.order` says what stood where.
"""

import time

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import CASCADE, PROTECT, Q

NAME_CHARACTERS = 80


class Role(models.TextChoices):
    """What a person may do; each may also do what those before it may."""

    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    ADMIN = "admin"


class Part(models.TextChoices):
    """What an item is for. Annotators are told of practice and test, never of gold."""

    REAL = "real"
    GOLD = "gold"  # its right answer is known, and it looks like any other
    PRACTICE = "practice"
    TEST = "test"


class People(BaseUserManager["Person"]):
    """Finds a person by name, as Django's login asks."""


class Person(AbstractBaseUser):
    name = models.CharField(max_length=NAME_CHARACTERS, unique=True)  # what exports call them
    role = models.CharField(max_length=9, choices=Role, default=Role.ANNOTATOR)
    language = models.CharField(max_length=10, default="")  # "": what the browser asks for
    is_active = models.BooleanField(default=True)
    created = models.FloatField(default=time.time)
    objects = People()
    USERNAME_FIELD = "name"
    REQUIRED_FIELDS = []


class Project(models.Model):
    name = models.SlugField(max_length=NAME_CHARACTERS, unique=True)  # in addresses and exports
    task = models.CharField(max_length=13)
    settings = models.JSONField()  # of projects.ProjectSettings, as given; read by `projects.settings_of`
    secret = models.CharField(max_length=64)  # hexadecimal; what the order of answers is drawn from
    want = models.PositiveIntegerField(null=True)  # items that a waiting run asks for
    created = models.FloatField(default=time.time)
    closed = models.FloatField(null=True)  # since then nobody is given new items


class Membership(models.Model):
    """Somebody may annotate a project. Reviewers and admins may without."""

    person = models.ForeignKey(Person, CASCADE)
    project = models.ForeignKey(Project, CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "project"], name="member_once")]


class Invite(models.Model):
    """A link by which somebody becomes a person. Only the hash of its token is here."""

    token_sha256 = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=9, choices=Role)
    project = models.ForeignKey(Project, CASCADE, null=True)  # null: every project there is
    uses_left = models.PositiveIntegerField()
    expires = models.FloatField()
    created = models.FloatField(default=time.time)
    created_by = models.ForeignKey(Person, CASCADE, null=True)  # null: by the one who started the app


class Guideline(models.Model):
    """One version of what annotators are asked to do, in Markdown. Append-only."""

    project = models.ForeignKey(Project, CASCADE)
    version = models.PositiveIntegerField()
    text = models.TextField()
    created = models.FloatField(default=time.time)
    created_by = models.CharField(max_length=NAME_CHARACTERS, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="version_once")]


class Item(models.Model):
    """What is judged. Who reads items from a file at each start retires those that it no longer holds.

    A retired item is given to nobody any more, and no run waits for it; what was said of it stays. What was
    uploaded is never retired.
    """

    project = models.ForeignKey(Project, CASCADE, db_index=False)
    name = models.CharField(max_length=200)  # `meta.item` of exports; never shown to annotators
    part = models.CharField(max_length=8, choices=Part, default=Part.REAL)
    position = models.PositiveIntegerField()  # in which items are given out
    listed = models.BooleanField(null=True)  # whether it stands in that file; null: it was uploaded
    prompt = models.JSONField()  # text, or a list of {"role", "content"}
    candidates = models.JSONField()  # a list of texts; empty where people write
    hidden = models.JSONField(default=dict)  # policy names and all other meta: never shown to annotators
    expected = models.JSONField(null=True)  # the right answer of gold, practice and test: as Judgement.answer
    explanation = models.TextField(default="")  # why it is right

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="item_once")]
        indexes = [
            models.Index(fields=["project", "part", "position"], name="item_by_part"),
            models.Index(
                fields=["project", "part", "listed"], name="retired_items", condition=Q(listed=False)
            ),
        ]


class Slot(models.Model):
    """Room for one judgement of a real item: as many as are wanted are made with it.

    Of a judged one, `holder` is whose late work fills it: rows that say surplus, from before there was room.
    """

    project = models.ForeignKey(Project, CASCADE, db_index=False)
    item = models.ForeignKey(Item, CASCADE, db_index=False)
    number = models.PositiveSmallIntegerField()
    position = models.PositiveIntegerField()  # of the item
    holder = models.ForeignKey(Person, CASCADE, null=True, db_index=False)
    lease_until = models.FloatField(null=True)
    judged = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "number"], name="slot_once")]
        indexes = [
            models.Index(
                fields=["project", "position", "number"], name="open_slots", condition=Q(judged=False)
            ),
            models.Index(fields=["holder"], name="held_slots", condition=Q(holder__isnull=False)),
        ]


class Shown(models.Model):
    """An item was given to a person, in this order, once and for all. Its number is all that a browser knows.

    Append-only.
    """

    project = models.ForeignKey(Project, CASCADE, db_index=False)
    item = models.ForeignKey(Item, CASCADE, db_index=False)
    person = models.ForeignKey(Person, CASCADE, db_index=False)
    attempt = models.PositiveSmallIntegerField(default=0)  # at a qualification; 0 for all other items
    order = models.JSONField()  # candidate numbers, from left to right
    created = models.FloatField(default=time.time)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "person", "attempt"], name="shown_once")]
        indexes = [models.Index(fields=["project", "person", "id"], name="shown_to")]


class Judgement(models.Model):
    """What somebody said, once. A changed mind is another row, with the next revision. Append-only."""

    id = models.BigAutoField(primary_key=True)  # in the order in which they came
    uuid = models.UUIDField(unique=True)  # made by the browser: the same judgement sent twice is one
    shown = models.ForeignKey(Shown, CASCADE, db_index=False)
    item = models.ForeignKey(Item, CASCADE, db_index=False)
    person = models.ForeignKey(Person, CASCADE, db_index=False)
    slot = models.ForeignKey(Slot, CASCADE, null=True, db_index=False)  # null: surplus, or no real item
    revision = models.PositiveSmallIntegerField(default=1)
    surplus = models.BooleanField(default=False)  # all slots had been filled meanwhile
    answer = models.JSONField()  # see store/answers.py
    payload_sha256 = models.CharField(max_length=64, default="")  # of what a browser sent; "": imported
    guideline = models.PositiveIntegerField(default=0)  # the version it was made under; 0: there was none
    seconds = models.FloatField(null=True)  # from page shown to click
    created = models.FloatField(default=time.time)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shown", "revision"], name="revision_once"),
            models.UniqueConstraint(fields=["slot"], condition=Q(revision=1), name="slot_filled_once"),
        ]


class Skip(models.Model):
    """Somebody would rather not judge this, and why. Append-only."""

    shown = models.OneToOneField(Shown, PROTECT)
    reason = models.TextField()
    created = models.FloatField(default=time.time)


class Flag(models.Model):
    """Something is wrong with an item. Append-only."""

    uuid = models.UUIDField(unique=True)
    shown = models.ForeignKey(Shown, PROTECT)
    text = models.TextField()
    created = models.FloatField(default=time.time)


class Attempt(models.Model):
    """One go at the qualification of a project: practice, then the test."""

    project = models.ForeignKey(Project, CASCADE)
    person = models.ForeignKey(Person, CASCADE, db_index=False)
    number = models.PositiveSmallIntegerField()  # from 1
    allowed_by = models.CharField(max_length=NAME_CHARACTERS, default="")  # who let them try again
    right = models.PositiveIntegerField(null=True)  # of the test; null: not finished
    asked = models.PositiveIntegerField(null=True)
    passed = models.BooleanField(null=True)
    created = models.FloatField(default=time.time)
    finished = models.FloatField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "project", "number"], name="attempt_once")]


class Consent(models.Model):
    """Somebody agreed to what a project's chat keeps beside the words, in this wording. Append-only."""

    person = models.ForeignKey(Person, PROTECT)
    project = models.ForeignKey(Project, PROTECT)
    text = models.TextField()
    given = models.BooleanField()  # False: refused, or withdrawn; the last row counts
    created = models.FloatField(default=time.time)


class Conversation(models.Model):
    """A chat of one person with one policy, whose name they are not told."""

    uuid = models.UUIDField(unique=True)
    project = models.ForeignKey(Project, CASCADE)
    person = models.ForeignKey(Person, CASCADE)
    policy = models.CharField(max_length=200)
    created = models.FloatField(default=time.time)


class Turn(models.Model):
    """One message. A regenerated answer is another attempt of the same number. Append-only."""

    uuid = models.UUIDField(unique=True)
    conversation = models.ForeignKey(Conversation, PROTECT)
    number = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField(default=0)
    role = models.CharField(max_length=9)  # user, assistant
    text = models.TextField()
    replaces = models.ForeignKey("self", PROTECT, null=True)
    created = models.FloatField(default=time.time)


class Implicit(models.Model):
    """What somebody did with an answer in a chat, apart from explicit judgements. Append-only."""

    uuid = models.UUIDField(unique=True)
    turn = models.ForeignKey(Turn, PROTECT)
    kind = models.CharField(max_length=12)  # thumb_up, thumb_down, thumb_none, copy, regenerate, click, dwell
    position = models.PositiveSmallIntegerField()  # where the answer stood, 0 the first on the page
    seconds = models.FloatField(null=True)  # of a dwell
    created = models.FloatField(default=time.time)


class Audit(models.Model):
    """Who did what to projects and people. Append-only."""

    who = models.CharField(max_length=NAME_CHARACTERS)
    what = models.CharField(max_length=60)
    detail = models.JSONField(default=dict)
    created = models.FloatField(default=time.time)
