"""A process that decodes hostile photographs, one after another, for the pool in pool.py.

It is never forked from one that has loaded libvips, sees no secret in its environment, opens
nothing (each original is written into a file it was started with) and dies with its pool.
"""

import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from traceback import format_exc

import msgspec
from msgspec import Struct

from instastream.confinement.children import Refusal
from instastream.confinement.process import Limits, confine
from instastream.errors import Corrupt
from instastream.limits import MEBIBYTE
from instastream.media import Rendering

JOB_CPU_S_MAX = 15  # the slowest 100 megapixels measured, a 10-bit AVIF with alpha, takes 5
LIMITS = Limits(
    memory_bytes=2304 * MEBIBYTE,  # that AVIF takes 2,033 MiB, JPEGs up to 900
    cpu_s=None,
    file_bytes=0,
    opens=False,
)
SAMPLE_SIDE = 16  # pixels
READY = b"\n"


class Done(Struct, frozen=True, tag=True):
    """A worker's answer: all that the photograph becomes."""

    rendering: Rendering


class Trouble(Struct, frozen=True, tag=True):
    """A worker's answer: a bug of ours or of this machine, and no fault of the photograph."""

    message: str


Reply = Done | Refusal | Trouble


def work(
    render: Callable[[bytes], Rendering],
    *,
    limits: Limits = LIMITS,
    job_cpu_s_max: int = JOB_CPU_S_MAX,
) -> None:
    """A worker's life: a size a line in, a reply out, until the pool is gone.

    The last argument of the process is the open file that holds the original of each job.
    """
    original = int(sys.argv[-1])
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not look like a reply
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all of us: the pool decides
        signal.signal(number, signal.SIG_IGN)
    confine(limits)
    replies.write(READY)
    replies.flush()
    for line in sys.stdin.buffer:
        _allow_cpu(job_cpu_s_max)
        reply = msgspec.msgpack.encode(_reply(render, os.pread(original, int(line), 0)))
        replies.write(len(reply).to_bytes(4, "big") + reply)
        replies.flush()


def _allow_cpu(more_s: int) -> None:
    """SIGXCPU ends a process that uses more than this from now on."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    used_s = math.ceil(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + more_s, hard))


def _reply(render: Callable[[bytes], Rendering], content: bytes) -> Reply:
    try:
        return Done(render(content))
    except Corrupt as error:
        return Refusal(error.reason, str(error))
    except MemoryError:
        raise  # the limit of this process, which the photograph has reached
    except Exception:
        return Trouble(format_exc())


def rehearsed() -> Callable[[bytes], Rendering]:
    """What renders, having loaded all that it ever will: once confined it can load no more."""
    import pyvips  # not above: the pool's own process never loads libvips

    from instastream.images import heic, variants

    with suppress(Corrupt):
        heic.decode(b"")
    still = pyvips.Image.black(SAMPLE_SIDE, SAMPLE_SIDE, bands=3).copy(interpretation="srgb")
    animated = still.copy()
    animated.set_type(pyvips.GValue.gint_type, "page-height", SAMPLE_SIDE // 2)
    for sample, suffixes in ((still, (".jpg", ".png", ".avif")), (animated, (".gif", ".webp"))):
        for suffix in suffixes:
            variants.render(sample.write_to_buffer(suffix))
    return variants.render


if __name__ == "__main__":
    work(rehearsed())
