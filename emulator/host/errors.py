"""Why a host cannot start."""


class StartError(Exception):
    """The app or its surroundings keep the host from starting.

    `str(error)` is one line for the person who started it; `details` (maybe empty) is the long form, a traceback.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(" ".join(message.split()))
        self.details = details
