"""What people said, as files to download: JSON lines, written while they are read.

No CSV: a spreadsheet runs what begins with = or @, and people type what they like.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.db import connection
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from assent.errors import UserError
from assent.feedback.exchange.export import STYLES, exported, kinds_of, reading, styled
from assent.feedback.people.access import needs
from assent.feedback.schema.models import Project, Role

TYPE = "application/jsonl; charset=utf-8"
LINES_AT_ONCE = 200
IN_MEMORY_BYTES = 2**20

_line = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


@needs(Role.REVIEWER)
@require_safe
def download(request: HttpRequest, project: str, kind: str) -> HttpResponse:  # noqa: ARG001 - Django's form
    """`judgements`, `ties`, ...; or the judgements as other programs read them, such as `trl`."""
    found = Project.objects.filter(name=project).first()
    if found is None:
        raise Http404
    style = STYLES.get(found.task, {}).get(kind)
    if style is None and kind not in kinds_of(found.task):
        raise Http404
    name = f"{found.name}.{kind}.jsonl"
    if style is None:
        streamed = StreamingHttpResponse(_ours(found.name, kind), content_type=TYPE)
        streamed["Content-Disposition"] = f'attachment; filename="{name}"'
        return cast(HttpResponse, streamed)  # Django has no common name for both that its decorators take
    try:
        whole = _in_style(found.name, kind, settings.SERVICES.rows[style])
    except UserError as error:
        told = _("%(kind)s cannot hold what is there: %(why)s") % {"kind": kind, "why": error}
        return HttpResponse(told, status=422, content_type="text/plain; charset=utf-8")
    return cast(HttpResponse, FileResponse(whole, as_attachment=True, filename=name, content_type=TYPE))


def database() -> Path:
    """The file that the app works on."""
    return Path(connection.settings_dict["NAME"])


def _ours(project: str, kind: str) -> Iterator[bytes]:
    """Our own rows, each of which can be written: they are sent while they are read."""
    with reading(database()) as snapshot:
        yield from _encoded(exported(snapshot, project, kind))


def _in_style(project: str, kind: str, write: Any) -> IO[bytes]:
    """Rows of another format, some of which it may not hold: the file is whole before any of it is sent.

    Raises:
        UserError: the format cannot hold one of the judgements.
    """
    with ExitStack() as stack:
        whole = stack.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))
        with reading(database()) as snapshot:
            whole.writelines(_encoded(styled(snapshot, project, kind, write)))
        whole.seek(0)
        stack.pop_all()  # whoever sends it closes it
    return whole


def _encoded(rows: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    while some := list(islice(rows, LINES_AT_ONCE)):
        yield "".join([_line(row) + "\n" for row in some]).encode()


ROUTES: tuple[tuple[str, Any, str], ...] = (
    ("admin/p/<slug:project>/export/<slug:kind>", download, "export"),
)
