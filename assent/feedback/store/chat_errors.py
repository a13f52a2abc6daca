"""What a chat may answer with instead, for the browser to tell by its code."""

from assent.errors import UserError


class ChatError(UserError):
    """Something about a chat that its person can mend, or must be told."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class NotYours(ChatError):
    """There is no such chat or answer, or it is somebody else's, which is told alike."""

    def __init__(self):
        super().__init__("unknown", "there is no such conversation")


class ChatConflict(ChatError):
    """What was sent does not go on from where the chat stands: `code` says why."""
