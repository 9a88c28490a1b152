# SPDX-License-Identifier: MIT
"""nub with the real QEMU, under random system calls, and short of memory."""
import pathlib
import re

import pytest

from test_abi import Archive, PROGRAMS, TIMEOUT, boot_archive, libraries

QEMU = pathlib.Path("/usr/libexec/xen-qemu-system-i386")


def root(init, *more):
    a = Archive()
    for d in ("tmp", "usr", "usr/libexec", "lib", "lib64", "lib/x86_64-linux-gnu"):
        a.add(d, 0o40755)
    a.add("init", 0o100755, (PROGRAMS / init).read_bytes())
    for path in more:
        a.add(str(path).lstrip("/"), 0o100755, pathlib.Path(path).read_bytes())
    return a.finish()


@pytest.mark.timeout(TIMEOUT + 60)
def test_qemu_answers_qmp(tmp_path):
    if not QEMU.exists():
        pytest.skip(f"{QEMU} is not installed")
    log = boot_archive(tmp_path, root("abi-qemu", QEMU, *sorted(libraries(QEMU))))
    assert "QEMU emulator version" in log, log[-2000:]
    assert "version: status 0\n" in log
    assert re.search(r'bytes: \{"QMP": \{"version": \{"qemu"', log), log[-2000:]
    assert re.search(r'query-command-line-options"\}\n\d{5,} bytes: \{"return": \[\{"param', log)
    assert "Pattern verification failed at offset 4096, 65536 bytes" in log
    assert log.count("Pattern verification failed") == 1
    assert "qemu: status 0\n" in log
    assert "disk at 3 MiB: B\n" in log
    assert "nub: power off\n" in log


@pytest.mark.timeout(TIMEOUT + 60)
def test_random_system_calls(tmp_path):
    log = boot_archive(tmp_path, root("abi-fuzz"), "FUZZ_SEED=1 FUZZ_CHILDREN=150")
    assert "panic" not in log, log[-3000:]
    assert "fuzz done\n" in log, log[-3000:]
    lost = int(re.search(r"memory lost: (-?\d+) KiB", log).group(1))
    assert lost < 512, f"{lost} KiB of memory did not come back"


@pytest.mark.timeout(TIMEOUT + 60)
def test_out_of_memory_ends_the_greedy_only(tmp_path):
    log = boot_archive(tmp_path, root("abi-greedy"))
    assert "nub: out of memory: process 2 (init) ends\n" in log, log[-2000:]
    assert "memory: " in log and "user " in log
    assert "greedy: signal 9\n" in log, log[-2000:]
    assert "mmap beyond all bounds: ENOMEM\n" in log
    assert "life goes on\n" in log
