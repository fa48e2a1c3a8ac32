"""Which files a confined process may reach, and that no process outside is any of its business."""

import ctypes
import os
import struct
from collections.abc import Iterable
from stat import S_ISDIR

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
ONLY_THE_VERSION = 1
PATH_BENEATH = 1

# linux/landlock.h, access to files
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
ANY_FILE_ACCESS = (1 << 13) - 1  # all that version 1 knows
REFER, TRUNCATE, IOCTL_DEV = (2, 1 << 13), (3, 1 << 14), (5, 1 << 15)  # since which version
NETWORK_SINCE, ANY_NETWORK = 4, 0b11  # to bind and to connect over TCP
SCOPES_SINCE, ANY_SCOPE = 6, 0b11  # abstract sockets of others, signals to others

READS = READ_FILE | READ_DIR
WRITES = READS | WRITE_FILE | TRUNCATE[1] | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG
OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE[1]


def restrict(*, programs: Iterable[str], reads: Iterable[str], writes: Iterable[str]) -> bool:
    """Nothing but these paths and what is beneath, from now on; whether the kernel can do that.

    Only `programs` may be executed, and read as well; what may be written may be read. A process
    within can't look into one without: not at its memory, environment or open files. Needs
    PR_SET_NO_NEW_PRIVS. What is open stays usable.
    """
    version = _call(CREATE_RULESET, None, 0, ONLY_THE_VERSION)
    if version < 1:  # no such system call, or switched off
        return False
    accesses = ANY_FILE_ACCESS
    for since, access in (REFER, TRUNCATE, IOCTL_DEV):
        accesses |= access if version >= since else 0
    network = ANY_NETWORK if version >= NETWORK_SINCE else 0
    scope = ANY_SCOPE if version >= SCOPES_SINCE else 0
    handled = struct.pack("QQQ", accesses, network, scope)
    ruleset = _done(_call(CREATE_RULESET, handled, len(handled), 0))
    for paths, allowed in ((programs, READS | EXECUTE), (reads, READS), (writes, WRITES)):
        for path in paths:
            _allow(ruleset, path, allowed & accesses)
    _done(_call(RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)
    return True


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not S_ISDIR(os.fstat(target).st_mode):
        access &= OF_A_FILE
    rule = struct.pack("=Qi", access, target)
    _done(_call(ADD_RULE, ruleset, PATH_BENEATH, rule, 0))
    os.close(target)


def _call(number: int, *arguments: int | bytes | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return int(libc.syscall(ctypes.c_long(number), *wide))


def _done(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock")
    return result
