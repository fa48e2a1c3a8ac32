"""What a process that decodes hostile bytes may do: little, and to nobody else.

As a program it confines a command and becomes it, in the same process:

    python -P -m instastream.confinement.process MEMORY_BYTES CPU_S FILE_BYTES -- /path/to/ffmpeg …

CPU_S may be `-`, for none. The command reads and writes in the directory it is started in and,
where Linux has Landlock, nowhere else; only programs and libraries may be read besides.
It is imported before every such command and therefore imports little.
"""

import ctypes
import os
import resource
import signal
import sys
from typing import NamedTuple

from instastream.confinement import landlock, seccomp

NICENESS = 5  # gets a quarter of a busy core, where whoever serves wants one, too
CPU_GRACE_S = 5  # to SIGKILL from the first SIGXCPU; each second brings another, ffmpeg takes 4
FILES_MAX = 64  # open at once; ffmpeg needs about ten, a decoder of images four
PROGRAMS = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache")
STOPS = (signal.SIGINT, signal.SIGTERM)  # sent to all of us: who started a command decides
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")

# linux/prctl.h, linux/capability.h
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CAPABILITIES_VERSION = 0x20080522


class Limits(NamedTuple):
    """What one process may take, and what it may reach."""

    memory_bytes: int  # address space
    cpu_s: int | None  # of the whole process, for SIGXCPU; None: none (long-lived pool workers)
    file_bytes: int  # the largest file it may write; 0: it may change no file at all
    opens: bool = True  # False: it lives on what it has open, and executes nothing
    folder: str = "/"  # it may open files in this one only
    program: str = ""  # and this one, if it lies elsewhere than programs do


def confine(limits: Limits) -> None:
    """Hold this process, from now on, and what it executes, to its limits; call it once.

    It gives way to others, too. Elsewhere than on Linux only what it may take is limited. There it
    can neither start processes nor look at, signal or outlive others, has no network and keeps no
    privilege of root's. Raises OSError where the kernel can't filter system calls.
    """
    parent = os.getppid()
    sys.dont_write_bytecode = True  # cut short by a limit, it would break whoever imports it next
    os.nice(NICENESS)
    _limit(limits)
    if sys.platform == "linux":
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        _drop_capabilities()
        _prctl(PR_SET_DUMPABLE, 0)  # until it executes another program
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it could take us with it
            os.kill(os.getpid(), signal.SIGKILL)
        _keep_to(limits)
        seccomp.restrict(opens=limits.opens, writes=limits.file_bytes > 0)


def _limit(limits: Limits) -> None:
    _set(resource.RLIMIT_CORE, 0)  # a dump would hold someone's photograph
    _set(resource.RLIMIT_NOFILE, FILES_MAX)
    _set(resource.RLIMIT_FSIZE, limits.file_bytes)
    if limits.cpu_s is not None:
        _set(resource.RLIMIT_CPU, limits.cpu_s, grace=CPU_GRACE_S)
    if sys.platform == "linux":  # macOS refuses
        _set(resource.RLIMIT_AS, limits.memory_bytes)


def _set(kind: int, most: int, grace: int = 0) -> None:
    _, hard = resource.getrlimit(kind)
    ceiling = most + grace if hard == resource.RLIM_INFINITY else min(most + grace, hard)
    resource.setrlimit(kind, (min(most, ceiling), ceiling))


def _keep_to(limits: Limits) -> None:
    reads = (limits.folder, *DEVICES)
    landlock.restrict(
        programs=(limits.program, *PROGRAMS) if limits.opens else (),
        reads=reads if limits.opens else (),
        writes=reads if limits.file_bytes else (),
    )


def _drop_capabilities() -> None:
    """Root without any is a user like others: it can't look into a process that has some."""
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _main(memory_bytes: str, cpu_s: str, file_bytes: str, separator: str, *argv: str) -> None:
    if separator != "--":
        sys.exit(__doc__)
    limits = Limits(
        memory_bytes=int(memory_bytes),
        cpu_s=None if cpu_s == "-" else int(cpu_s),
        file_bytes=int(file_bytes),
        folder=".",
        program=argv[0],
    )
    confine(limits)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    _main(*sys.argv[1:])
