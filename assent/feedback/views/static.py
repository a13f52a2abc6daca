"""Styles and scripts, out of the package: no build, no other server."""

import hashlib
from functools import cache
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_safe

from assent.feedback.settings import HERE

FOLDER = HERE / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}


@cache
def _known() -> dict[str, Path]:
    """The files of the package, by name: nothing else is ever read, nor remembered of what is asked for."""
    return {str(path.relative_to(FOLDER)): path for path in FOLDER.rglob("*") if path.suffix in TYPES}


@cache
def _file(name: str) -> tuple[bytes, str]:
    """(content, its hash)."""
    content = _known()[name].read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:16]}"'


@require_safe
def file(request: HttpRequest, name: str) -> HttpResponse:
    if name not in _known():
        raise Http404
    content, etag = _file(name)
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified()
    response = HttpResponse(content, content_type=f"{TYPES[Path(name).suffix]}; charset=utf-8")
    response["ETag"] = etag
    response["Cache-Control"] = "no-cache"  # asked for each time, sent when it has changed
    return response


ROUTES = (("static/<path:name>", file, "static"),)
