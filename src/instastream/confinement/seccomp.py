"""What a confined process may not ask of its kernel: a seccomp filter, built by hand.

It names what is denied, not what is allowed: a decoder's own calls change with its libraries and
its processor. What came after LAST_CALL is not there at all, as if the kernel were older.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2  # linux/prctl.h, linux/seccomp.h
KILL_PROCESS, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
LOAD, EQUAL, ABOVE, ANY_BIT, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06  # linux/bpf_common.h
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h
LAST_CALL = 449  # of Linux 5.16; calls of x86's x32 have far higher numbers

# Each with its number on x86-64 and on 64-bit ARM, which never had some.
NETWORK = """socket:41:198 socketpair:53:199 bind:49:200 listen:50:201 accept:43:202
    accept4:288:242 connect:42:203 sendto:44:206 sendmsg:46:211 sendmmsg:307:269"""
OTHER_PROCESSES = """ptrace:101:117 process_vm_readv:310:270 process_vm_writev:311:271
    process_madvise:440:440 process_mrelease:448:448 kcmp:312:272 pidfd_open:434:434
    pidfd_getfd:438:438 pidfd_send_signal:424:424 tkill:200:130 rt_sigqueueinfo:129:138
    rt_tgsigqueueinfo:297:240 setpriority:141:140 sched_setscheduler:144:119
    sched_setparam:142:118 sched_setattr:314:274 sched_setaffinity:203:122 ioprio_set:251:30
    migrate_pages:256:238 move_pages:279:239 shmget:29:194 shmat:30:196 shmctl:31:195
    semget:64:190 semop:65:193 semctl:66:191 semtimedop:220:192 msgget:68:186 msgsnd:69:189
    msgrcv:70:188 msgctl:71:187 mq_open:240:180 mq_unlink:241:181 fork:57: vfork:58:"""
KERNEL = """mount:165:40 umount2:166:39 pivot_root:155:41 chroot:161:51 move_mount:429:429
    open_tree:428:428 fsopen:430:430 fsconfig:431:431 fsmount:432:432 fspick:433:433
    mount_setattr:442:442 unshare:272:97 setns:308:268 keyctl:250:219 add_key:248:217
    request_key:249:218 bpf:321:280 perf_event_open:298:241 io_uring_setup:425:425
    io_uring_enter:426:426 io_uring_register:427:427 io_setup:206:0 io_submit:209:2
    userfaultfd:323:282 memfd_secret:447:447 splice:275:76 tee:276:77 vmsplice:278:75
    personality:135:92 modify_ldt:154: capset:126:91 init_module:175:105 finit_module:313:273
    delete_module:176:106 kexec_load:246:104 kexec_file_load:320:294 reboot:169:142
    swapon:167:224 swapoff:168:225 acct:163:89 quotactl:179:60 quotactl_fd:443:443
    syslog:103:116 iopl:172: ioperm:173: settimeofday:164:170 clock_settime:227:112
    adjtimex:159:171 clock_adjtime:305:266 sethostname:170:161 setdomainname:171:162
    vhangup:153:58 inotify_init:253: inotify_init1:294:26 fanotify_init:300:262 uselib:134:
    memfd_create:319:279 execveat:322:281"""  # the last two: to execute what was written
LINKS_AND_OWNERS = """link:86: linkat:265:37 symlink:88: symlinkat:266:36 mknod:133: mknodat:259:33
    chmod:90: fchmod:91:52 fchmodat:268:53 chown:92: fchown:93:55 lchown:94: fchownat:260:54
    setxattr:188:5 lsetxattr:189:6 fsetxattr:190:7 removexattr:197:14 lremovexattr:198:15
    fremovexattr:199:16 utime:132: utimes:235: futimesat:261: utimensat:280:88
    name_to_handle_at:303:264 open_by_handle_at:304:265"""
NEVER = NETWORK + " " + OTHER_PROCESSES + " " + KERNEL + " " + LINKS_AND_OWNERS
CHANGES = """creat:85: truncate:76:45 unlink:87: unlinkat:263:35 rename:82: renameat:264:38
    renameat2:316:276 mkdir:83: mkdirat:258:34 rmdir:84:"""
OPENS = "open:2: openat:257:56"
EXECUTES = "execve:59:221"
AS_IF_OLDER = "clone3:435:435 openat2:437:437"  # what they are asked lies where no filter sees it

KILL, TGKILL, PRLIMIT = "kill:62:129", "tgkill:234:131", "prlimit64:302:261"
CLONE, FCNTL, IOCTL, PRCTL = "clone:56:220", "fcntl:72:25", "ioctl:16:29", "prctl:157:167"
CLONE_THREAD, CLONE_NEW_ANYTHING = 0x00010000, 0x7E020080  # linux/sched.h
TO_SIGNAL_OTHERS = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX
TO_TYPE_OR_SIGNAL = (0x5412, 0x541C, 0x8901, 0x8902)  # TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP
TO_BE_UNBOUND = (1, 4)  # PR_SET_PDEATHSIG, PR_SET_DUMPABLE
TO_WRITE = 0o1 | 0o2 | 0o100 | 0o1000 | 0o20000000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, tmpfile

Program = list[bytes]


def restrict(*, opens: bool, writes: bool) -> None:
    """Install the filter, for good: for all threads to come and whatever is executed.

    Needs PR_SET_NO_NEW_PRIVS. Raises OSError where the kernel has no seccomp, or the machine is
    neither x86-64 nor 64-bit ARM.
    """
    machine = platform.machine()
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"no seccomp filter for {machine}")
    program = b"".join(_program(machine, opens=opens, writes=writes))
    held = ctypes.create_string_buffer(program, len(program))
    filters = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filters, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def _program(machine: str, *, opens: bool, writes: bool) -> Program:
    column = list(MACHINES).index(machine)
    own_pid = os.getpid()
    rules = [
        *_answer(NEVER, column, errno.EPERM),
        *_answer(AS_IF_OLDER, column, errno.ENOSYS),
        *_case(KILL, column, _only(0, [own_pid])),
        *_case(TGKILL, column, _only(0, [own_pid])),
        *_case(PRLIMIT, column, _only(0, [0, own_pid])),
        *_case(CLONE, column, _threads_only()),
        *_case(FCNTL, column, _all_but(1, TO_SIGNAL_OTHERS)),
        *_case(IOCTL, column, _all_but(1, TO_TYPE_OR_SIGNAL)),
        *_case(PRCTL, column, _all_but(0, TO_BE_UNBOUND)),
    ]
    if not writes:
        rules += _answer(CHANGES, column, errno.EPERM)
        for flags_at, name in enumerate(
            OPENS.split(), start=1
        ):  # open(path, …), openat(at, path, …)
            rules += _case(name, column, _no_bit(flags_at, TO_WRITE))
    if not opens:
        rules = [*_answer(f"{OPENS} {CHANGES} {EXECUTES}", column, errno.EPERM), *rules]
    return [
        _step(LOAD, ARCHITECTURE),
        _step(EQUAL, MACHINES[machine], 1, 0),
        _step(RETURN, KILL_PROCESS),
        _step(LOAD, NUMBER),
        *_if(ABOVE, LAST_CALL, [_error(errno.ENOSYS)]),
        *rules,
        _step(RETURN, ALLOW),
    ]


def _answer(names: str, column: int, error: int) -> Program:
    return [step for name in names.split() for step in _case(name, column, [_error(error)])]


def _case(name: str, column: int, decision: Program) -> Program:
    """For this call the decision, which ends in a verdict; for others none."""
    number = name.split(":")[1 + column]
    return _if(EQUAL, int(number), decision) if number else []


def _only(argument: int, values: Iterable[int]) -> Program:
    return [
        _argument(argument),
        *(step for value in values for step in _if(EQUAL, value, [_step(RETURN, ALLOW)])),
        _error(errno.EPERM),
    ]


def _all_but(argument: int, values: Iterable[int]) -> Program:
    return [
        _argument(argument),
        *(step for value in values for step in _if(EQUAL, value, [_error(errno.EPERM)])),
        _step(RETURN, ALLOW),
    ]


def _no_bit(argument: int, bits: int) -> Program:
    refused = _if(ANY_BIT, bits, [_error(errno.EPERM)])
    return [_argument(argument), *refused, _step(RETURN, ALLOW)]


def _threads_only() -> Program:
    return [
        _argument(0),
        *_if(ANY_BIT, CLONE_NEW_ANYTHING, [_error(errno.EPERM)]),
        *_if(ANY_BIT, CLONE_THREAD, [_step(RETURN, ALLOW)]),
        _error(errno.EPERM),
    ]


def _if(test: int, value: int, body: Program) -> Program:
    return [_step(test, value, 0, len(body)), *body]


def _argument(index: int) -> bytes:
    """Load its lower half, on these little-endian machines; all that are judged fit in it."""
    return _step(LOAD, ARGUMENTS + 8 * index)


def _error(number: int) -> bytes:
    return _step(RETURN, ERRNO | number)


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("HBBI", code, then, otherwise, value)
