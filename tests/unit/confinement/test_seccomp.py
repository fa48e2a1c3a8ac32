"""The filter's verdicts, also for the machine this is not: found by running its program here."""

import errno
import os
import signal
import struct
import subprocess
import sys

import pytest

from instastream.confinement import seccomp
from instastream.confinement.seccomp import (
    ABOVE,
    ALLOW,
    ANY_BIT,
    EQUAL,
    ERRNO,
    KILL_PROCESS,
    LOAD,
    MACHINES,
)
from tests.unit.confinement.harmless import HARMLESS

KNOWN = {  # every number that the tables of Linux 5.16 have
    "x86_64": {*range(335), *range(424, 450)},
    "aarch64": {*range(244), *range(260, 295), *range(424, 450)},
}
DENIED, ABSENT = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
X86, ARM = MACHINES


def verdict(
    machine: str,
    number: int,
    *arguments: int,
    opens: bool = True,
    writes: bool = True,
    asked_as: str = "",
) -> int:
    """What the kernel would answer to this call, per the rules of linux/bpf_common.h."""
    program = seccomp._program(machine, opens=opens, writes=writes)
    architecture = MACHINES[asked_as or machine]
    memory = struct.pack("<IIQ6Q", number, architecture, 0, *(arguments + (0,) * 6)[:6])
    loaded, at = 0, 0
    while True:
        code, then, otherwise, value = struct.unpack("HBBI", program[at])
        at += 1
        match code:
            case seccomp.LOAD:
                loaded = struct.unpack_from("<I", memory, value)[0]
            case seccomp.RETURN:
                return int(value)
            case _:
                meets = {EQUAL: loaded == value, ABOVE: loaded > value, ANY_BIT: loaded & value}
                at += then if meets[code] else otherwise


@pytest.mark.parametrize(("machine", "column"), [(X86, 1), (ARM, 2)])
def test_what_no_decoder_needs_is_denied_on_both_machines(machine: str, column: int) -> None:
    for name in seccomp.NEVER.split():
        if number := name.split(":")[column]:
            assert verdict(machine, int(number)) == DENIED, name


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_of_the_kernel_is_judged_or_known_to_be_harmless(machine: str) -> None:
    column = 1 + list(MACHINES).index(machine)
    named = [text for text in vars(seccomp).values() if isinstance(text, str) and ":" in text]
    judged = {name for text in named for name in text.split() if name.count(":") == 2}
    numbers = [name.split(":")[column] for name in [*judged, *HARMLESS.split()]]
    assert sorted(int(number) for number in numbers if number) == sorted(KNOWN[machine])


@pytest.mark.parametrize("machine", MACHINES)
def test_harmless_calls_are_allowed_where_files_may_be_written(machine: str) -> None:
    column = 1 + list(MACHINES).index(machine)
    for name in HARMLESS.split():
        if number := name.split(":")[column]:
            assert verdict(machine, int(number)) == ALLOW, name


@pytest.mark.parametrize(
    ("machine", "read", "mmap", "futex"), [(X86, 0, 9, 202), (ARM, 63, 222, 98)]
)
def test_what_every_decoder_does_is_allowed(machine: str, read: int, mmap: int, futex: int) -> None:
    for number in (read, mmap, futex):
        assert verdict(machine, number, opens=False, writes=False) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_later_calls_than_the_last_known_do_not_exist(machine: str) -> None:
    assert verdict(machine, seccomp.LAST_CALL) == ALLOW
    assert verdict(machine, seccomp.LAST_CALL + 1) == ABSENT
    assert verdict(machine, 0x40000000 + 41) == ABSENT  # x32's way to open a socket


def test_another_architecture_s_calls_kill() -> None:
    assert verdict(X86, 0, asked_as=ARM) == KILL_PROCESS
    assert verdict(ARM, 63, asked_as=X86) == KILL_PROCESS


@pytest.mark.parametrize(("machine", "kill", "tgkill"), [(X86, 62, 234), (ARM, 129, 131)])
def test_it_may_signal_itself_only(machine: str, kill: int, tgkill: int) -> None:
    for number in (kill, tgkill):
        assert verdict(machine, number, os.getpid(), 6) == ALLOW
        for another in (0, 1, os.getpid() + 1, 0xFFFFFFFF):
            assert verdict(machine, number, another, 6) == DENIED


@pytest.mark.parametrize(("machine", "clone", "clone3"), [(X86, 56, 435), (ARM, 220, 435)])
def test_it_may_start_threads_and_no_process(machine: str, clone: int, clone3: int) -> None:
    assert verdict(machine, clone, 0x3D0F00) == ALLOW  # what pthread_create asks
    assert verdict(machine, clone, signal.SIGCHLD) == DENIED
    assert verdict(machine, clone, 0x3D0F00 | 0x40000000) == DENIED  # in a network of its own
    assert verdict(machine, clone3) == ABSENT  # the C library then asks clone


@pytest.mark.parametrize(("machine", "openat"), [(X86, 257), (ARM, 56)])
def test_opening_is_denied_by_kind(machine: str, openat: int) -> None:
    to_read, to_write, to_truncate = (os.O_RDONLY, os.O_RDWR | os.O_CREAT, os.O_TRUNC)
    for flags in (to_read, to_write, to_truncate, os.O_TMPFILE):
        assert verdict(machine, openat, 0, 0, flags) == ALLOW
        assert verdict(machine, openat, 0, 0, flags, opens=False) == DENIED
    assert verdict(machine, openat, 0, 0, to_read, writes=False) == ALLOW
    for flags in (os.O_WRONLY, to_write, to_truncate, seccomp.TO_WRITE & os.O_TMPFILE):
        assert verdict(machine, openat, 0, 0, flags, writes=False) == DENIED


@pytest.mark.parametrize(("machine", "fcntl", "ioctl"), [(X86, 72, 16), (ARM, 25, 29)])
def test_no_file_is_made_to_signal_another(machine: str, fcntl: int, ioctl: int) -> None:
    assert verdict(machine, fcntl, 0, 3) == ALLOW
    assert verdict(machine, ioctl, 0, 0x5401) == ALLOW
    for command in seccomp.TO_SIGNAL_OTHERS:
        assert verdict(machine, fcntl, 0, command) == DENIED
    for command in seccomp.TO_TYPE_OR_SIGNAL:
        assert verdict(machine, ioctl, 0, command) == DENIED


def test_the_kernel_takes_the_program() -> None:
    assert seccomp._program(X86, opens=True, writes=True)[0] == struct.pack("HBBI", LOAD, 0, 0, 4)
    code = (
        "import ctypes; from instastream.confinement import seccomp\n"
        "ctypes.CDLL(None).prctl(38, 1, 0, 0, 0); seccomp.restrict(opens=True, writes=True)\n"
        "import socket; socket.socket()"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"PermissionError" in child.stderr
