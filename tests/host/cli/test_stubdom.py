# SPDX-License-Identifier: MIT
"""stubdom against a real QEMU and its real sockets; only Xen's own answers are made up.

Runs in the workbench as root: the sockets are where stubdom looks for them.
"""
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest
from PIL import Image

TREE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
sys.path[:0] = [os.path.join(TREE, "rig")]
from guestlib import schema  # noqa: E402

BUILD = os.path.realpath(os.environ.get("BUILD", "build"))
STUBDOM = f"{BUILD}/cli/stubdom"
RUN = "/run/qemu-stubdom"
SECONDS = 60


def answers(path):
    """Whether a server listens there; its name appears a moment before."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


class Host:
    """A dom0 with one guest, 7 (s1), whose stub domain is 8; its QEMU runs here."""

    def __init__(self, where):
        self.xen = f"{where}/xen"
        self.processes = []
        self.where = where
        self.put("local/domain/7/name", "s1")
        self.put("local/domain/8/name", "s1-dm")
        self.put("local/domain/9/name", "plain")
        for key, value in (("stub", 8), ("kernel", "linux"), ("type", "pvh"), ("guest", "s1"),
                           ("launcher-pid", os.getpid()), ("started", int(time.time()) - 3661),
                           ("image", "/image"), ("qemu", "10.0.13"), ("log", f"{where}/s1.log")):
            self.put(f"local/domain/0/stubdom/7/{key}", value)
        for key, value in (("control/ready", ""), ("answers", ""),
                           ("data/stubdom-live/memory", "total=90112 available=35972")):
            self.put(f"local/domain/8/{key}", value)
        self.stage("running")

    def put(self, path, value):
        path = f"{self.xen}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(str(value))

    def stage(self, stage):
        self.put("local/domain/8/data/stubdom/stage", stage)

    def environment(self, xen=True):
        made_up = {"FAKEXEN": self.xen, "LD_PRELOAD": f"{BUILD}/tests/host/cli/fakexen.so"}
        return dict(os.environ, **(made_up if xen else {}), XDG_STATE_HOME=str(self.where),
                    TERM="xterm")

    def run(self, *args, status=0, xen=True, **kwargs):
        done = subprocess.run([STUBDOM, *args], env=self.environment(xen), timeout=SECONDS,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              **kwargs)
        assert done.returncode == status, (done.stdout, done.stderr)
        if status:
            assert done.stderr.count(b"\n") <= 1, done.stderr
        return done.stdout.decode(), done.stderr.decode()

    def start_qemu(self, *args):
        directory = f"{RUN}/7"
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self.qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-nodefaults", "-no-user-config",
             "-display", "none", "-vnc", "none", *args,
             "-chardev", f"socket,id=stubdom-qmp,path={directory}/qmp,server=on,wait=off",
             "-mon", "chardev=stubdom-qmp,mode=control"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.processes.append(self.qemu)
        end = time.monotonic() + SECONDS
        while not answers(f"{directory}/qmp"):
            assert self.qemu.poll() is None, self.qemu.stdout.read()
            assert time.monotonic() < end
            time.sleep(0.02)

    def start(self, *args, **kwargs):
        process = subprocess.Popen([STUBDOM, *args], env=self.environment(), **kwargs)
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(RUN, ignore_errors=True)


@pytest.fixture
def host(tmp_path):
    it = Host(tmp_path)
    yield it
    it.close()


class Terminal:
    """A program on a pty; `wait` for what it prints."""

    def __init__(self, host, *args, typed=b""):
        self.fd, slave = pty.openpty()
        os.write(self.fd, typed)
        self.process = host.start(*args, stdin=slave, stdout=slave, stderr=slave,
                                  start_new_session=True)
        os.close(slave)
        self.seen = b""

    def type(self, text):
        os.write(self.fd, text)

    def wait(self, text):
        end = time.monotonic() + SECONDS
        while text not in self.seen:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], self.seen
            self.seen += os.read(self.fd, 65536)
        got, self.seen = self.seen.split(text, 1)
        return got

    def finish(self):
        status = self.process.wait(SECONDS)
        while select.select([self.fd], [], [], 0)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.seen += data
        os.close(self.fd)
        return status


def read_line(process):
    assert select.select([process.stdout], [], [], SECONDS)[0]
    return process.stdout.readline()


def test_list(host):
    out, _ = host.run("list")
    head, row = out.splitlines()
    assert head.split() == ["GUEST", "ID", "STUB", "KERNEL", "TYPE", "USED-MB", "MB", "UPTIME",
                            "QEMU", "STATE"]
    assert re.fullmatch(r"s1 +7 +8 +linux +pvh +200 +256 +01:01:0\d +10\.0\.13 +running", row)
    assert host.run("list", "--names") == ("s1\n", "")
    found = schema.check("list", host.run("list", "--json")[0])
    assert found["version"] == 1
    (guest,) = found["guests"]
    assert (guest["guest"], guest["domid"], guest["stub_domid"]) == ("s1", 7, 8)
    assert (guest["state"], guest["memory_given_kb"]) == ("running", 256 * 1024)


@pytest.mark.parametrize("change, state", [
    (lambda host: host.stage("disks"), "starting (disks)"),
    (lambda host: host.stage("exited"), "ended"),
    (lambda host: host.put("local/domain/8/data/stubdom/error", "disks: xvda: not there"),
     "failed"),
    (lambda host: host.put("local/domain/0/stubdom/7/launcher-pid", 2 ** 22 - 1), "unserved"),
    (lambda host: host.put("local/domain/0/stubdom/7/silent", "1"), "silent"),
    (lambda host: shutil.rmtree(f"{host.xen}/local/domain/7"), "guest gone"),
    (lambda host: shutil.rmtree(f"{host.xen}/local/domain/8"), "stub gone"),
])
def test_states(host, change, state):
    change(host)
    assert host.run("list")[0].splitlines()[1].endswith(f"  {state}")
    schema.check("list", host.run("list", "--json")[0])


def test_a_guest_of_an_older_image_is_marked(host):
    """Once the image was made anew, and not before."""
    image = host.where / "image"
    image.mkdir()
    names = ["kernel-linux", "root.cpio.zst"]
    manifest = {"version": 1, "kernels": {"linux": {
        "file": names[0], "ramdisk": names[1:], "cmdline": ""}},
        "files": {name: {"bytes": 1, "sha256": f"{n:064x}"[::-1]} for n, name in enumerate(names)},
        "qemu": {"path": "/qemu", "version": "1", "version_text": "v", "help_text": "h",
                 "probe": {"greeting": {"QMP": {}}, "commands": {"query-version": {"return": {}}}},
                 "schema": [{"name": "str", "meta-type": "builtin", "json-type": "string"}]},
        "packages": [], "root": {"bytes": 1, "files": 1}}
    (image / "manifest.json").write_text(json.dumps(manifest))
    host.put("local/domain/0/stubdom/7/image", image)

    def older():
        assert ("an older one" in host.run("status", "s1")[0]) is \
            host.run("list")[0].splitlines()[1].endswith("running (older image)")
        return schema.check("list", host.run("list", "--json")[0])["guests"][0]["image_older"]

    assert older() is False  # started by a stubdom-dm that did not say
    host.put("local/domain/0/stubdom/7/image-mark",
             "-".join(manifest["files"][name]["sha256"][:16] for name in names))
    assert older() is False
    manifest["files"][names[1]]["sha256"] = "f" * 64
    (image / "manifest.json").write_text(json.dumps(manifest))
    assert older() is True
    os.unlink(image / "manifest.json")
    assert older() is False
    # It is not known to have the image of now, either.
    host.put("local/domain/0/stubdom/7/launcher-pid", 2 ** 22 - 1)
    every = host.start("replace", "--all", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "1 of 1 guests have their old QEMU still" in every.communicate(timeout=SECONDS)[1]
    assert every.returncode == 1


def test_hostile_words_are_made_harmless(host):
    host.put("local/domain/8/data/stubdom/error", "\x1b[2J\x1b]0;owned\x07" + "x" * 5000)
    out, _ = host.run("status", "s1")
    assert "\x1b" not in out and "\x07" not in out
    assert "x" * 150 in out and "x" * 250 not in out


def test_no_such_guest(host):
    _, err = host.run("status", "s2", status=5)
    assert err == "stubdom: no guest 's2'; 'stubdom list' shows those there are\n"
    _, err = host.run("qmp", "plain", "query-status", status=5)
    assert "'plain' has no stub domain" in err


def test_status(host):
    host.start_qemu("-S")
    out, _ = host.run("status", "7")
    assert re.search(r"^QEMU says +prelaunch$", out, re.M)
    assert re.search(r"^inside it +35 MB free of 88 MB$", out, re.M)
    found = schema.check("status", host.run("status", "s1", "--json")[0])
    assert found["qemu_status"] == "prelaunch"
    assert found["inside"] == {"total_kb": 90112, "available_kb": 35972}
    assert not os.path.exists(f"{host.xen}/local/domain/8/control/stubdom-ask")


@pytest.mark.parametrize("text", ["total=1 available=2", "total=2 available=1 ", "total=x"])
def test_memory_that_cannot_be(host, text):
    host.put("local/domain/8/data/stubdom-live/memory", text)
    assert re.search(r"^inside it +.*not of the agreed form$", host.run("status", "s1")[0], re.M)
    assert "inside" not in schema.check("status", host.run("status", "s1", "--json")[0])


def test_status_without_an_answer(host):
    os.remove(f"{host.xen}/local/domain/8/answers")
    out, _ = host.run("status", "s1")
    assert re.search(r"^QEMU says +QMP: .*/qmp: No such file", out, re.M)
    assert re.search(r"^inside it +the stub domain, domain 8, did not answer within 5 s", out, re.M)


def test_qmp(host):
    host.start_qemu("-S", "-drive", "if=none,id=cd,media=cdrom", "-device", "ide-cd,drive=cd")
    assert json.loads(host.run("qmp", "s1", "query-status")[0])["status"] == "prelaunch"
    assert json.loads(host.run("qmp", "s1", '{"execute": "cont"}')[0]) == {}
    assert json.loads(host.run("qmp", "s1", "query-status")[0])["running"] is True
    assert json.loads(host.run("qmp", "s1", "eject", "device=cd", "force=true")[0]) == {}
    schema = json.loads(host.run("qmp", "s1", "query-qmp-schema")[0])
    assert len(schema) > 500
    _, err = host.run("qmp", "s1", "no-such-thing", status=1)
    assert err.startswith("stubdom: s1: CommandNotFound: ")
    _, err = host.run("qmp", "s1", "eject", "device=7", status=1)
    assert "GenericError" in err


def test_qmp_busy(host):
    """Another client holds the one connection: it ends with words, it does not hang."""
    host.start_qemu("-S")
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(f"{RUN}/7/qmp")
        assert other.recv(1) == b"{"
        began = time.monotonic()
        _, err = host.run("qmp", "s1", "query-status", status=4)
        assert "no answer in time" in err
        assert time.monotonic() - began < 30


def test_monitor_commands(host):
    host.start_qemu("-S")
    out, _ = host.run("monitor", "s1", "-c", "info status", "-c", "info version")
    assert re.match(r"VM status: paused \(prelaunch\)\n10\.\d+\.\d+", out)
    out, _ = host.run("monitor", "s1", input=b"info status\n\n  \ninfo version\n")
    assert out.startswith("VM status: paused")
    out, _ = host.run("monitor", "s1", "-c", "nonsense")
    assert "unknown command" in out


def test_monitor_on_a_terminal(host):
    host.start_qemu("-S")
    terminal = Terminal(host, "monitor", "s1")
    terminal.wait(b"s1> ")
    terminal.type(b"info status\n")
    terminal.wait(b"VM status: paused")
    terminal.wait(b"s1> ")
    terminal.type(b"\x10\n")  # Ctrl-P: the line before
    terminal.wait(b"VM status: paused")
    terminal.wait(b"s1> ")
    terminal.type(b"announce\tx")  # Tab completes: the x lands behind it
    terminal.wait(b"_self x")
    terminal.type(b"\x15quit\n")
    terminal.wait(b"would end QEMU")
    terminal.wait(b"s1> ")
    terminal.type(b"\x04")
    assert terminal.finish() == 0
    assert host.qemu.poll() is None
    # The next one has the history.
    terminal = Terminal(host, "monitor", "s1")
    terminal.wait(b"s1> ")
    terminal.type(b"\x10\x10\n")
    terminal.wait(b"VM status: paused")
    terminal.wait(b"s1> ")
    terminal.type(b"\x04")
    assert terminal.finish() == 0


def test_monitor_ends_at_an_early_end(host):
    """Ctrl-D that is pressed before the line editor has the terminal is no character."""
    host.start_qemu("-S")
    terminal = Terminal(host, "monitor", "s1", typed=b"\x04")
    assert terminal.finish() == 0


def expected_screen(host):
    """QEMU's own picture of the screen."""
    path = f"{host.where}/qemu.ppm"
    host.run("qmp", "s1", "screendump", f"filename={path}")
    return Image.open(path)


def test_screenshot(host):
    host.start_qemu("-vga", "std", "-boot", "menu=off")
    # The BIOS has said its word: wait for anything but a black screen.
    end = time.monotonic() + SECONDS
    while expected_screen(host).getbbox() is None:
        assert time.monotonic() < end
        time.sleep(0.1)
    host.run("qmp", "s1", "stop")
    want = expected_screen(host)
    for name in ("a.png", "a.ppm"):
        host.run("screenshot", "s1", f"{host.where}/{name}")
        got = Image.open(f"{host.where}/{name}")
        assert got.size == want.size
        assert got.convert("RGB").tobytes() == want.convert("RGB").tobytes()
    done = subprocess.run([STUBDOM, "screenshot", "s1", "-"], env=host.environment(),
                          stdout=subprocess.PIPE, check=True, timeout=SECONDS)
    assert Image.open(io.BytesIO(done.stdout)).size == want.size
    full = host.where / "full.png"
    full.symlink_to("/dev/full")
    _, err = host.run("screenshot", "s1", str(full), status=3)
    assert "full.png: No space left" in err
    assert not full.is_symlink()  # half a picture is removed
    _, err = host.run("screenshot", "s1", "x.jpg", status=2)
    assert "expected FILE.png or FILE.ppm" in err


def test_screenshot_without_a_screen(host):
    """A guest without a graphics card has no picture."""
    host.start_qemu("-vga", "none", "-S")
    _, err = host.run("screenshot", "s1", f"{host.where}/a.png", status=1)
    assert "no console to take a screendump from" in err
    assert not os.path.exists(f"{host.where}/a.png")


def test_serial(host):
    guest, slave = pty.openpty()
    host.put("local/domain/7/serial/0/tty", os.ttyname(slave))
    os.close(slave)
    terminal = Terminal(host, "serial", "s1")
    terminal.wait(b"Ctrl-] detaches")
    os.write(guest, b"login: ")
    terminal.wait(b"login: ")
    terminal.type(b"root\x03\r")
    got = b""
    while len(got) < 6:
        got += os.read(guest, 100)
    assert got == b"root\x03\r"  # raw: no echo, Ctrl-C goes to the guest
    terminal.type(b"\x1d")
    terminal.wait(b"detached")
    assert terminal.finish() == 0
    os.close(guest)


def test_serial_that_ends(host):
    guest, slave = pty.openpty()
    host.put("local/domain/7/serial/1/tty", os.ttyname(slave))
    terminal = Terminal(host, "serial", "s1", "-n", "1")
    terminal.wait(b"Ctrl-] detaches")
    os.write(guest, b"bye")
    terminal.wait(b"bye")
    os.close(slave)
    os.close(guest)
    assert terminal.finish() == 5
    assert b"the serial port was closed" in terminal.seen


def test_serial_in_a_pipe(host):
    """Input is sent, the guest's output is printed, and the reader's end is the end."""
    guest, slave = pty.openpty()
    host.put("local/domain/7/serial/0/tty", os.ttyname(slave))
    process = host.start("serial", "s1", stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    process.stdin.write(b"hello\x1d\n")
    process.stdin.close()
    got = b""
    while not got.endswith(b"\n"):
        got += os.read(guest, 100)
    assert got == b"hello\x1d\n"
    os.write(guest, b"answer\n")
    assert read_line(process) == b"answer\n"
    process.stdout.close()
    assert process.wait(SECONDS) == 0
    os.close(slave)
    os.close(guest)


def test_serial_without_a_pty(host):
    _, err = host.run("serial", "s1", status=5)
    assert 'serial="pty"' in err
    for path in ("/etc/passwd", "/dev/null", "/dev/pts/../null", "/dev/pts/ptmx", "/dev/pts/",
                 "/dev/pts/0/../0", "dev/pts/0", "/dev/pts/\x1b[2J"):
        host.put("local/domain/7/serial/0/tty", path)
        _, err = host.run("serial", "s1", status=3)
        assert "is no pty" in err and "\x1b" not in err, path
    host.put("local/domain/7/serial/0/tty", "/dev/pts/9999999")
    _, err = host.run("serial", "s1", status=3)
    assert "No such file" in err


NO_PTYS = """
mount -t tmpfs none /dev/pts
echo secret >/dev/pts/1
ln -s /etc/passwd /dev/pts/2
mknod /dev/pts/3 c 1 5
mkfifo /dev/pts/4
mknod /dev/pts/5 c 136 77
chown 12345 /dev/pts/5
for n in 1 2 3 4 5; do
    printf /dev/pts/$n >"$1"
    if "$2" serial s1; then exit 9; fi
done
"""


def test_serial_on_no_device(host):
    """A file with a pty's name that is none, or is another user's."""
    host.put("local/domain/7/serial/0/tty", "")
    run = subprocess.run(
        ["unshare", "-m", "sh", "-e", "-c", NO_PTYS, "sh",
         f"{host.xen}/local/domain/7/serial/0/tty", STUBDOM],
        env=host.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    assert run.stderr.count("is no pty") == 5, run.stderr


def test_log(host):
    lines = [f"line {i}\n" for i in range(2000)]
    log = host.where / "s1.log"
    log.write_text("".join(lines))
    assert host.run("log", "s1")[0] == "".join(lines)
    assert host.run("log", "s1", "-n", "3")[0] == "".join(lines[-3:])
    assert host.run("log", "s1", "-n", "0")[0] == ""
    assert host.run("log", "s1", "-n", "1000")[0] == "".join(lines[-1000:])
    assert host.run("log", "s1", "-n", "5000")[0] == "".join(lines)
    log.write_text("a\nunfinished")
    assert host.run("log", "s1", "-n", "1")[0] == "unfinished"
    log.unlink()
    _, err = host.run("log", "s1", status=3)
    assert "No such file" in err


def test_log_follow(host):
    log = host.where / "s1.log"
    log.write_text("one\n")
    process = host.start("log", "s1", "-f", stdout=subprocess.PIPE, bufsize=0)
    assert read_line(process) == b"one\n"
    with open(log, "a", encoding="utf-8") as f:
        f.write("two\n")
    assert read_line(process) == b"two\n"
    # Rotated: the rest of the old file, then the new one.
    log.rename(host.where / "s1.log.1")
    log.write_text("three\n")
    assert read_line(process) == b"three\n"
    process.send_signal(signal.SIGTERM)
    process.wait(SECONDS)


# A start as launcher and agent write it. The log got the agent's first lines late.
START = """\
2026-01-02T03:04:00.000Z stubdom-dm: called by old, process 9, 60 ms after its start and 50 ms after this program's
2026-01-02T03:04:05.000Z stubdom-dm: called by xl, process 12, 2500 ms after its start and 100 ms after this program's
2026-01-02T03:04:05.120Z stubdom-dm: guest and host are checked
2026-01-02T03:04:05.350Z stubdom-dm: the relay is ready
2026-01-02T03:04:05.400Z stubdom-dm: creating s1-dm: 88 MiB, 1 disks, 1 interfaces
2026-01-02T03:04:06.000Z stubdom-dm: hot-plug script /etc/xen/scripts/block add
2026-01-02T03:04:06.010Z stubdom-dm: hot-plug script /etc/xen/scripts/vif-bridge online
2026-01-02T03:04:06.200Z stubdom-dm: hot-plug: a device is ready
2026-01-02T03:04:06.300Z stubdom-dm: hot-plug: a device is ready
2026-01-02T03:04:06.500Z stubdom-dm: unpaused s1-dm, domain 8
2026-01-02T03:04:06.900Z agent: stage boot after 90 ms
2026-01-02T03:04:06.901Z agent: stage disks after 100 ms
2026-01-02T03:04:06.902Z agent: stage net after 200 ms
2026-01-02T03:04:06.903Z agent: stage qemu after 250 ms
2026-01-02T03:04:06.904Z agent: stage channels after 260 ms
2026-01-02T03:04:07.520Z agent: stage running after 1000 ms
2026-01-02T03:04:07.521Z agent: QEMU was linked after 650 ms; 3 channels took 40 ms, 7 answers of xenstore 12 ms
2026-01-02T03:04:07.600Z stubdom-dm: s1-dm, domain 8, runs the device model of domain 7
2026-01-02T03:04:09.100Z stubdom-dm: the toolstack has returned
2026-01-02T03:05:00.000Z stubdom-dm: hot-plug: a device is ready
"""
PHASES = {"toolstack": 1100, "guest": 1300, "launcher": 100, "checks": 120, "relay": 230, "ramdisk": 50, "libxl": 200, "build": 400, "scripts": 300,
          "nodes": 200, "unpaused": 20, "kernel": 90, "agent": 10, "disks": 100, "net": 50, "linking": 400,
          "qemu": 350, "report": 80, "return": 1500}


def put_builds(host):
    """When libxl began to build the two domains: 3.60 and 5.60 seconds."""
    second = 1767323040  # 2026-01-02T03:04:00Z
    for domid, at in ((7, "3.60"), (8, "5.60")):
        host.put(f"local/domain/{domid}/vm", f"/vm/{domid}")
        host.put(f"vm/{domid}/start_time", f"{second + int(at[0])}.{at[2:]}")


def blame(host):
    found = schema.check("blame", host.run("blame", "s1", "--json")[0])
    phases = {p["phase"]: p["ms"] for p in found["phases"]}
    assert sum(phases.values()) == found["total_ms"]
    assert [p["from_ms"] for p in found["phases"]] == \
        [sum(list(phases.values())[:i]) for i in range(len(phases))]
    return found, phases


def test_blame(host):
    """Each phase begins where the last one ends; the second start of the log counts."""
    log = host.where / "s1.log"
    log.write_text(START)
    put_builds(host)
    found, phases = blame(host)
    assert phases == PHASES
    assert (found["name"], found["toolstack"], found["whole"], found["scripts"]) == ("s1", "xl", True, 2)
    assert found["channels"] == {"count": 3, "ms": 40} and found["xenstore"] == {"count": 7, "ms": 12}
    text = host.run("blame", "s1")[0]
    assert re.search(r"^ +4\.270 +0\.400 +6  linking +QEMU's libraries", text, re.M), text
    picture = ElementTree.fromstring(host.run("blame", "s1", "--svg")[0])
    bars = [b for b in picture.iter() if b.tag.endswith("}rect") and b.get("x")]
    assert len(bars) == len(PHASES)
    widths = {name: float(bar.get("width")) for name, bar in zip(PHASES, bars)}
    assert abs(widths["return"] / widths["guest"] - 1500 / 1300) < 0.01
    # The log's first part is elsewhere, and an earlier guest's there is not this one's.
    log.write_text("2026-01-02T03:09:00.000Z qemu: hello\n")
    (host.where / "s1.log.old").write_text(START)
    assert blame(host)[1] == PHASES
    os.utime(host.where / "s1.log.old", (0, 0))
    assert "no start is in the log" in host.run("blame", "s1", status=5)[1]


def test_blame_of_what_is_not_known(host):
    """Unknown moments join their neighbours; a start that goes on has no end."""
    log = host.where / "s1.log"
    log.write_text(START.replace("2500 ms after its start", "7200000 ms after its start"))
    _, phases = blame(host)
    assert "toolstack" not in phases and "guest" not in phases and "build" not in phases
    assert phases["libxl"] == PHASES["libxl"] + PHASES["build"]
    log.write_text("".join(START.splitlines(True)[4:-3]))
    found, phases = blame(host)
    assert not found["whole"] and list(phases)[0] == "libxl" and list(phases)[-1] == "qemu"
    assert "has not been told" in host.run("blame", "s1")[0]


def test_security(host):
    """Each line says held, not held or not known; one that is not held is exit status 1."""
    def states(status):
        found = schema.check("security", host.run("security", "s1", "--json", status=status)[0])
        assert found["version"] == 1 and found["name"] == "s1" and found["stub_domid"] == 8
        assert found["held"] is (status == 0)
        return {line["restriction"]: line for line in found["restrictions"]}

    host.put("local/domain/8/target", "7")
    host.put("libxl/8/type", "pvh")
    lines = states(1)  # there is no relay, and the kernel is Linux
    for name in ("type", "target", "devices", "store-own", "store-facts", "store-others"):
        assert lines[name]["state"] == "held", lines[name]
    for name in ("kernel", "image", "processes", "relay-user", "relay-root", "relay-seccomp"):
        assert lines[name]["state"] == "not held", lines[name]
    assert lines["relay-caps"]["text"] == "there is no relay"

    # Rights of the stub domain's own, of its guest's, and of everybody's.
    os.makedirs(f"{host.xen}-rights", exist_ok=True)
    for path, rights, name in (
            ("local/domain/8/name", "8 0", "store-own"),
            ("local/domain/8/target", "0 0\n8 2", "store-own"),
            ("local/domain/0/stubdom/7/launcher-pid", "0 0\n7 3", "store-facts"),
            ("local/domain/9", "0 1", "store-others")):
        rights_file = f"{host.xen}-rights/+{path.replace('/', '+')}"
        with open(rights_file, "w", encoding="utf-8") as f:
            f.write(rights)
        line = states(1)[name]
        assert line["state"] == "not held" and f"/{path}" in line["text"], line
        os.unlink(rights_file)
    host.put("local/domain/8/target", "9")
    host.put("local/domain/8/device/pci/0", "")
    lines = states(1)
    assert lines["target"]["state"] == lines["devices"]["state"] == "not held"
    out, _ = host.run("security", "s1", status=1)
    assert re.search(r"^not held +target +/local/domain/8/target is '9', not 7$", out, re.M)
    assert len(out.splitlines()) == len(lines)
    host.run("security", "plain", status=5)
    host.run("security", status=2)


def test_status_of_the_host(host):
    """Which guests have their QEMU where, and which they get next; the workbench is a Debian."""
    found = schema.check("host", host.run("status", "--json")[0])
    assert found == {"version": 1, "enable": "off", "guests": [
        {"guest": "s1", "domid": 7, "device_model": "stubdom", "configured": "stubdom"},
        {"guest": "plain", "domid": 9, "device_model": "dom0", "configured": "stubdom"}]}
    out, _ = host.run("status")
    assert out.startswith("off: QEMU runs in dom0 for a guest whose configuration does not name "
                          "stubdom-dm.\n")
    assert re.search(r"^plain +9 +dom0 +-$", out, re.M)
    assert re.search(r"^s1 +7 +stubdom +-$", out, re.M)
    # Without an image every guest would be refused.
    _, err = host.run("enable", status=3)
    assert "stubdom-select" in err or "stubdom image build" in err
    for verb in ("enable", "disable"):
        host.run(verb, "s1", status=2)
        done = subprocess.run(["setpriv", "--reuid", "65534", STUBDOM, verb], check=False,
                              stderr=subprocess.PIPE, env=host.environment(), text=True)
        assert done.returncode == 3 and "only root may" in done.stderr, done.stderr


def test_doctor_without_xen(host):
    out, _ = host.run("doctor", status=1, xen=False)
    assert re.search(r"^fail  xen +this machine does not run under Xen\n +remedy: ", out, re.M)
    found = schema.check("doctor", host.run("doctor", "--json", status=1, xen=False)[0])
    assert found["ok"] is False
    assert {"check", "status", "text", "remedy"} == set(found["checks"][0])


@pytest.mark.parametrize("machine, status, text, remedy", [
    ("hvm iommu 8192", "ok", "HVM, with hardware assisted paging", ""),
    ("iommu 8192", "fail", "hardware virtualisation is off", "turn on VT-x or AMD-V in the firmware"),
    ("hvm 100", "warn", "100 MB of memory are free", "dom0_mem="),
    ("hvm 8192", "note", "no IOMMU", ""),
])
def test_doctor_on_a_machine(host, monkeypatch, machine, status, text, remedy):
    """Machines that tests/system/test_doctor.py does not have."""
    monkeypatch.setenv("FAKEXEN_MACHINE", machine)
    checks = schema.check("doctor", host.run("doctor", "--json", status=1)[0])["checks"]
    found = [c for c in checks if c["check"] == "hardware"]
    assert [c for c in found if c["status"] == status and text in c["text"] and remedy in c["remedy"]]
    bad = {c["status"] for c in found} & {"warn", "fail"}
    assert bad == {status} & {"warn", "fail"}, found


@pytest.mark.parametrize("machine, status, text", [
    ("hvm iommu intremap 8192", "ok", "interrupt remapping is on"),
    ("hvm iommu forges 8192", "warn", "can forge interrupts"),
    ("hvm iommu 8192", "note", "does not say any more"),
    ("hvm forges 8192", None, None),
])
def test_doctor_on_interrupt_remapping(host, monkeypatch, machine, status, text):
    """Xen's log tells. It says nothing of a host that has no IOMMU."""
    monkeypatch.setenv("FAKEXEN_MACHINE", machine)
    checks = schema.check("doctor", host.run("doctor", "--json", status=1)[0])["checks"]
    found = [(c["status"], c["text"]) for c in checks if c["check"] == "pci"]
    assert [s for s, _ in found] == ([status] if status else []), found
    assert all(text in t for _, t in found)


@pytest.mark.parametrize("silent, words", [(True, "guest 7 (s1): its QEMU does not answer QMP"),
                                           (False, "nothing is left over of other guests")])
def test_doctor_names_a_silent_stub_domain(host, silent, words):
    if silent:
        host.put("local/domain/0/stubdom/7/silent", "1")
    checks = schema.check("doctor", host.run("doctor", "--json", status=1)[0])["checks"]
    (found,) = [c for c in checks if words in c["text"]]
    assert found["status"] == ("warn" if silent else "ok")
    assert not silent or "stubdom status 7" in found["remedy"]


def test_replace_by_options_that_there_are_not(host):
    for option, value, why in (("--kernel", "linux", "only nub can take a running guest"),
                               ("--topology", "wiring", "not an absolute path"),
                               ("--topology", "/etc/a b", "without spaces"),
                               ("--memory", "31", "at least 32")):
        _, err = host.run("replace", "s1", option, value, status=2)
        assert why in err


def test_replace_of_what_cannot_be_replaced(host):
    """One line, which names the guest once; of all of them it is no success, either."""
    assert host.run("replace", "--all") == ("no guest runs an older image\n", "")
    host.put("local/domain/0/stubdom/7/launcher-pid", 2 ** 22 - 1)
    assert host.run("replace", "s1", status=4) == ("", "stubdom: s1: its stubdom-dm has ended\n")
    every = host.start("replace", "--all", "--image", "/other", stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True)
    assert every.communicate(timeout=SECONDS) == ("", "stubdom: 7: its stubdom-dm has ended\n"
                                                  "stubdom: 1 of 1 guests have their old QEMU still\n")
    assert every.returncode == 1
    shutil.rmtree(f"{host.xen}/local/domain/8")
    _, err = host.run("replace", "s1", status=4)
    assert err == "stubdom: s1: its stub domain has ended, and nothing of QEMU's state is left\n"


def test_no_xenstore(host):
    _, err = host.run("list", status=3, xen=False)
    assert "xenstore cannot be reached" in err and "stubdom doctor" in err


def test_usage(host):
    verbs = re.findall(r"^  ([a-z]+) ", host.run("help")[0], re.M)
    assert len(verbs) == 22
    for verb in verbs:
        out, _ = host.run(verb, "--help")
        assert out.startswith(f"usage: stubdom {verb}")
        _, err = host.run(verb, "--no-such-option", status=2)
        assert "--help" in err or verb in err
    host.run(status=2)
    host.run("nonsense", status=2)


CRASHES = "/var/lib/qemu-stubdom/crash"
DIED = {"version": 1, "time": "2026-01-31T12:00:00Z", "guest": "s1", "guest_domid": 7,
        "why": "the end\u202e\x1b[31m", "running": True, "action": "pause", "kernel": "nub",
        "type": "pvh", "qemu": "10.0.13", "image": "/image", "image_mark": "m"}


@pytest.fixture
def crashes():
    """Evidence of three deaths; the facts of the second are damaged, the last has all files."""
    def put(name, facts, **files):
        os.makedirs(f"{CRASHES}/{name}", mode=0o700)
        for file, text in {"crash.json": facts, **files}.items():
            with open(f"{CRASHES}/{name}/{file}", "w", encoding="utf-8") as f:
                f.write(text)

    shutil.rmtree(CRASHES, ignore_errors=True)
    os.makedirs(CRASHES, mode=0o700)
    put("s1-20260131T120000Z", json.dumps(DIED))
    put("s2-20260131T120001Z", '{"time": 5, "guest": ["s2"], "running": "yes"')
    put("s1-20260131T120002Z", json.dumps({**DIED, "running": False, "action": None}),
        kernel="nub: panic: x\n  [0x1] main+0x2\n",
        log="".join(f"line {i}\n" for i in range(100)))
    os.makedirs(f"{CRASHES}/.new")
    yield
    shutil.rmtree(CRASHES)


def test_crashes(host, crashes):
    assert host.run("crashes", "--names")[0].split() == [
        "s1-20260131T120000Z", "s2-20260131T120001Z", "s1-20260131T120002Z"]
    first, broken, last = schema.check("crashes", host.run("crashes", "--json")[0])["crashes"]
    assert first["why"] == DIED["why"] and first["action"] == "pause" and first["files"] == []
    assert {v for k, v in broken.items() if k not in ("name", "files")} == {None}
    assert [f["name"] for f in last["files"]] == ["kernel", "log"]
    table = host.run("crashes")[0].splitlines()
    assert len(table) == 4 and "pause" in table[1] and "no start" in table[3]
    shown = host.run("crashes", "s1")[0]
    assert "main+0x2" in shown and "line 99" in shown and "line 79" not in shown
    assert f"{CRASHES}/s1-20260131T120002Z" in shown
    shown = host.run("crashes", "s1-20260131T120000Z")[0]
    assert "\x1b" not in shown and "\u202e" not in shown and "the end" in shown
    one = schema.check("crashes", host.run("crashes", "s1", "--json")[0])["crashes"]
    assert [c["name"] for c in one] == [last["name"]]
    assert "no crash evidence of 's3'" in host.run("crashes", "s3", status=5)[1]


def test_no_crashes(host):
    shutil.rmtree(CRASHES, ignore_errors=True)
    assert schema.check("crashes", host.run("crashes", "--json")[0])["crashes"] == []
    os.makedirs(CRASHES, mode=0o777)
    os.chmod(CRASHES, 0o777)
    assert "chmod 700" in host.run("crashes", status=3)[1]
    os.rmdir(CRASHES)
