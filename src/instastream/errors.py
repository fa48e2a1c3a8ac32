"""Every error this system raises on purpose, named by what the caller does next.

InstastreamError
├── Rejected     the request can't be granted: answer 4xx with its problem, change nothing
├── Unavailable  a store or the log is down: wait and try the same again
├── Corrupt      this input can never work: record the reason and go on
└── Unready      servers can't run here, or a topic is not what it was: say what to do
"""


class InstastreamError(Exception):
    """The root: catch it where a process must not stop."""


class Rejected(InstastreamError):
    """A request that can't be granted.

    `problem` is the stable slug of a problem type; `detail` is a sentence for people. Where it
    helps to wait, `retry_after_s` says how long.
    """

    def __init__(self, problem: str, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.problem = problem
        self.detail = detail
        self.retry_after_s = retry_after_s


class Unavailable(InstastreamError):
    """A store or the log did not answer; nothing is known to have happened."""

    def __init__(self, what: str, why: object) -> None:
        super().__init__(f"{what} is unavailable: {why}")
        self.what = what


class Corrupt(InstastreamError):
    """Input that can never work, whoever tries; `reason` is a stable slug its owner can read."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Unready(InstastreamError):
    """Somebody has to do something first; the message is one sentence that says what."""
