"""What the driver raises where Cassandra did not do as it was asked, or did not say whether it did.

The driver asks a statement's retry policy about an overloaded or a starting server and about
errors of its own, and where that does not try again it raises the answer as it came: no
DriverException. An answer that it has no class for it never tries again: so comes 0x1700, by which
Cassandra says that a conditional write may have been done, or may still be.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.protocol import ErrorMessage, RequestExecutionException, ServerError

from instastream.errors import Unavailable

DOWN = (
    NoHostAvailable,
    ConnectionException,
    DriverException,
    OSError,
    RequestExecutionException,
    ServerError,
)


@contextmanager
def translated(*judged: type[Exception]) -> Iterator[None]:
    """What may pass is Unavailable, but for that which the caller judges.

    Raw answers that a statement can't work as it is are no such thing: waiting would not end.
    """
    try:
        yield
    except judged:
        raise
    except DOWN as error:
        raise Unavailable("cassandra", error) from error
    except ErrorMessage as error:
        if type(error) is not ErrorMessage:
            raise
        raise Unavailable("cassandra", error) from error
