"""How somebody comes in and goes: invite links, login, logout, language, a new password."""

from typing import cast

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, password_validation, update_session_auth_hash
from django.contrib.auth import login as log_in
from django.contrib.auth import logout as log_out
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from assent.feedback.people import invites
from assent.feedback.people.access import person_of
from assent.feedback.schema.models import NAME_CHARACTERS, Audit, Person
from assent.feedback.store.writer import writing

GET_OR_POST = require_http_methods(["GET", "HEAD", "POST"])
LONGEST_PASSWORD = 1000  # characters; the hash of a longer one costs time that others wait for
BACKEND = "django.contrib.auth.backends.ModelBackend"
# Said by Django, whose Chinese has no words for it; ours are looked up first.
_TOO_SHORT = ngettext_lazy(
    "This password is too short. It must contain at least %d character.",
    "This password is too short. It must contain at least %d characters.",
)


_GOOD = gettext_lazy("At least 8 characters. A few words in a row are good, and easy to keep in mind.")


def local(address: str) -> str:
    """An address of this app, or its start page where it leads elsewhere."""
    inside = address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return address if inside else "/"


def _password(label: str, complete: str, **more: object) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": complete})
    return forms.CharField(label=label, strip=False, max_length=LONGEST_PASSWORD, widget=widget, **more)  # pyright: ignore[reportArgumentType]


class LoginForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=NAME_CHARACTERS,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
    )
    password = _password(gettext_lazy("Password"), "current-password")


class AcceptForm(forms.Form):
    """Who comes in by an invite chooses a name and a password."""

    name = forms.CharField(
        label=gettext_lazy("Your name here"),
        max_length=NAME_CHARACTERS,
        help_text=gettext_lazy("It stands beside your answers in what is exported; a made-up one will do."),
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
    )
    password = _password(gettext_lazy("A password"), "new-password", help_text=_GOOD)

    def clean_name(self) -> str:
        name = invites.name_of(self.cleaned_data["name"])
        if invites.is_taken(name):
            raise forms.ValidationError(_("Somebody is called so already: choose another name."))
        return name

    def clean(self) -> dict[str, str]:
        given = self.cleaned_data
        if "password" in given:
            try:
                password_validation.validate_password(given["password"], Person(name=given.get("name", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return given


@sensitive_post_parameters("password")
@GET_OR_POST
def login(request: HttpRequest) -> HttpResponse:
    """One message for a wrong name, a wrong password and somebody who may not come in any more."""
    wanted = local(request.POST.get("next") or request.GET.get("next") or "/")
    if request.user.is_authenticated and request.method != "POST":
        return redirect(wanted)
    form = LoginForm(request.POST or None)
    if form.is_valid():
        found = _known(request, form.cleaned_data["name"], form.cleaned_data["password"])
        if found is not None:
            with writing():
                log_in(request, found)
            return redirect(wanted)
        form.add_error(None, _("This name and this password do not belong together."))
    status = 200 if request.method != "POST" else 422
    return render(request, "feedback/login.html", {"form": form, "next": wanted}, status=status)


def _known(request: HttpRequest, typed: str, password: str) -> Person | None:
    """Whose name and password these are. Telephones begin a name with a capital letter."""
    for name in invites.called(typed) or [typed]:  # nobody's takes as long as somebody's
        found = authenticate(request, username=name, password=password)
        if found is not None:
            return cast(Person, found)
    return None


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    with writing():
        log_out(request)
    return redirect("/login")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """In a cookie, for this browser; and for whoever is logged in, on all of theirs."""
    chosen = request.POST.get("language", "")
    if chosen not in dict(settings.LANGUAGES):
        return HttpResponseBadRequest()
    if request.user.is_authenticated:
        person = person_of(request)
        person.language = chosen
        with writing():
            person.save(update_fields=["language"])
    response = HttpResponseRedirect(local(request.POST.get("next", "/")))
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        chosen,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )
    return response


@sensitive_post_parameters("password")
@GET_OR_POST
def invite(request: HttpRequest, token: str) -> HttpResponse:
    """Nothing is used up by looking: only by choosing a name and a password, or by joining."""
    found = invites.find(token)
    if found is None:
        return render(request, "feedback/invite_gone.html", status=404)
    try:
        if request.user.is_authenticated:
            return _join(request, token)
        form = AcceptForm(request.POST or None)
        if form.is_valid():
            return _accept(request, token, form)
    except invites.InviteGone:  # somebody else was faster
        return render(request, "feedback/invite_gone.html", status=404)
    status = 200 if request.method != "POST" else 422
    return render(request, "feedback/invite.html", {"form": form, "invite": found}, status=status)


def _join(request: HttpRequest, token: str) -> HttpResponse:
    if request.method == "POST":
        invites.join(token, person_of(request))
        return redirect("/")
    return render(request, "feedback/invite.html", {"invite": invites.find(token), "joining": True})


def _accept(request: HttpRequest, token: str, form: AcceptForm) -> HttpResponse:
    given = form.cleaned_data
    language = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    chosen = language if language in dict(settings.LANGUAGES) else ""
    try:
        person = invites.accept(token, given["name"], given["password"], chosen)
    except invites.NameTaken as error:
        form.add_error("name", str(error))
        found = invites.find(token)
        return render(request, "feedback/invite.html", {"form": form, "invite": found}, status=422)
    with writing():
        log_in(request, person, backend=BACKEND)
    return redirect("/")


def _said_shortly(form: SetPasswordForm) -> SetPasswordForm:
    """The same words as where an invite is accepted, in place of all that Django refuses."""
    form.fields["new_password1"].help_text = _GOOD
    return form


@sensitive_post_parameters("old_password", "new_password1", "new_password2")
@login_required
@GET_OR_POST
def password(request: HttpRequest) -> HttpResponse:
    """A new password ends the sessions of all other browsers."""
    form = _said_shortly(PasswordChangeForm(person_of(request), request.POST or None))
    changed = form.is_valid()
    if changed:
        person = form.save(commit=False)  # the hash takes its time: before anybody has to wait for the writer
        with writing():
            person.save(update_fields=["password"])
            update_session_auth_hash(request, person)
    status = 422 if request.method == "POST" and not changed else 200
    return render(request, "feedback/password.html", {"form": form, "changed": changed}, status=status)


@sensitive_post_parameters("new_password1", "new_password2")
@GET_OR_POST
def lost_password(request: HttpRequest, person: int, token: str) -> HttpResponse:
    """By a link that an admin made: it ends when the password changes, and after a day."""
    found = Person.objects.filter(pk=person, is_active=True).first()
    if found is None or not default_token_generator.check_token(found, token):
        return render(request, "feedback/invite_gone.html", status=404)
    form = _said_shortly(SetPasswordForm(found, request.POST or None))
    if form.is_valid():
        form.save(commit=False)
        with writing():
            found.save(update_fields=["password"])
            Audit.objects.create(who=found.name, what="password set by link", detail={"person": found.name})
        return redirect("/login")
    context = {"form": form, "shown": found}
    return render(request, "feedback/password.html", context, status=200 if request.method != "POST" else 422)


ROUTES = (
    ("login", login, "login"),
    ("logout", logout, "logout"),
    ("language", language, "language"),
    ("invite/<str:token>", invite, "invite"),
    ("password", password, "password"),
    ("password/<int:person>/<str:token>", lost_password, "lost-password"),
)
