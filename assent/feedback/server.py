"""The app on a port of this machine, until a signal asks for its end."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server

from assent.errors import AssentError, UserError
from assent.feedback.asked import Wanted
from assent.feedback.lines import quiet_log
from assent.feedback.services import Read, Services
from assent.feedback.settings import LOCAL_HOSTS, Place, configure, is_local
from assent.locks import held

THREADS = 8  # requests at a time; reading goes on while one of them writes
CONNECTIONS = 1000  # at a time; browsers keep several open each
LOOK_SECONDS = 0.5  # how soon an end that somebody asked for is noticed at the latest
DRAIN_SECONDS = 10.0  # that requests in flight have, once the end was asked for
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what people type


@dataclass(frozen=True)
class Listening:
    """A port that is ours, and the addresses by which browsers reach it."""

    socket: socket.socket
    place: Place
    addresses: tuple[str, ...]  # the first is the one to hand out


def listen(host: str, port: int, allowed: Sequence[str] = (), https: bool = False) -> Listening:
    """Take a port. Nothing is answered on it before `serve`.

    Args:
        port: 0: any that is free.
        allowed: names by which browsers may ask for the app, beside this machine's own.
        https: behind a proxy that ends TLS.

    Raises:
        UserError: the port is taken or not ours to take, or the host is not this machine's.
    """
    try:
        taken = _taken(host, port)
    except (OSError, UnicodeError) as error:  # the latter: no name that can be asked for
        why = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{host}:{port}: cannot listen there: {why.lower()}; "
            f"choose another: --port {port + 1 if 0 < port < 65535 else 8001}"
        ) from None
    return _told(taken, host, tuple(allowed), https)


def _taken(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen()  # now: two processes may bind one port, and only one of them may listen
    except OSError:
        taken.close()
        raise
    return taken


def _told(taken: socket.socket, host: str, allowed: tuple[str, ...], https: bool) -> Listening:
    port = taken.getsockname()[1]
    own = _own_addresses(taken.family) if host in EVERYWHERE else (_in_url(host),)
    hosts = tuple(dict.fromkeys([*own, *map(_in_url, allowed), *LOCAL_HOSTS]))
    names = tuple(allowed or own) if https else tuple(dict.fromkeys((*own, *allowed)))
    # Behind a proxy its name and port, not ours.
    by_name = {name: f"https://{name}" if https else f"http://{name}:{port}" for name in names}
    away = next((by_name[name] for name in names if not is_local(name)), "")
    return Listening(taken, Place(hosts, https, away), tuple(by_name.values()))


def _own_addresses(family: int) -> tuple[str, ...]:
    """This machine's names and addresses: those that others reach first, then its own."""
    found = [
        one.address.split("%")[0]
        for addresses in psutil.net_if_addrs().values()
        for one in addresses
        if one.family == family
    ]
    away = [
        _in_url(one) for one in found if not one.startswith(("127.", "169.254.", "fe80:")) and one != "::1"
    ]
    return (
        *dict.fromkeys(away),
        socket.gethostname().lower(),
        "127.0.0.1" if family == socket.AF_INET else "[::1]",
    )


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


@contextmanager
def only_server(database: Path) -> Iterator[Callable[[str], None]]:
    """Be the only app on this database; the system lets go of it when the process ends, however it ends.

    Gives a function that is told the address, for whoever tries the same meanwhile.

    Raises:
        UserError: another process serves it, or its folder cannot be written.
    """
    own = database.resolve()  # by whatever links it is reached
    path = own.with_name(f"{own.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent}: cannot be made: {error.strerror}") from None
    with held(
        path,
        lambda other: UserError(
            f"{database}: served already, by {other}: open that address, or end that process first"
        ),
    ) as note:
        yield lambda address: note(f"process {os.getpid()} at {address}")


class App:
    """The app on one database. What needs Django's models is imported when they are known.

    Raises:
        UserError: the database is of a later release, or none; or it cannot be written.
    """

    def __init__(self, database: Path, services: Services, place: Place):
        configure(database, services, place)
        quiet_log()
        import_module(settings.ROOT_URLCONF)  # now: the first visitor need not wait for it
        self._inside: Any = import_module("assent.feedback.opening")
        try:
            self._inside.forget_sessions()
        except AssentError as error:  # the first that is written
            raise UserError(f"{database}: {error}") from None

    def open_project(self, wanted: Wanted, read: Read) -> Any:
        """See `assent.feedback.opening.open_project`."""
        return self._inside.open_project(wanted, read)

    def admin_link(self, address: str, again: bool = False) -> str | None:
        """The link by which the first admin comes in; None where there is one; another if `again`."""
        return self._inside.admin_link(address, again)

    def close(self) -> None:
        """Put what the log of writes holds into the database's one file."""
        self._inside.checkpoint()


class _Channel(HTTPChannel):
    """A connection on which no further request begins once the end was asked for."""

    def readable(self) -> bool:
        going = not getattr(self.server, "ending", False) or self.request is not None
        return bool(going and super().readable())


def serve(listening: Listening, ready: Callable[[], None], end: threading.Event | None = None) -> None:
    """Answer requests until SIGTERM, SIGHUP, Ctrl-C, or `end`; then finish those in flight.

    Args:
        ready: called when the first request can be answered.
    """
    end = end or threading.Event()
    proxy = {"trusted_proxy": "*", "trusted_proxy_headers": {"x-forwarded-proto"}}
    server: Any = create_server(
        get_wsgi_application(),
        sockets=[listening.socket],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        ident=None,
        **(proxy if listening.place.https else {}),
    )
    server.channel_class = _Channel
    with _signals(end, server):
        ready()
        while not end.is_set():
            wasyncore.poll2(LOOK_SECONDS, server._map)
        _drain(server)
    server.task_dispatcher.shutdown(timeout=1)
    wasyncore.close_all(server._map)


def _drain(server: Any) -> None:
    """No new connections; those that are open get their answers."""
    server.ending = True
    server.accepting = False
    server.del_channel()
    server.socket.close()
    until = time.monotonic() + DRAIN_SECONDS
    while _busy(server) and time.monotonic() < until:
        wasyncore.poll2(0.05, server._map)


def _busy(server: Any) -> bool:
    return any(
        channel.requests or channel.request is not None or channel.total_outbufs_len
        for channel in server.active_channels.values()
    )


@contextmanager
def _signals(end: threading.Event, server: Any) -> Iterator[None]:
    """Signals ask for the end; a second one ends the process at once. Only the main thread gets any.

    A terminal that is closed asks as well, and may do so twice: by the system, and by its shell.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def asked(number: int, _: FrameType | None) -> None:
        if end.is_set() and number != signal.SIGHUP:
            os._exit(128 + number)
        end.set()
        server.pull_trigger()  # wake the loop

    taken = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else it was started with nohup
        taken.append(signal.SIGHUP)
    before = {number: signal.signal(number, asked) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
