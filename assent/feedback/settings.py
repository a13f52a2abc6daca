"""Django's settings, made by a function: importing this does nothing, and no environment is read."""

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.loader import MigrationLoader

from assent.errors import UserError
from assent.feedback.services import Services

HERE = Path(__file__).parent
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
BUSY_SECONDS = 5.0  # that a writer waits for another process, before the browser is told to try again
DAY_SECONDS = 24 * 3600
WEEK_SECONDS = 7 * DAY_SECONDS
YEAR_SECONDS = 365 * DAY_SECONDS
# Each connection says so again: synchronous is no property of the file. FULL: a commit is on disk.
# recursive_triggers: else INSERT OR REPLACE deletes a row and wakes no trigger (sqlite.org/lang_conflict).
# cache_size: pages in memory, in KiB where negative. temp_store: in memory (2) what SQLite notes to take back
# one statement, a copy of each page that it touches: of an import, several times all that is stored.
ON_CONNECT = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON; "
    "PRAGMA cache_size=-32768; PRAGMA temp_store=2;"
)

_VALIDATION = "django.contrib.auth.password_validation"
FIXED: Mapping[str, Any] = {  # whatever the place
    "DEBUG": False,
    "INSTALLED_APPS": [
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "assent.feedback.schema.apps.Schema",
    ],
    "MIDDLEWARE": [
        "assent.feedback.middleware.headers",
        "assent.feedback.middleware.busy",
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "assent.feedback.middleware.language",
        "assent.feedback.middleware.same_person",
    ],
    "ROOT_URLCONF": "assent.feedback.urls",
    "AUTH_USER_MODEL": "feedback.Person",
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.Argon2PasswordHasher"],
    "AUTH_PASSWORD_VALIDATORS": [
        {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator", "OPTIONS": {"user_attributes": ["name"]}},
        {"NAME": f"{_VALIDATION}.MinimumLengthValidator"},
        {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    ],
    "SESSION_ENGINE": "assent.feedback.store.sessions",
    "CSRF_FAILURE_VIEW": "assent.feedback.views.errors.forged",
    "PASSWORD_RESET_TIMEOUT": DAY_SECONDS,  # of links to choose a new password
    "LOGIN_URL": "/login",
    "LANGUAGE_CODE": "en",
    "LANGUAGES": [("en", "English"), ("zh-hans", "中文")],
    "LOCALE_PATHS": [HERE / "locale"],
    "USE_I18N": True,
    "USE_TZ": True,
    "TIME_ZONE": "UTC",
    "APPEND_SLASH": False,
    "DATA_UPLOAD_MAX_MEMORY_SIZE": 2 * 2**20,  # of a body that is no file
    "FILE_UPLOAD_MAX_MEMORY_SIZE": 2**20,  # larger files go to a temporary one
    "LOGGING_CONFIG": None,
}


@dataclass(frozen=True)
class Place:
    """Where the app listens, as its cookies and its checks of addresses must know."""

    hosts: Sequence[str] = LOCAL_HOSTS
    https: bool = False  # behind a proxy that ends TLS and sets X-Forwarded-Proto
    address: str = ""  # by which others reach it, as https://annotate.local; "": only this machine does


def is_local(host: str) -> bool:
    """Whether this name or address, as it stands in a URL without its port, is this machine to itself."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def configure(database: Path, services: Services, place: Place = Place()) -> None:
    """Point Django at a database file, once a process or again; then bring its tables up to date.

    Raises:
        UserError: the database is of a later release, or none; its folder cannot be written.
    """
    database = database.resolve()
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        secret = _secret(database.with_name(f"{database.name}.secret"))
    except OSError as error:
        raise UserError(f"{database.parent}: {error.strerror}: give a folder that can be written") from None
    if settings.configured:
        _point_at(database, services, secret, place)
    else:
        settings.configure(**_settings(database, services, secret, place))
        django.setup()
    try:
        there = MigrationLoader(connection)
        _refuse_later(database, there)
        if set(there.disk_migrations or ()) - set(there.applied_migrations or ()):
            call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        raise UserError(f"{database}: cannot be used as the app's database: {error}") from None


def _refuse_later(database: Path, there: MigrationLoader) -> None:
    """Migrations that a later release has made stay unnoticed by Django, which would write beside them."""
    later = sorted(
        {name for app, name in there.applied_migrations or () if app == "feedback"} - _known(there)
    )
    if later:
        raise UserError(
            f"{database}: was made by a later release of assent (it has {later[-1]}): use that one, or later"
        )


def _known(there: MigrationLoader) -> set[str]:
    return {name for app, name in there.disk_migrations or () if app == "feedback"}


def _secret(path: Path) -> str:
    """What sessions are signed with: made at the first start, whole or not at all, for its owner alone."""
    there = path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""
    if there:
        return there
    made, unfinished = secrets.token_hex(32), path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)  # of a start that was killed
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f"{made}\n")
        file.flush()
        os.fsync(handle)
    unfinished.replace(path)
    return made


def _point_at(database: Path, services: Services, secret: str, place: Place) -> None:
    """Another database in the same process: one after the other, not two at a time."""
    connections.close_all()
    wanted = _settings(database, services, secret, place)
    for key, value in wanted.items():
        setattr(settings, key, value)
    connections.settings["default"]["NAME"] = str(database)
    connection.settings_dict["NAME"] = str(database)


def _settings(database: Path, services: Services, secret: str, place: Place) -> dict[str, Any]:
    return {
        "SECRET_KEY": secret,
        "ALLOWED_HOSTS": list(place.hosts),
        "ADDRESS": place.address,
        "SERVICES": services,
        "DATABASES": {"default": _database(database)},
        "TEMPLATES": [_templates()],
        **_cookies(secret, https=place.https),
        **FIXED,
    }


def _database(path: Path) -> dict[str, Any]:
    options = {"transaction_mode": "IMMEDIATE", "timeout": BUSY_SECONDS, "init_command": ON_CONNECT}
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": options,
    }


def _templates() -> dict[str, Any]:
    processors = [
        "django.template.context_processors.request",
        "django.template.context_processors.i18n",
        "django.contrib.auth.context_processors.auth",
    ]
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "OPTIONS": {"context_processors": processors},
    }


def _cookies(secret: str, *, https: bool) -> dict[str, Any]:
    # Browsers send a host's cookies to all of its ports: two apps with one name would log each other out.
    app = hashlib.sha256(f"cookies of {secret}".encode()).hexdigest()[:8]
    return {
        "SESSION_COOKIE_NAME": f"session_{app}",
        "CSRF_COOKIE_NAME": f"csrf_{app}",
        "SESSION_COOKIE_AGE": WEEK_SECONDS,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",  # Strict would lose the session of whoever follows an invite link
        "SESSION_COOKIE_SECURE": https,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Strict",
        "CSRF_COOKIE_SECURE": https,
        "LANGUAGE_COOKIE_NAME": "language",
        "LANGUAGE_COOKIE_HTTPONLY": True,
        "LANGUAGE_COOKIE_SAMESITE": "Lax",
        "LANGUAGE_COOKIE_SECURE": https,
        "LANGUAGE_COOKIE_AGE": YEAR_SECONDS,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https") if https else None,
    }
