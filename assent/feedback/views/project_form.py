"""The settings of a project as a form, and back; a wrong one is told at its field."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings as app
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import ValidationError as Refused

from assent.feedback.projects import LONGEST_LEASE_MINUTES, ProjectSettings
from assent.feedback.schema.models import NAME_CHARACTERS, Project
from assent.feedback.views.error_words import in_words
from assent.feedback.views.project_values import OWN, criteria_of, in_lines, over, told

LONGEST_GUIDELINE = 100_000  # characters

TASKS = (
    ("pairwise", gettext_lazy("Compare two answers"), gettext_lazy("Which of the two is better?")),
    (
        "ranking",
        gettext_lazy("Rank answers"),
        gettext_lazy("Two to nine answers, from best to worst; ties are allowed."),
    ),
    ("rating", gettext_lazy("Rate answers"), gettext_lazy("A number for each criterion.")),
    (
        "demonstration",
        gettext_lazy("Write the answer"),
        gettext_lazy("People write what a good answer would be."),
    ),
    ("edit", gettext_lazy("Mend an answer"), gettext_lazy("People make one of the answers better.")),
    ("chat", gettext_lazy("Talk"), gettext_lazy("People talk to a model and give thumbs.")),
)
_slug = RegexValidator(
    r"\A[-a-zA-Z0-9_]+\Z", gettext_lazy("Use letters a to z, digits, - and _, without spaces.")
)
_PRESETS = (
    ("", gettext_lazy("Choose")),
    ("summary", gettext_lazy("Summary: fluency, accuracy, completeness")),
    ("dialogue", gettext_lazy("Dialogue: naturalness, logic, informativeness")),
    ("translation", gettext_lazy("Translation: adequacy, fluency, terminology")),
    ("code", gettext_lazy("Code: correctness, readability, efficiency")),
    (OWN, gettext_lazy("My own")),
)


def _lines(rows: int, **attrs: object) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, **attrs})


class Lines(forms.CharField):
    """A text of several lines, each ended as it is stored."""

    def to_python(self, value: Any) -> str:
        return in_lines(super().to_python(value) or "")


def without_models(settings: Mapping[str, Any]) -> str:
    """Why nobody could talk in a project of these settings; "": somebody could, or it is no chat."""
    if settings.get("task") != "chat":
        return ""
    served, named = app.SERVICES.talk, settings.get("policies") or ()
    if not served:
        return _(
            "Nobody could talk in it: this app was started without models. Write a YAML that names some, and "
            "start the app with it: assent annotate talk.yaml"
        )
    if not named:
        return _("Choose a model at least: nobody could talk otherwise.")
    missing = ", ".join(name for name in named if name not in served)
    return _("The app was started without these models: %(names)s.") % {"names": missing} if missing else ""


class SettingsForm(forms.Form):
    """What can be set of a project that is there; `NewForm` adds its name and its guideline.

    A field that nobody touched is not read: what is stored stays, also where no form could say it.
    """

    title = forms.CharField(
        label=gettext_lazy("Title"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("What people read above the work. Empty: the name."),
    )
    task = forms.ChoiceField(
        label=gettext_lazy("What people do"),
        choices=[(key, name) for key, name, _hint in TASKS],
        widget=forms.RadioSelect,
        initial="pairwise",
    )
    strength = forms.BooleanField(label=gettext_lazy("Also ask how much better"), required=False)
    preset = forms.ChoiceField(label=gettext_lazy("Criteria"), choices=_PRESETS, required=False)
    own = Lines(
        label=gettext_lazy("My own criteria"),
        required=False,
        max_length=50_000,
        widget=_lines(4, placeholder="accuracy: Does it say only what the text says? [1-5]"),
        help_text=gettext_lazy(
            "One a line: name: question [lowest-highest]. Question and scale may be left out."
        ),
    )
    policies = forms.MultipleChoiceField(
        label=gettext_lazy("Models to talk to"), required=False, widget=forms.CheckboxSelectMultiple
    )
    implicit = forms.BooleanField(
        label=gettext_lazy("Keep what people do besides, if they agree: copies, clicks, time"), required=False
    )
    consent = Lines(
        label=gettext_lazy("What they agree to"), required=False, max_length=5000, widget=_lines(3)
    )
    overlap = forms.IntegerField(
        label=gettext_lazy("Judgements an item"), min_value=1, max_value=100, initial=1
    )
    shared_percent = forms.FloatField(
        label=gettext_lazy("Shared items, in percent"),
        min_value=0,
        max_value=100,
        initial=15,
        help_text=gettext_lazy("These are judged by several people, to see how far they agree."),
    )
    shared_overlap = forms.IntegerField(
        label=gettext_lazy("Judgements a shared item"), min_value=1, max_value=100, initial=3
    )
    gold_every = forms.IntegerField(
        label=gettext_lazy("One of how many items is gold"),
        min_value=2,
        max_value=1000,
        required=False,
        initial=10,
        help_text=gettext_lazy(
            "Gold has a known answer and looks like any other item. Empty: none is given."
        ),
    )
    pass_percent = forms.FloatField(
        label=gettext_lazy("Pass mark of the test, in percent"),
        min_value=1,
        max_value=100,
        initial=80,
        help_text=gettext_lazy("Counts where there are test items."),
    )
    lease_minutes = forms.FloatField(
        label=gettext_lazy("Minutes an item is kept"),
        help_text=gettext_lazy("For whoever has it open; then others may get it."),
        min_value=0.1,
        max_value=LONGEST_LEASE_MINUTES,
        initial=30,
    )

    def __init__(self, *args: Any, before: ProjectSettings | None = None, **named: Any):
        super().__init__(*args, **named)
        self.before = before  # None: a new project
        policies = before.policies if before else ()
        names = sorted({*app.SERVICES.talk, *policies})
        self.fields["policies"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]

    @property
    def touched(self) -> set[str]:
        """The fields that say something else than what is stored; of a new project all."""
        return set(self.fields) if self.before is None else set(self.changed_data)

    @property
    def wanted(self) -> dict[str, Any]:
        """The settings; only after `is_valid()`."""
        given = {field: self.cleaned_data[field] for field in self.touched & set(SettingsForm.base_fields)}
        if "criteria" in self.cleaned_data:
            given["criteria"] = self.cleaned_data["criteria"]
        for field in ("preset", "own"):
            given.pop(field, None)
        before = self.before.model_dump(mode="json", exclude_unset=True) if self.before else {}
        return over(before, given)

    def clean(self) -> dict[str, Any]:
        for field in set(self.errors) - self.touched:
            del self.errors[field]
        given = self.cleaned_data
        if given.get("task") == "rating" and not self.touched.isdisjoint(("task", "preset", "own")):
            given["criteria"] = self._criteria(given)
        if given.get("task") == "chat" and given["implicit"] and not given.get("consent", "").strip():
            self.add_error("consent", _("Write what people agree to: nothing is kept unless they do."))
        becomes_chat = self.before is None or self.before.task != "chat"
        if becomes_chat and (why := without_models(given)):
            self.add_error("policies", why)
        if not self.errors:
            self._check()
        return given

    def _criteria(self, given: Mapping[str, Any]) -> Any:
        preset = given.get("preset", "")
        if preset and preset != OWN:
            return preset
        if not preset:
            self.add_error("preset", _("Choose what to rate by."))
            return ()
        there = self.before.criteria if self.before else ()
        try:
            return criteria_of(given.get("own", ""), () if isinstance(there, str) else there)
        except ValidationError as error:
            self.add_error("own", error)
            return ()

    def _check(self) -> None:
        try:
            ProjectSettings.model_validate(self.wanted)
        except Refused as refused:
            for problem in refused.errors():
                field, text = told(problem)
                self.add_error(field if field in self.fields else None, in_words(text))


class NewForm(SettingsForm):
    name = forms.CharField(
        validators=[_slug],
        label=gettext_lazy("Name"),
        max_length=NAME_CHARACTERS,
        help_text=gettext_lazy("In addresses and exports: letters, digits, - and _. It cannot change."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "summaries-1"}),
    )
    guideline = Lines(
        label=gettext_lazy("Guideline"),
        required=False,
        max_length=LONGEST_GUIDELINE,
        widget=_lines(8),
        help_text=gettext_lazy(
            "What people should look for, in Markdown. It is one key away. It can change later: "
            "each judgement keeps the version it was made under."
        ),
    )

    def clean_name(self) -> str:
        return free_name(self.cleaned_data["name"])


class YamlForm(forms.Form):
    """The same settings, for whoever has them in a file."""

    name = forms.CharField(
        validators=[_slug],
        label=gettext_lazy("Name"),
        max_length=NAME_CHARACTERS,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    yaml = forms.CharField(
        label=gettext_lazy("Settings as YAML"),
        max_length=50_000,
        strip=False,  # the first line may stand as far in as the others
        widget=_lines(
            12,
            placeholder="task: rating\ntitle: Summaries\ncriteria: summary\noverlap: 2",
            spellcheck="false",
            **{"class": "code"},
        ),
    )

    def clean_name(self) -> str:
        return free_name(self.cleaned_data["name"])


def free_name(name: str) -> str:
    if Project.objects.filter(name__iexact=name).exists():
        raise ValidationError(_("There is a project of this name already: choose another."))
    return name


def tasks(hints: bool = False) -> dict[str, Any]:
    """What people do, in words, by task; with `hints`, (name, hint)."""
    return {key: (name, hint) if hints else name for key, name, hint in TASKS}
