"""What the scripts of the work page say, in the reader's language. Texts of a task stand in its template."""

from django.utils.translation import gettext as _

from assent.feedback.store.answers import LONGEST_COMMENT, LONGEST_TEXT


def texts() -> dict[str, str]:
    """By the names that the scripts know. `{number}` and the like are filled in by them."""
    return {
        "stored": _("Stored."),
        "stored_next": _("Stored. Next item."),
        "skipped": _("Skipped."),
        "skipped_next": _("Skipped. Next item."),
        "flagged": _("Thank you: your note was sent."),
        "surplus": _("Stored. Others had judged this meanwhile; yours is kept as an extra one."),
        "incomplete": _("The answer is not complete yet."),
        "moment": _("One moment …"),
        "on_its_way": _("Your last answer is still on its way."),
        "nothing_to_undo": _("There is nothing to undo yet."),
        "lease_lost": _(
            "This item may have gone to somebody else meanwhile. Your answer is still kept: go on."
        ),
        "no_drafts": _("This browser keeps nothing: do not close this page before it says stored."),
        "progress_over": _("{mine} done"),
        "progress": _("{mine} done · {left} left"),
        "progress_more": _("{mine} done · more than {left} left"),
        "net_offline": _("Offline. Your answers are kept here and go out by themselves. Waiting: {number}"),
        "net_busy": _(
            "The server is busy. Your answers are kept here and go out by themselves. Waiting: {number}"
        ),
        "net_broken": _(
            "The server has trouble. Your answers are kept here and tried again. Waiting: {number}"
        ),
        "net_login": _("You are logged out. Your answers are kept here. Waiting: {number}"),
        "net_other": _(
            "Somebody else is logged in on this browser now. Your answers are kept here. Waiting: {number}"
        ),
        "try_now": _("Try now"),
        "login": _("Log in (in a new tab)"),
        "refused_told": _("Your last answer was not stored: see the top of the page."),
        "refused_raw": _("The answer, as it was sent"),
        "meanwhile_item": _("Item"),
        "meanwhile_stored": _("Stored now"),
        "meanwhile_yours": _("Yours"),
        "meanwhile_save": _("Save mine as the newer answer"),
        "meanwhile_show": _("Open what is stored"),
        "again": _("Try again"),
        "copy": _("Copy"),
        "copied": _("Copied."),
        "download": _("Download"),
        "discard": _("Discard"),
        "discard_sure": _("Discard this answer for good?"),
        "not_loaded": _("This could not be loaded. Try again when the server can be reached."),
        "continue": _("Continue"),
        "rendered": _("Formatted"),
        "only_here": _("only here"),
        "only_here_end": _("end"),
        **_keys(),
    }


def _keys() -> dict[str, str]:
    return {
        "key_submit": _("Submit"),
        "key_undo": _("Undo: back to what you judged or skipped last"),
        "key_guideline": _("Guideline"),
        "key_difference": _("Mark in which words the answers differ"),
        "key_raw": _("Show texts as they were typed, or formatted"),
        "key_comment": _("Write a comment"),
        "key_skip": _("Skip this item"),
        "key_flag": _("Say that something is wrong with it"),
        "key_escape": _("Leave a field or a window"),
        "key_help": _("This list"),
    }


def skip_reasons() -> list[tuple[str, str]]:
    """(what is stored, what is shown)."""
    return [
        ("I do not know enough about this", _("I do not know enough about this")),
        ("I do not understand the language", _("I do not understand the language")),
        ("It is too long to judge now", _("It is too long to judge now")),
        ("I would rather not read this", _("I would rather not read this")),
    ]


def wrong_answers() -> dict[str, str]:
    """By `AnswerError.code`."""
    long = _("Too long: a text has at most %(text)d characters, a comment %(comment)d.")
    return {
        "choice": _("Choose one of the five answers first."),
        "strength": _("Say how much better: 1, 2 or 3; or leave it out."),
        "ranking": _("Each answer needs one place in the ranking."),
        "untouched": _("You have not moved anything. Is this order your judgement?"),
        "ratings": _("Some ratings are missing."),
        "scale": _("A rating is outside its scale."),
        "text": _("This text has characters that cannot be stored: type them again."),
        "empty": _("Nothing is written yet."),
        "long": long % {"text": LONGEST_TEXT, "comment": LONGEST_COMMENT},
        "unchanged": _("The text is what it was: change something, or skip the item."),
        "seconds": _("The time on this page is not a number: reload it; what you typed is kept."),
        "form": _("This answer does not fit the page: reload it; what you typed is kept."),
    }


def conflicts() -> dict[str, str]:
    """By `Conflict.code`."""
    return {
        "judged": _("You have judged this item, so it cannot be skipped. You can change your answer."),
        "number": _("Something else came first under its number."),
        "revision": _("It is not the next one after what is stored. Look at it under My answers."),
        "once": _("Items of practice and test are answered once."),
    }
