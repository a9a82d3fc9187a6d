"""What a process may still do: each layer by itself, and what is said where a kernel refuses one."""

import platform
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gateway.guests import confinement
from tests.gateway.guests.stage import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these layers")

ALLOWED, REFUSED, UNKNOWN, KILLED = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
OWN = 4711

# Numbers as in the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
X86, ARM = ("x86_64", 0xC000003E), ("aarch64", 0xC00000B7)
VERDICTS = [
    *((X86, number, 0, 0, ALLOWED) for number in (0, 1, 3, 9, 60, 202, 257)),  # read write close mmap exit futex openat
    *((ARM, number, 0, 0, ALLOWED) for number in (63, 64, 57, 222, 93, 98, 56)),
    *((X86, number, 0, 0, REFUSED) for number in (30, 41, 53, 57, 58, 59, 62, 90, 101, 322, 424, 425)),
    *((ARM, number, 0, 0, REFUSED) for number in (196, 198, 199, 221, 129, 52, 117, 281, 424, 425)),
    (X86, 56, 0x11, 0, REFUSED),  # clone of a process, with SIGCHLD
    (X86, 56, 0x3D0F00, 0, ALLOWED),  # of a thread
    (ARM, 220, 0x11, 0, REFUSED),
    (ARM, 220, 0x3D0F00, 0, ALLOWED),
    (X86, 435, 0, 0, UNKNOWN),
    (ARM, 435, 0, 0, UNKNOWN),
    (X86, 234, OWN, 0, ALLOWED),  # tgkill
    (X86, 234, 1, 0, REFUSED),
    (ARM, 131, 1, 0, REFUSED),
    (X86, 302, 0, 0, ALLOWED),  # prlimit64 of itself
    (X86, 302, OWN, 0, ALLOWED),
    (X86, 302, 1, 0, REFUSED),
    (ARM, 261, 1, 0, REFUSED),
    (X86, 72, 3, 8, REFUSED),  # F_SETOWN
    (X86, 72, 3, 2, ALLOWED),  # F_SETFD
    (ARM, 25, 3, 8, REFUSED),
    (X86, 16, 3, 0x8901, REFUSED),  # FIOSETOWN
    (X86, 16, 3, 0x5413, ALLOWED),
    (X86, 0x40000000 | 41, 0, 0, KILLED),  # x32
    (("x86_64", 0x40000003), 11, 0, 0, KILLED),  # i386
]


def verdict(program: bytes, architecture: int, number: int, arguments: tuple[int, ...]) -> int:
    """As the kernel runs it: the four instructions that are used, over struct seccomp_data."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments, *(0,) * (6 - len(arguments)))
    at, accumulator = 0, 0
    while True:
        code, when, otherwise, value = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, value)
            case 0x06:
                return int(value)
            case 0x15 | 0x35 | 0x45:
                holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: accumulator & value != 0}[code]
                at += when if holds else otherwise
            case _:
                raise AssertionError(f"no instruction {code:#x}")


@pytest.mark.parametrize(("machine", "number", "first", "second", "expected"), VERDICTS)
def test_each_call_is_let_through_or_not(
    machine: tuple[str, int], number: int, first: int, second: int, expected: int
) -> None:
    program = b"".join(confinement._program(machine[0], OWN))
    assert verdict(program, machine[1], number, (first, second)) == expected


def child(code: str) -> str:
    """What a process says that runs this, to a pipe."""
    done = subprocess.run(  # noqa: S603  # our own text
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_on_a_machine_whose_calls_are_not_known_it_says_so_and_keeps_the_other_layers() -> None:
    said = child("""
        import resource
        from gateway.guests.confinement import confine
        for one in confine(1 << 30, machine="riscv64"):
            print(one.name, one.holds, one.text)
        print(resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_FSIZE))
    """).splitlines()
    assert said[0].startswith("limits True")
    assert said[3] == (
        "calls False this machine does not have it ([Errno 38] no table of system calls for linux on riscv64, 64 bits)"
    )
    assert said[4] == "(1073741824, 1073741824) (0, 0)"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the kernel is told so by a filter")
def test_on_a_kernel_without_landlock_it_says_so_and_keeps_the_other_layers() -> None:
    said = child("""
        import ctypes, errno, os, socket
        from gateway.guests import confinement as c
        # A kernel without it answers ENOSYS.
        steps = b"".join((c._step(0x20, 0), *c._rule(444, c._end(c._REFUSE | errno.ENOSYS)), c._end(c._ALLOW)))
        c._asked("prctl", 38, 1, 0, 0, 0)
        c._asked("prctl", 22, 2, ctypes.byref(c._Program(len(steps) // 8, steps)), 0, 0)
        for one in c.confine(0):
            print(one.name, one.holds, one.text)
        print(open("/etc/hostname").readable())
        try:
            socket.socket()
        except PermissionError:
            print("no socket")
    """).splitlines()
    assert said[2] == "files False this machine does not have it ([Errno 38] Function not implemented)"
    assert said[3].startswith("calls True")
    assert said[4:] == ["True", "no socket"]


def test_a_package_elsewhere_is_read_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for name in ("mine/function.py", "secret.key"):
        (tmp_path / name).write_text("x")
    said = child(f"""
        from pathlib import Path
        from gateway.guests.confinement import confine
        layers = confine(0, ({str(tmp_path / "mine")!r},))
        print(layers[2].holds, Path({str(tmp_path / "mine/function.py")!r}).read_text())
        try:
            print(Path({str(tmp_path / "secret.key")!r}).read_text())
        except PermissionError:
            print("no key")
    """).splitlines()
    assert said in (["True x", "no key"], ["False x", "x"])
