"""Every error that edgereel raises on purpose, with the exit code of its branch.

EdgereelError                    1   anything not listed below
├── RequestError                 3   the request itself is wrong: prompt, mode, seconds, image
├── SettingsError                4   the settings file or a --set is wrong
├── ModelError                   5   a model pack is missing, damaged or does not fit its manifest
├── ResourceError                6   not enough memory, disk or rights on this board
├── OutputError                  7   a clip or poster cannot be written where it was asked for
├── BrokerError                  8   the MQTT broker cannot be reached or refuses us
├── EngineError                  9   a model run failed or the engine process died
├── Cancelled                   10   somebody cancelled the job
└── Preempted                   11   the job must go on in a cheaper mode (never leaves the daemon)

Exit code 2 is a wrong command line (argparse) and 130 is Ctrl-C.
"""

from __future__ import annotations


class EdgereelError(Exception):
    """An error with its fix: `message` says what and where, `hint` says what to do.

    `retry_after_s` is when a try may be worth while, 0 where waiting does not help.
    """

    exit_code = 1
    code = "error"

    def __init__(self, message: str, *, hint: str = "", code: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or type(self).code
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class RequestError(EdgereelError):
    """The request is refused; the reason is meant for the person who sent it."""

    exit_code = 3
    code = "bad_request"


class SettingsError(EdgereelError):
    """A key or value of the settings is wrong."""

    exit_code = 4
    code = "bad_settings"


class ModelError(EdgereelError):
    """A model pack is missing, damaged, or not what its manifest says."""

    exit_code = 5
    code = "model"


class ResourceError(EdgereelError):
    """The board lacks memory, disk space or a right."""

    exit_code = 6
    code = "resource"


class OutputError(EdgereelError):
    """A result cannot be written."""

    exit_code = 7
    code = "output"


class BrokerError(EdgereelError):
    """The broker cannot be reached, or refuses us."""

    exit_code = 8
    code = "broker"


class EngineError(EdgereelError):
    """A model run failed, or the engine process died."""

    exit_code = 9
    code = "engine"


class Cancelled(EdgereelError):  # noqa: N818 - a state of the job in the field's words, not a fault
    """The job was cancelled on purpose."""

    exit_code = 10
    code = "cancelled"


class Preempted(EdgereelError):  # noqa: N818 - as above
    """The job must stop and go on in a cheaper mode."""

    exit_code = 11
    code = "preempted"
