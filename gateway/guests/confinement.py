"""What a plug-in's process may still do once it is confined: read its Python and its packages, compute, and answer the gateway.

Each layer is asked of the kernel by itself, before any of the plug-in's code is loaded; none needs root, none can be taken off again, and
one that this machine does not have is said so and leaves the others as they are. Only Linux has all of them.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

OPEN_FILES = 256

_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2  # prctl(2)
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # landlock(7): the same numbers on every machine
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights on files each version of Landlock knows; from the fifth on there are 16. All but reading are given to nobody."""

_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo"),
    *("/dev/null", "/dev/urandom", "/sys/devices/system/cpu"),
)
"""What an interpreter and a linear algebra library look at beside their own folders."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_OF = 0x20, 0x15, 0x35, 0x45
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_THREAD = 0x10000  # CLONE_THREAD
_SET_OWNER = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: whom a socket would send signals to
_SET_OWNER_OF_SOCKET = (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_REFUSED = """
socket 41 198               socketpair 53 199           execve 59 221               execveat 322 281            fork 57 -
vfork 58 -                  kill 62 129                 tkill 200 130               rt_sigqueueinfo 129 138
rt_tgsigqueueinfo 297 240   pidfd_open 434 434          pidfd_send_signal 424 424   ptrace 101 117
process_vm_readv 310 270    process_vm_writev 311 271   unshare 272 97              setns 308 268
io_uring_setup 425 425      setpriority 141 140         ioprio_set 251 30           sched_setaffinity 203 122
sched_setscheduler 144 119  sched_setparam 142 118      sched_setattr 314 274       bpf 321 280
userfaultfd 323 282         perf_event_open 298 241     add_key 248 217             keyctl 250 219
chmod 90 -                  fchmod 91 52                fchmodat 268 53             fchmodat2 452 452
chown 92 -                  fchown 93 55                lchown 94 -                 fchownat 260 54
utime 132 -                 utimes 235 -                futimesat 261 -             utimensat 280 88
setxattr 188 5              lsetxattr 189 6             fsetxattr 190 7             setxattrat 463 463
removexattr 197 14          lremovexattr 198 15         fremovexattr 199 16         removexattrat 466 466
file_setattr 469 469        clone3 435 435              shmget 29 194               shmat 30 196
shmctl 31 195               msgget 68 186               msgsnd 69 189               msgrcv 70 188
msgctl 71 187               semget 64 190               semop 65 193                semtimedop 220 192
semctl 66 191               mq_open 240 180             mq_unlink 241 181           move_pages 279 239
"""
"""System calls that begin a connection or a process, reach another process, or change a file without opening it (which Landlock does not
cover); with their numbers on x86_64 and aarch64. What clone3 is to begin a filter cannot see: the C library then takes clone."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One of them. ``holds``: on this machine; ``text``: what it keeps out, or why it does not hold."""

    name: str
    holds: bool
    text: str


def confine(memory: int, package: Iterable[str] = (), machine: str = platform.machine()) -> tuple[Layer, ...]:
    """Confine this process for good; what holds. ``memory``: address space in bytes, 0 = as much as there is; ``package``: folders that are
    read beside those of Python. Never raises OSError.
    """
    return (
        _layer("limits", "no core and no file written, few files open, so much address space", lambda: _limits(memory)),
        _layer("privileges", "none are left, none can be gained", _privileges),
        _layer(
            "files", "reads Python and its packages alone; writes, executes nothing", lambda: _files(readable(package))
        ),
        _layer("calls", "no connection, no process, no signal or other reach to one", lambda: _calls(machine)),
    )


def readable(package: Iterable[str]) -> Iterator[tuple[str, int]]:
    """What is to be read, with Landlock's rights: Python's libraries and the package whole, of other folders on the path only what can be
    imported.
    """
    # Not all that lies in an environment's folder is Python's: a gateway may have been set up beside its own.
    libraries = (os.path.join(prefix, name) for prefix in (sys.prefix, sys.base_prefix) for name in ("lib", "lib64"))
    for name in {*_SYSTEM, *libraries, *package}:
        yield name, _READ_FILE | _READ_DIR
    for entry in sys.path:
        if os.path.basename(entry) in ("site-packages", "dist-packages") or os.path.isfile(entry):
            yield entry, _READ_FILE | _READ_DIR
        elif os.access(entry, os.R_OK):
            # A clone of the gateway may hold its configuration, keys and ledger as well.
            yield entry, _READ_DIR
            inside = (os.path.join(entry, one) for one in os.listdir(entry))
            yield from ((one, _READ_FILE | _READ_DIR) for one in inside if _is_importable(one))


def _is_importable(path: str) -> bool:
    return path.endswith((".py", ".so", ".dist-info", ".egg-info")) or os.path.isfile(os.path.join(path, "__init__.py"))


def _layer(name: str, text: str, lay: Callable[[], None]) -> Layer:
    try:
        lay()
    except (OSError, ValueError, AttributeError) as fault:
        return Layer(name, holds=False, text=f"this machine does not have it ({fault})")
    return Layer(name, holds=True, text=text)


def _limits(memory: int) -> None:
    for what, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, OPEN_FILES)):
        resource.setrlimit(what, (most, most))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _privileges() -> None:
    _asked("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    # version 3 of the interface, this thread; two words each of effective, permitted and inheritable capabilities
    _asked("capset", struct.pack("=Ii", 0x20080522, 0), bytes(24))


def _files(paths: Iterable[tuple[str, int]]) -> None:
    version = _asked("syscall", _CREATE, None, 0, 1)
    every = (1 << _RIGHTS.get(version, 16)) - 1
    # TCP from the fourth version on; signals and abstract sockets beyond this process from the sixth
    attributes = struct.pack("=QQQ", every, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = _asked("syscall", _CREATE, attributes, len(attributes), 0)
    try:
        for path, rights in paths:
            try:
                place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue  # it is not there, or not for us
            try:
                given = rights if os.path.isdir(path) else _READ_FILE
                _asked("syscall", _ADD, rules, 1, struct.pack("=Qi", given, place), 0)
            finally:
                os.close(place)
        _asked("syscall", _RESTRICT, rules, 0)
    finally:
        os.close(rules)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def _calls(machine: str) -> None:
    words = 8 * struct.calcsize("P")
    if (sys.platform, words) != ("linux", 64) or machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no table of system calls for {sys.platform} on {machine}, {words} bits")
    steps = b"".join(_program(machine, os.getpid()))
    _asked("prctl", _SECCOMP, _FILTER, ctypes.byref(_Program(len(steps) // 8, steps)), 0, 0)


def _program(machine: str, own: int) -> Iterator[bytes]:
    """A classic BPF program over seccomp_data: the call's number at 0, the architecture at 4, arguments from 16 on, 8 bytes each."""
    column = list(_MACHINES).index(machine)
    yield from (_step(_LOAD, 4), _step(_EQUAL, _MACHINES[machine], 1, 0), _end(_KILL), _step(_LOAD, 0))
    if machine == "x86_64":
        # It knows a second set of numbers, x32.
        yield from (_step(_AT_LEAST, 0x40000000, 0, 1), _end(_KILL))
    words = _REFUSED.split()
    for name, *numbers in zip(words[::3], words[1::3], words[2::3], strict=True):
        if numbers[column] != "-":
            yield from _rule(int(numbers[column]), _end(_REFUSE | (errno.ENOSYS if name == "clone3" else errno.EPERM)))
    refuse, allow = _end(_REFUSE | errno.EPERM), _end(_ALLOW)
    thread = (_step(_LOAD, 16), _step(_ANY_OF, _THREAD, 0, 1), allow, refuse)
    yield from _rule((56, 220)[column], *thread)  # clone
    yield from _rule((234, 131)[column], *_told_apart(0, (own,), allow, refuse))  # tgkill
    yield from _rule((302, 261)[column], *_told_apart(0, (0, own), allow, refuse))  # prlimit64
    yield from _rule((72, 25)[column], *_told_apart(1, _SET_OWNER, refuse, allow))  # fcntl
    yield from _rule((16, 29)[column], *_told_apart(1, _SET_OWNER_OF_SOCKET, refuse, allow))  # ioctl
    yield allow


def _rule(number: int, *steps: bytes) -> Iterator[bytes]:
    """What is to be done at the call of that number, which these steps end."""
    yield _step(_EQUAL, number, 0, len(steps))
    yield from steps


def _told_apart(argument: int, values: tuple[int, ...], where: bytes, otherwise: bytes) -> Iterator[bytes]:
    """By an argument: one of the values, or another."""
    yield _step(_LOAD, 16 + 8 * argument)
    for value in values:
        yield from (_step(_EQUAL, value, 0, 1), where)
    yield otherwise


def _step(code: int, value: int, when: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, when, otherwise, value)


def _end(verdict: int) -> bytes:
    return _step(0x06, verdict)


def _asked(function: str, *arguments: object) -> int:
    """A function of the C library, by name. Raises OSError, and AttributeError where there is no such function."""
    library = ctypes.CDLL(None, use_errno=True)
    whole = (ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    done: int = getattr(library, function)(*whole)
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return done
