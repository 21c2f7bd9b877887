"""One tree of errors; each says what, on which thing, what came, what would do."""


class TwinError(Exception):
    """Root of every error this project raises on purpose."""


class ConfigError(TwinError):
    """A line, scenario or setting is not usable as written."""


class ConnectorError(TwinError):
    """Something outside does not answer as it should.

    Parameters
    ----------
    message : str
        What failed, on which thing, what came, what to try.
    retry : bool
        True when waiting may help (peer away), False when it will not (wrong account).
    wait_s : float or None
        How long the other side asked to wait before the next try [s].
    """

    def __init__(self, message: str, *, retry: bool = True, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.retry = retry
        self.wait_s = wait_s


class ModelError(TwinError):
    """A process model or observer was given values it can not work with."""


class StorageError(TwinError):
    """A store can not keep or give back what it was asked for."""


class InputError(TwinError):
    """What somebody wrote will not do."""


class NotFoundError(TwinError):
    """Nothing is called what was asked for."""


class TakenError(TwinError):
    """A name is in use already."""


class NotAllowedError(TwinError):
    """Whoever asks may not do this."""


class SignInError(TwinError):
    """Name and password, or an invitation, do not open a session.

    Parameters
    ----------
    message : str
    wait_s : float or None
        How long to wait before the next try [s]; None when another try may follow at once.
    """

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s
