"""What the served app says on stderr: its faults, and names by which it was asked that nobody allowed."""

import logging
import sys


def quiet_log() -> None:
    """Have the libraries say what people can act on, and no more. A missing page is no news; a fault is."""
    logging.getLogger("django.request").setLevel(logging.ERROR)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # more requests than threads: they wait
    hosts = logging.getLogger("django.security.DisallowedHost")
    hosts.propagate = False
    hosts.handlers = [_Names()]


class _Names(logging.Handler):
    """Says once of each name what to do about it."""

    MOST = 20  # whoever tries many names does not fill the terminal

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage().replace("to ALLOWED_HOSTS", "with --allow-host")
        if said not in self._told and len(self._told) < self.MOST:
            self._told.add(said)
            sys.stderr.write(f"assent: {said}\n")
