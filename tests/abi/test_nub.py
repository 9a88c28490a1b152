# SPDX-License-Identifier: MIT
"""nub with the real QEMU, under random system calls, and short of memory."""
import hashlib
import os
import pathlib
import re
import struct
import subprocess

import pytest

from test_abi import Archive, KERNEL, NAMES, PROGRAMS, TIMEOUT, TREE, archive, boot_archive, \
    clean, libraries, packed, syscalls

BUSYBOX = pathlib.Path("/bin/busybox")
STRESS_NG = pathlib.Path("/usr/bin/stress-ng")
QEMU = pathlib.Path("/usr/libexec/xen-qemu-system-i386")
KERNEL_KIB = 400
TABLE = syscalls.parse(TREE / "kernel/syscalls.tbl")[0]


def root(init, *more):
    a = Archive()
    for d in ("tmp", "usr", "usr/libexec", "lib", "lib64", "lib/x86_64-linux-gnu"):
        a.add(d, 0o40755)
    a.add("init", 0o100755, (PROGRAMS / init).read_bytes())
    for path in more:
        a.add(str(path).lstrip("/"), 0o100755, pathlib.Path(path).read_bytes(), pack=True)
    return a.finish()


@pytest.mark.timeout(TIMEOUT + 60)
@pytest.mark.parametrize("cpus", (1, 2))
def test_qemu_answers_qmp(tmp_path, cpus):
    if not QEMU.exists():
        pytest.skip(f"{QEMU} is not installed")
    log = boot_archive(tmp_path, root("abi-qemu", QEMU, *sorted(libraries(QEMU))), cpus=cpus)
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
@pytest.mark.parametrize("cpus", (2, 4))
def test_more_cpus(tmp_path, cpus):
    """They run at the same time; what one does to memory and threads holds on all."""
    log = boot_archive(tmp_path, root("abi-cpus"), cpus=cpus)
    assert "panic" not in log, log[-3000:]
    assert f"{cpus} CPUs\nonline 0-{cpus - 1}\n" in log, log[-2000:]
    assert "cpus done\n" in log, log[-2000:]
    assert ": NO\n" not in log, log[-2000:]
    assert log.count(": yes\n") == 19, log[-2000:]


@pytest.mark.timeout(TIMEOUT + 60)
def test_random_system_calls_on_two_cpus(tmp_path):
    log = boot_archive(tmp_path, root("abi-fuzz"), "FUZZ_SEED=2 FUZZ_CHILDREN=60", cpus=2)
    assert "panic" not in log, log[-3000:]
    assert "fuzz done\n" in log, log[-3000:]
    lost = int(re.search(r"memory lost: (-?\d+) KiB", log).group(1))
    assert lost < 512, f"{lost} KiB of memory did not come back"


@pytest.mark.timeout(TIMEOUT + 60)
def test_out_of_memory_ends_the_greedy_only(tmp_path):
    log = boot_archive(tmp_path, root("abi-greedy"))
    assert "nub: out of memory: process 2 ends\n" in log, log[-2000:]
    assert re.search(r"nub: memory in KiB: kernel \d+ .* programs \d{5,}, ", log)
    assert re.search(r"nub:   process 2 \(init\): \d{5,} KiB resident, 1 threads", log)
    assert re.search(r"nub:   heap   32 bytes: \d+ objects", log)
    assert "greedy: signal 9\n" in log, log[-2000:]
    assert "nub: out of memory: process 3 ends\n" in log
    assert "the one that had most: signal 9\n" in log
    for way in range(4):
        assert f"holder {way}: signal 9\nother: status 0\n" in clean(log), log[-3000:]
    assert "vDSO made writable: EACCES\n" in log
    assert "page at address 0: EPERM\n" in log
    assert "mmap beyond all bounds: ENOMEM\n" in log
    assert "life goes on\n" in log


# Instructions, with the program's own: the least that was seen, and what more is allowed than that.
COUNTS = {
    "system call": 191, "futex wake": 331, "futex wake, not private": 376,
    "futex wake, shared memory": 384, "futex wake, file": 384, "read of /dev/zero": 505,
    "pwrite of a byte": 673, "pread of a byte": 571, "write and lseek": 918,
    "pwrite of 8 KiB": 1930, "eventfd, both ways": 1033, "pipe, both ways": 1090,
    "socket, both ways": 1692, "ppoll of three": 1713, "signal to itself": 2261,
    "to another process and back": 2837,
}
COUNTS_MORE = 0.02


@pytest.mark.timeout(TIMEOUT + 60)
def test_instructions(tmp_path):
    """A call takes as many instructions as it did. A change that adds some for a good reason writes
    the new number here."""
    log = boot_archive(tmp_path, root("abi-counts"), more=("-icount", "shift=0,sleep=off"))
    assert "counts done\n" in log, log[-2000:]
    seen = {name: int(n) for name, n in re.findall(r"^count (.*): (\d+)$", log, re.M)}
    assert set(seen) == set(COUNTS)
    more = {name: n for name, n in seen.items() if n > COUNTS[name] * (1 + COUNTS_MORE)}
    assert not more, f"instructions {more}, were {[COUNTS[n] for n in more]}"


@pytest.mark.timeout(TIMEOUT + 60)
def test_refused(tmp_path):
    """A thing that Linux would do and nub does not have is an error, and the table says so."""
    log = boot_archive(tmp_path, root("abi-refused"))
    assert "  refused done\n" in log, log[-2000:]
    answers = re.findall(r"^  .*\): (\w+)$", log, re.M)
    assert len(answers) == 37, log[-3000:]
    assert set(answers) == {"EINVAL", "EOPNOTSUPP", "ENOPROTOOPT", "EPERM", "EBUSY"}, log[-3000:]


@pytest.mark.timeout(TIMEOUT + 60)
def test_damaged_programs(tmp_path):
    """The ELF loader, with headers damaged at random; longer by hand: ELF_ROUNDS, ELF_SEED."""
    dynamic = PROGRAMS / "abi-elfs-dynamic"
    a = Archive()
    for d in ("tmp", "lib", "lib64", "lib/x86_64-linux-gnu"):
        a.add(d, 0o40755)
    a.add("init", 0o100755, (PROGRAMS / "abi-elfs").read_bytes(), pack=True)
    a.add("dynamic", 0o100755, dynamic.read_bytes(), pack=True)
    for path in sorted(libraries(dynamic)):
        a.add(path.lstrip("/"), 0o100755, pathlib.Path(path).read_bytes(), pack=True)
    log = boot_archive(tmp_path, a.finish(), f"ELF_ROUNDS={os.environ.get('ELF_ROUNDS', 600)} "
                       f"ELF_SEED={os.environ.get('ELF_SEED', 1)}")
    assert "panic" not in log, log[-3000:]
    assert "elfs done\n" in log, log[-3000:]
    assert log.count("undamaged: status 0\n") == 6, log[-3000:]
    for counts in re.findall(r": (\d+) ran, (\d+) refused, (\d+) killed", log)[3:]:
        assert all(int(n) > 5 for n in counts), log[-3000:]
    lost = int(re.search(r"memory lost: (-?\d+) KiB", log).group(1))
    assert lost < 64, f"{lost} KiB of memory did not come back"


@pytest.mark.timeout(TIMEOUT + 60)
def test_packed_files(tmp_path):
    """A file that is packed in the ramdisk has its content, however it is used. It comes back when
    it was dropped for want of memory. A damaged page is an error and nothing worse."""
    content = b"".join(b"%d squared is %d\n" % (i, i * i) for i in range(20000))
    assert len(content) % 4096
    damaged = bytearray(packed.pack(content))
    ends = struct.unpack_from("<2I", damaged)
    table = (len(content) + 4095) // 4096 * 4
    damaged[table + ends[0]:table + ends[1]] = b"\xff" * (ends[1] - ends[0])
    a = Archive()
    a.add("init", 0o100755, (PROGRAMS / "abi-packed").read_bytes(), pack=True)
    a.add("plain", 0o100644, content)
    a.add("packed", 0o100644, content, pack=True)
    a.add("damaged", 0o100644, content, stored=bytes(damaged))
    a.add("big", 0o100644, b"".join(struct.pack("<I", i) * 1024 for i in range(8192)), pack=True)
    log = boot_archive(tmp_path, a.finish())
    assert "packed done\n" in log, log[-2000:]
    assert log.count(": yes\n") == 20, log[-2000:]
    assert ": NO\n" not in log, log[-2000:]
    assert "a damaged page: read EIO\na damaged page: signal 7\n" in log


@pytest.mark.timeout(TIMEOUT + 60)
def test_busybox_applets_do_the_same(tmp_path):
    if not BUSYBOX.exists():
        pytest.skip(f"{BUSYBOX} is not installed")
    script = (pathlib.Path(__file__).parent / "applets.sh").read_bytes()
    a = Archive()
    for d in ("bin", "tmp"):
        a.add(d, 0o40755)
    a.add("bin/busybox", 0o100755, BUSYBOX.read_bytes())
    a.add("applets.sh", 0o100644, script)
    a.add("init", 0o100755, b"#!/bin/busybox sh\nexport PATH=/bin\nbusybox --install -s /bin\n"
          b"echo === begin\nsh /applets.sh </dev/null 2>&1 | cat\necho === end\npoweroff -f\n")
    log = boot_archive(tmp_path, a.finish())
    got = re.search(r"=== begin\n(.*)=== end\n", log, re.S)
    assert got, log[-2000:]
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    subprocess.run([BUSYBOX, "--install", "-s", bin_dir], check=True)
    expected = subprocess.run([BUSYBOX, "sh", "-c", script.decode()], env={"PATH": str(bin_dir)},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False).stdout.decode()
    assert clean(got.group(1)).splitlines() == expected.splitlines()


@pytest.mark.timeout(TIMEOUT + 60)
@pytest.mark.parametrize("how, what, culprit", [
    ("fault", "kernel page fault at 0xffff900000000000", "crash+"),
    ("stack", "kernel stack overflow in crash", "test_recurse"),
    ("text", r"kernel page fault at 0xffffffff80\w+ \(error 0x3\)", "crash+"),
    ("invariant", r"assertion !arg, \.\./kernel/test/crash.c:\d+", "crash+"),
])
def test_a_broken_kernel_says_why(tmp_path, how, what, culprit):
    """By the kernel that breaks on purpose: reason, thread, symbols, the crash's exit status."""
    log = boot_archive(tmp_path, root("abi-qemu"), f"nub.crash={how}",
                       KERNEL.with_name("kernel-nub-test"))
    said = re.search(rf"nub: panic: .*{what}.*\n  thread 0 \(crash\), process 0\n((  .*\n)+)", log)
    assert said, log[-3000:]
    assert culprit in said.group(1)
    assert "kthread_run+" in said.group(1) or how == "stack"  # too deep there
    assert log.endswith("(exit status 37)\n")
    assert log.count("panic:") == 1


@pytest.mark.timeout(TIMEOUT + 60)
def test_a_program_that_dumps_core_is_a_panic(tmp_path):
    """If nub.core=panic says so: its registers and page tables are told, and its memory stays."""
    log = boot_archive(tmp_path, archive(["signals-static"]), "nub.core=panic")
    said = re.search(r"nub: panic: \S+ ends with signal (4|5|6|7|8|11), and nub.core=panic\n"
                     r"  thread \d+ .*\n((  .*\n)+)", log)
    assert said, log[-3000:]
    assert "  rip 0033:" in said[2] and "cr3 " in said[2], said[2]
    assert log.endswith("(exit status 37)\n")
    assert log.count("panic:") == 1


STRESSORS = ("futex pipe eventfd poll sockpair sigq sigfd sigsuspend timerfd timer nanosleep switch fork "
             "vfork clone pthread mutex sem kill spawn dup rename getdent seek brk mprotect "
             "madvise memfd fault sigsegv sigbus malloc epoll fifo").split()
SHELL_INIT = """#!/bin/busybox sh
export PATH=/bin
busybox --install -s /bin
mount -t proc proc /proc
cd /tmp
"""


def shell_root(script, *programs, files=()):
    """A root with busybox, these programs and what they are linked with; init is the script."""
    a = Archive()
    for d in ("bin", "tmp", "proc", "dev", "usr", "usr/bin", "usr/lib", "lib", "lib64",
              "lib/x86_64-linux-gnu"):
        a.add(d, 0o40755)
    a.add("bin/busybox", 0o100755, BUSYBOX.read_bytes())
    needed = set()
    for program in map(pathlib.Path, programs):
        a.add(f"bin/{program.name}", 0o100755, program.read_bytes())
        needed |= libraries(program)
    folders = {"bin"}
    for path in sorted(needed | set(files)):
        for parent in reversed(pathlib.Path(path.lstrip("/")).parents):
            if str(parent) != "." and str(parent) not in folders:
                folders.add(str(parent))
                a.add(str(parent), 0o40755)
        a.add(path.lstrip("/"), 0o100755, pathlib.Path(path).read_bytes())
    a.add("init", 0o100755, (SHELL_INIT + script + "poweroff -f\n").encode())
    return a.finish()


@pytest.mark.timeout(TIMEOUT + 60)
def test_stress_ng(tmp_path):
    """The parts of stress-ng that this kernel can run, each for a few rounds, checking its own
    results."""
    if not STRESS_NG.exists():
        pytest.skip(f"{STRESS_NG} is not installed")
    script = "".join(f"stress-ng --{s} 1 --{s}-ops 20 -t 2 --verify --temp-path /tmp -q >out 2>&1 || "
                     f"{{ echo FAILED {s}; head -5 out; }}\n" for s in STRESSORS)
    log = boot_archive(tmp_path, shell_root(script + "echo all done\n", STRESS_NG))
    assert "all done\n" in log, log[-2000:]
    assert "FAILED" not in log and "panic" not in log, log[-4000:]


@pytest.mark.timeout(TIMEOUT + 60)
def test_python_starts(tmp_path):
    """An interpreter that looks for hundreds of files, with threads and a child of its own."""
    python = pathlib.Path("/usr/bin/python3").resolve()
    library = pathlib.Path(f"/usr/lib/{python.name}")
    files = [str(p) for p in library.rglob("*")
             if p.is_file() and p.suffix in (".py", ".so") and
             not {"test", "idlelib", "site-packages"} & set(p.relative_to(library).parts)]
    program = ("import sys, json, threading, subprocess, tempfile, hashlib, selectors, signal\n"
               "t = threading.Thread(target=lambda: print('thread'))\n"
               "t.start(); t.join()\n"
               "print(subprocess.run(['echo', 'child'], capture_output=True).stdout)\n"
               "print(hashlib.sha256(b'nub').hexdigest()[:8], json.dumps([1, None]))\n"
               "with tempfile.TemporaryFile() as f: print(f.write(b'x' * 5000))\n"
               "print('python', sys.version_info >= (3, 11))\n")
    log = boot_archive(tmp_path, shell_root(f"cat >p.py <<'E'\n{program}E\n{python.name} p.py\n",
                                            python, files=files))
    digest = hashlib.sha256(b"nub").hexdigest()[:8]
    assert f"thread\nb'child\\n'\n{digest} [1, null]\n5000\npython True\n" in log, log[-2000:]


def test_size_of_the_kernel():
    assert KERNEL.stat().st_size <= KERNEL_KIB << 10


# Functions that come to call themselves, each with its bound: a kernel stack is 16 KiB.
RECURSIVE = {
    "clear_node": "levels of a radix tree",
    "free_level": "levels of page tables",
    "depth_above": "epolls above one another", "depth_below": "the same",
    "exec_depth": "scripts that name scripts", "exec_script": "the same",
    "netdev_xmit": "a frame is cut once", "xmit_cut": "the same",
    "__stack_chk_fail": "a panic ends", "backtrace_print": "the same", "panic": "the same",
    "panic_common": "the same", "printk": "the same", "put_number": "the same",
    "vsnprintf": "the same",
}


def recursive(kernel):
    """The functions of a kernel that can come to call themselves, pointers to functions left
    out."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", kernel], check=True, text=True,
                          capture_output=True).stdout
    calls, names, at = {}, {}, None
    for line in text.splitlines():
        if start := re.match(r"([0-9a-f]+) <([^>]+)>:", line):
            at = int(start[1], 16)
            names[at], calls[at] = start[2].split(".")[0], set()
        elif call := re.search(r"\bcall +([0-9a-f]+) <", line):
            calls[at].add(int(call[1], 16))

    def reached(function):
        seen, todo = set(), list(calls[function])
        while todo:
            callee = todo.pop()
            if callee not in seen:
                seen.add(callee)
                todo += calls.get(callee, ())
        return seen

    return {names[function] for function in calls if function in reached(function)}


def test_recursion_is_known():
    """A program's nesting must not nest on the kernel's stack."""
    found = recursive(KERNEL.with_name("kernel-nub.debug"))
    assert found - RECURSIVE.keys() == set(), "bound it, and say how in RECURSIVE"


def test_hypercalls_are_documented(tmp_path):
    """docs/hypercalls.md is made from kernel/hypercalls.tbl."""
    made = tmp_path / "hypercalls.md"
    subprocess.run(["python3", TREE / "kernel/scripts/hypercalls.py", "doc",
                    TREE / "kernel/hypercalls.tbl", made], check=True)
    assert made.read_text() == (TREE / "docs/hypercalls.md").read_text(), \
        "run make golden"


# Hypercalls that the system tests need not show, and QEMU's function that makes each.
UNSEEN = {
    ("dm_op", "destroy_ioreq_server"): "xen_exit_notifier",
    ("dm_op", "modified_memory"): "xen_hvm_modified_memory",
    ("dm_op", "remote_shutdown"): "destroy_hvm_domain",
    ("hvm_op", "HVMOP_set_param"): "xen_suspend_notifier, xen_wakeup_notifier",
}


def test_hypercalls_seen_are_those_of_the_table():
    """The hypercalls that QEMU was seen to make are those that kernel/hypercalls.tbl lets pass."""
    table = {tuple(line.split()[:2]) for line in
             (TREE / "kernel/hypercalls.tbl").read_text().splitlines() if not line.startswith("#")}
    calls = {name for name, _ in table}
    seen = {tuple(line.split()[:2]) for line in
            (TREE / "tests/system/hypercalls.txt").read_text().splitlines()
            if line.split()[0] in calls}
    assert seen and seen <= table, seen - table
    assert table - seen <= UNSEEN.keys() <= table, (table - seen) ^ UNSEEN.keys()


def test_ioctls_are_those_of_the_table(tmp_path):
    """Each request that a handler knows is in kernel/ioctl_names.tbl, and the other way round."""
    made = tmp_path / "ioctls.md"
    subprocess.run(["python3", TREE / "kernel/scripts/ioctls.py", "doc",
                    TREE / "kernel/ioctl_names.tbl", made], check=True)
    assert made.read_text() == (TREE / "docs/ioctls.md").read_text(), \
        "run make golden"
    table = {line.split()[1] for line in (TREE / "kernel/ioctl_names.tbl").read_text().splitlines()
             if line and not line.startswith("#")}
    handled = set()
    for path in (TREE / "kernel").rglob("*.c"):
        handled |= set(re.findall(
            r"(?:case |cmd [!=]= )((?:IOCTL_|TUN|SIOC|BLK|FIO|TC|TIOC)[A-Z0-9_]*[A-Z0-9])\b",
            path.read_text()))
    handled = {h for h in handled if not re.match(r"BLK_|BLKIF", h)}
    handled.discard("BLKDISCARDZEROES")  # Linux has taken it out of its headers
    assert handled == table, f"only in one of them: {sorted(handled ^ table)}"


def test_documented_calls_are_those_of_the_table(tmp_path):
    made = tmp_path / "syscalls.md"
    subprocess.run(["python3", TREE / "kernel/scripts/syscalls.py", "doc",
                    TREE / "kernel/syscalls.tbl", made, TREE / "tests/abi"], check=True)
    assert made.read_text() == (TREE / "docs/syscalls.md").read_text(), \
        "run make golden"


EXERCISED = TREE / "tests/abi/exercised.txt"


def uses(log):
    """{(call, argument, name): [program: case]}, as the kernel told it."""
    found, program, case = {}, None, None
    for line in log.splitlines():
        if told := re.fullmatch(r"nub: use (\S+) (\S+) (\S+)", line):
            if program and case:
                found.setdefault(told.groups(), []).append(f"{program}: {case}")
        elif begin := re.fullmatch(r"=== begin (\S+)", line):
            program, case = begin[1].removesuffix("-static"), None
        elif line.startswith("=== end"):
            program = None
        elif program and re.match(r"[a-zA-Z]", line) and not line.startswith("nub: "):
            case = line
    return found


def boot_telling(tmp):
    """Boots the kernel that tells which flags are used, with all programs."""
    names = [n for n in NAMES if n.endswith("-static")] + ["refused"]
    return uses(boot_archive(tmp, archive(names), "nub.crash=none",
                             KERNEL.with_name("kernel-nub-test")))


def wanted():
    """Each name of the table, and a value that a rule does not name."""
    return {(call.name, rule.arg, name) for call in TABLE for rule in call.rules
            for name in rule.names + rule.bits + ([syscalls.OTHERS] if rule.kind != "!" else [])}


@pytest.mark.timeout(TIMEOUT + 60)
def test_every_flag_of_the_table_is_exercised(tmp_path):
    """Each flag, command and option of kernel/syscalls.tbl, and a value that it does not name, is
    given to its call. The case is the one that tests/abi/exercised.txt names: the kernel tells so."""
    claimed, seen = syscalls.shown(EXERCISED), boot_telling(tmp_path)
    never = sorted(" ".join(use) for use in wanted() - set(seen))
    assert not never, f"no test program makes use of: {'; '.join(never)}"
    assert set(claimed) == wanted(), f"run tests/abi/exercise.py: {set(claimed) ^ wanted()}"
    wrong = {use: where for use, where in claimed.items() if where not in seen[use]}
    assert not wrong, f"run tests/abi/exercise.py: not so {wrong}"


@pytest.mark.timeout(TIMEOUT + 60)
def test_what_the_table_does_not_know_is_refused(tmp_path):
    """Every other bit and value of every argument with a rule."""
    log = boot_archive(tmp_path, root("abi-unknown"))
    end = re.search(r"^(\d+) rules, (\d+) tried, (\d+) wrong$", log, re.M)
    assert end, log[-2000:]
    assert int(end[1]) == sum(rule.kind != "~" for call in TABLE for rule in call.rules)
    assert int(end[2]) > 20 * int(end[1]) and end[3] == "0", log[-3000:]
