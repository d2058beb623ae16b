"""What went wrong at a server that a handler spoke to.

Owns the two marks by which the engine tells failures of a create apart (engine/provider.py). Must
not know any server.
"""


class ServerError(RuntimeError):
    """The message is for people, and repeats nothing of the request: that may hold a password."""

    def __init__(
        self, message: str, *, already_exists: bool = False, outcome_unknown: bool = False
    ) -> None:
        super().__init__(message)
        self.already_exists, self.outcome_unknown = already_exists, outcome_unknown
