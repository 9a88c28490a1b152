# SPDX-License-Identifier: MIT
"""The same programs on Linux and on nub: their output must be the same.

Each program runs directly here (Linux), and once in a boot of nub under plain QEMU that runs
all of them one after the other."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "image"))
sys.path.insert(0, str(TREE / "kernel/scripts"))
from stubimage import packed  # noqa: E402
import syscalls  # noqa: E402

BUILD = pathlib.Path(os.environ.get("BUILD", TREE / "build"))
if not BUILD.is_absolute():
    BUILD = TREE / BUILD
PROGRAMS = BUILD / "tests/abi"
KERNEL = BUILD / "kernel/kernel-nub"
TIMEOUT = 400  # of one boot, on a busy machine
QUICK = 3  # of LZ4's levels
NAMES = [n + kind for n in re.search(
    r"abi_programs = \[(.*?)\]", (TREE / "tests/abi/meson.build").read_text(), re.S
    ).group(1).replace("'", "").replace(",", " ").split() for kind in ("-static", "-dynamic")]


def align(n, to):
    return (n + to - 1) // to * to


class Archive:
    """A newc archive whose larger files start on page boundaries, or are packed."""

    def __init__(self):
        self.data = bytearray()
        self.ino = 0

    def add(self, name, mode, content=b"", pack=False, stored=None):
        self.ino += 1
        raw = name.encode() + b"\0"
        size, real, magic = len(raw), 0, b"070701"
        stored = packed.pack(content, QUICK) if pack else stored
        if stored:
            real, magic, content = len(content), b"0707z1", stored
        elif len(content) >= 4096:
            size = align(len(self.data) + 110 + size, 4096) - len(self.data) - 110
        fields = (self.ino, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, size, real)
        self.data += magic + b"".join(b"%08x" % f for f in fields)
        self.data += raw.ljust(size, b"\0")
        self.data += b"\0" * (align(len(self.data), 4) - len(self.data))
        self.data += content
        self.data += b"\0" * (align(len(self.data), 4) - len(self.data))

    def finish(self):
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def libraries(program):
    out = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return {m.group(0) for m in re.finditer(r"/\S+", out)}


def archive(names):
    a = Archive()
    for d in ("tests", "tmp", "proc", "dev", "lib64", "lib", "lib/x86_64-linux-gnu"):
        a.add(d, 0o40755)
    a.add("init", 0o100755, (PROGRAMS / "abi-runner").read_bytes())
    libs = set()
    for n in names:
        program = PROGRAMS / f"abi-{n}"
        # Half of them packed, as in the image, half mapped as they lie.
        a.add(f"tests/{n}", 0o100755, program.read_bytes(), pack=n.endswith("-dynamic"))
        if n.endswith("-dynamic"):
            libs |= libraries(program)
    if libs:
        libs.add("/lib/x86_64-linux-gnu/libgcc_s.so.1")  # loaded by pthread_cancel
    for lib in sorted(libs):
        a.add(lib.lstrip("/"), 0o100755, pathlib.Path(lib).read_bytes(), pack=True)
    return a.finish()


def boot_archive(tmp, data, cmdline="", kernel=KERNEL, cpus=None, more=()):
    """Boots nub with this ramdisk; the console's text. ABI_SMP=N: with N CPUs, if the test does
    not say how many."""
    cpus = cpus or os.environ.get("ABI_SMP", "1")
    root = tmp / "root.cpio"
    root.write_bytes(data)
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", os.environ.get("ABI_CPU", "max"),
               "-m", os.environ.get("ABI_MEMORY", "256"), "-nodefaults", "-no-user-config", "-display", "none",
               "-serial", "stdio", "-no-reboot", "-device",
               "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", str(kernel),
               "-initrd", str(root), "-append",
               f'nub.cpus={cpus} {cmdline or os.environ.get("ABI_CMDLINE", "")}', "-smp", str(cpus),
               *more]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=TIMEOUT, check=False)
        log = done.stdout.decode(errors="replace") + f"(exit status {done.returncode})\n"
    except subprocess.TimeoutExpired as late:
        log = (late.stdout or b"").decode(errors="replace") + "\n(the time was up)"
    return log.replace("\r\n", "\n")


def boot(tmp, names, cpus=None):
    """Runs the programs on nub; {name: (output, ending)} and the whole log."""
    log = boot_archive(tmp, archive(names), cpus=cpus)
    results = {}
    for m in re.finditer(r"=== begin (\S+)\n(.*?)=== end \1 (.*?)\n", log, re.S):
        results[m.group(1)] = (clean(m.group(2)), m.group(3))
    return results, log


def clean(text):
    """Without the kernel's own messages, which share the console."""
    return "".join(line for line in text.splitlines(True) if not line.startswith("nub: "))


@pytest.fixture(scope="session")
def on_nub(tmp_path_factory):
    if not KERNEL.exists():
        pytest.fail(f"{KERNEL} is missing: build first")
    return boot(tmp_path_factory.mktemp("abi"), NAMES)


def test_every_call_is_tried(on_nub):
    """Each call of kernel/syscalls.tbl is made by one of the programs at least."""
    _, log = on_nub
    made = re.search(r"=== calls\n(.*)=== end of calls\n", log, re.S)
    assert made, log[-1500:]
    counts = dict(line.rsplit(" ", 1) for line in clean(made.group(1)).splitlines())
    table = {call.name for call in syscalls.parse(TREE / "kernel/syscalls.tbl")[0]}
    never = sorted(table - set(counts))
    assert not never, f"no test program makes these calls: {' '.join(never)}"


def on_linux(name):
    done = subprocess.run([PROGRAMS / f"abi-{name}"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120, check=False, cwd="/")
    end = f"exit {done.returncode}" if done.returncode >= 0 else f"signal {-done.returncode}"
    return done.stdout.decode(errors="replace"), end


@pytest.mark.timeout(TIMEOUT + 120)
@pytest.mark.parametrize("name", NAMES)
def test_same_on_both(name, on_nub):
    same(name, *on_nub)


# Effects of CPUs on each other.
ON_TWO = [n + "-static" for n in ("accounts", "flocks", "inodes", "limits", "locks", "memory", "process", "queues", "signals", "threads", "together",
                                 "usercopy")]


@pytest.fixture(scope="session")
def on_two_cpus(tmp_path_factory):
    return boot(tmp_path_factory.mktemp("abi2"), ON_TWO, cpus=2)


@pytest.mark.timeout(TIMEOUT + 120)
@pytest.mark.parametrize("name", ON_TWO)
def test_same_on_two_cpus(name, on_two_cpus):
    same(name, *on_two_cpus)


def same(name, results, log):
    assert name in results, f"{name} did not end on nub:\n{log[-1500:]}"
    expected, end = on_linux(name)
    assert "NO" not in re.findall(r": (\w+)$", expected, re.M), "the test fails on Linux itself"
    assert results[name][0].splitlines() == expected.splitlines()
    assert results[name][1] == end
    assert end == "exit 0"
