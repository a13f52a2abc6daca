"""The app on a port, as a process that a test kills: `python killed_server.py DATABASE PORT`."""

import sys
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from waitress import serve

from assent.feedback.services import Services
from assent.feedback.settings import configure

if __name__ == "__main__":
    configure(Path(sys.argv[1]), Services(read=lambda path: iter(())))
    serve(get_wsgi_application(), host="127.0.0.1", port=int(sys.argv[2]), threads=8)
