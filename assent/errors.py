"""The ways a command can end without success, each with its exit code."""


class AssentError(Exception):
    """Ends a command with one clear message, and no traceback.

    The message names the file, the line or the key, says what was expected and what to do next.
    """

    exit_code = 1


class UserError(AssentError):
    """Something the user can mend: a wrong key, a bad row, a missing file."""

    exit_code = 2


class RewardError(UserError):
    """A reward could not judge, or judged with something that is not one finite number an answer."""


class Waiting(AssentError):
    """People are needed before the run can go on, e.g. `212 of 500 comparisons answered`."""

    exit_code = 3


class Stopped(AssentError):
    """Training was stopped with a diagnosis, and there is nothing good to keep."""

    exit_code = 4


class Interrupted(AssentError):
    """A signal asked for an end; what was done is saved, and the same command goes on from there."""

    exit_code = 75
