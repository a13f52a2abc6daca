"""Links to hand out: by an address that whoever gets them can open."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port

from assent.feedback.settings import is_local


@dataclass(frozen=True)
class Link:
    """A whole address."""

    address: str
    only_here: bool = False  # the app listens to this machine alone: nobody else can open it


def link_of(request: HttpRequest, path: str) -> Link:
    """To a page of the app, by the address that whoever makes it came by: others reach it as well.

    But who sits at the machine itself may have come by one that each machine has for itself.
    """
    host, _port = split_domain_port(request.get_host())
    if not is_local(host):
        return Link(request.build_absolute_uri(path))
    if settings.ADDRESS:
        return Link(f"{settings.ADDRESS}{path}")
    return Link(request.build_absolute_uri(path), only_here=True)
