"""What can go wrong, in the reader's words.

Every error that reaches a user is a `DropboxAuditError`: its text is one or two lines that name the remedy, and its
`exit_code` is the one the command ends with.
"""


class DropboxAuditError(Exception):
    """Base of all errors this package raises on purpose."""

    exit_code = 1


class RunError(DropboxAuditError):
    """It failed while running: network, warehouse, disk. Trying again later may help."""


class ConfigurationError(DropboxAuditError):
    """The command or the configuration is wrong, credentials and scopes included. Trying again does not help."""

    exit_code = 2


class DeferredError(ConfigurationError):
    """Somebody has to mend it, but nothing else depends on it: it is told when everything else is done."""


class MissingScopeError(ConfigurationError):
    """The app or its token was not given a scope that a route needs."""

    def __init__(self, text: str, scope: str = "") -> None:
        super().__init__(text)
        self.scope = scope


class Stopped(DropboxAuditError):
    """A signal asked the run to end; what was received before it is committed."""
