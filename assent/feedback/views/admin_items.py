"""Items of a project, out of an uploaded file: all of it or nothing."""

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from django import forms
from django.conf import settings as app
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assent.errors import UserError
from assent.feedback.exchange.imports import Imported, import_records
from assent.feedback.people.access import needs, person_of
from assent.feedback.schema.models import Audit, Part, Person, Project, Role
from assent.feedback.services import Record
from assent.feedback.store import overview
from assent.feedback.store.projects import settings_of
from assent.feedback.store.writer import writing
from assent.feedback.views.admin_projects import found
from assent.feedback.views.error_words import lines_in_words
from assent.feedback.views.login import GET_OR_POST

# What is left of an upload's name. Compressed files are not taken: nobody knows how large they get.
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
# Read while nobody else can write: 90,000 pairs of 750 bytes took 4 s, less than a browser is let wait.
LARGEST_BYTES = 64 * 2**20
PARTS = (
    (Part.REAL, gettext_lazy("Real: to be judged")),
    (Part.GOLD, gettext_lazy("Gold: the answer is known; hidden among the real ones")),
    (Part.PRACTICE, gettext_lazy("Practice: the answer is told at once")),
    (Part.TEST, gettext_lazy("Test: to pass before the first real item")),
)


class ItemsForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("JSON lines, JSON, CSV, TSV or Parquet: a prompt and its answers a row."),
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(SUFFIXES)}),
    )
    part = forms.ChoiceField(label=gettext_lazy("What they are for"), choices=PARTS, initial=Part.REAL)

    def clean_file(self) -> UploadedFile:
        given: UploadedFile = self.cleaned_data["file"]
        if suffix_of(given.name or "") not in SUFFIXES:
            raise forms.ValidationError(
                _("This name ends in none of %(suffixes)s: save the file as one of them.")
                % {"suffixes": ", ".join(SUFFIXES)}
            )
        if (given.size or 0) > LARGEST_BYTES:
            raise forms.ValidationError(
                _("More than %(size)d MiB: divide the file, or use `assent annotate` where the app runs.")
                % {"size": LARGEST_BYTES // 2**20}
            )
        return given


def suffix_of(name: str) -> str:
    """The last few letters of a name, which is all that is believed of it."""
    return re.sub(r"[^.a-z]", "", PurePosixPath(name.lower()).suffix)


@needs(Role.ADMIN)
@GET_OR_POST
def items(request: HttpRequest, project: str) -> HttpResponse:
    shown = found(project)
    form = ItemsForm(request.POST, request.FILES) if request.method == "POST" else ItemsForm()
    problems: list[str] = []
    imported = None
    if form.is_valid():
        try:
            imported = _imported(
                shown, form.cleaned_data["file"], form.cleaned_data["part"], person_of(request)
            )
        except UserError as error:
            problems = list(lines_in_words(error))
    context = {
        "project": shown,
        "form": form if imported is None else ItemsForm(),
        "problems": problems,
        "imported": imported,
        "items": overview.items_of(shown),
        "settings": settings_of(shown),
    }
    status = 422 if request.method == "POST" and imported is None else 200
    return render(request, "feedback/admin/items.html", context, status=status)


def _imported(project: Project, file: UploadedFile, part: str, by: Person) -> Imported:
    """All rows of the file, or none.

    Raises:
        UserError: with the file's name, the line and what is wrong.
    """
    # Its true name is shown in errors, and nowhere opened: the file lies under a name of ours.
    told = PurePosixPath((file.name or "").replace("\\", "/")).name
    with tempfile.TemporaryDirectory(prefix="assent-upload-") as folder:
        path = Path(folder) / f"upload{suffix_of(told)}"
        with path.open("wb") as copy:
            for chunk in file.chunks():
                copy.write(chunk)
        try:
            return _all_or_nothing(project, path, part, (by, told))
        except UserError as error:
            raise UserError(str(error).replace(str(path), told)) from None


def _all_or_nothing(project: Project, path: Path, part: str, by: tuple[Person, str]) -> Imported:
    person, told = by
    for _record in _records(path):  # a bad line is found before anybody has to wait for the writer
        pass
    with writing():
        imported = import_records(project, _records(path), part, who=person.name)
        detail = {"project": project.name, "file": told[:200], "part": part, "items": imported.items}
        detail |= {"judgements": imported.judgements, "same": imported.same}
        Audit.objects.create(who=person.name, what="items imported", detail=detail)
    return imported


def _records(path: Path) -> Iterable[Record]:
    """As the service gives them: it knows the line of each, which errors name."""
    read: Any = app.SERVICES.read
    return read(str(path))


ROUTES = (("admin/p/<slug:project>/items", items, "items"),)
