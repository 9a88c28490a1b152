# SPDX-License-Identifier: MIT
"""stubdom-dm as a program: its output, its end, and the probe as libxl makes it."""
import hashlib
import json
import os
import shutil
import socket
import subprocess

import pytest

TREE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
BUILD = os.path.realpath(os.environ.get("BUILD", "build"))
LAUNCHER = f"{BUILD}/launcher/stubdom-dm"
SECONDS = 60
LINE = ["-xen-domid", "5", "-nodefaults", "-name", "s1"]


def run(*args, **kwargs):
    return subprocess.run([LAUNCHER, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, timeout=SECONDS, check=False, text=True,
                          **kwargs)


def table(path, first):
    """The cells of the table in this document whose first column has this head."""
    rows, inside = [], False
    with open(os.path.join(TREE, path), encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split(" | ")]
            inside = line.startswith("|") and (inside or cells[0] == first)
            if inside and cells[0] != first and not cells[0].startswith("--"):
                rows.append(cells)
    return rows


def test_interface():
    """A toolstack is told the same as a reader of the documents."""
    told = json.loads(run("--interface").stdout)
    assert told["version"] == 1 and told["versions"] == {"plan": 1, "manifest": 1, "boot": 1}
    assert [[str(s["status"]), s["meaning"]] for s in told["exit_statuses"]] == \
        table("docs/interface.md", "status")
    assert [[f"`{k['name']}`", k["brief"]] for k in told["stubdom_keys"]] == \
        [[row[0], row[-1]] for row in table("docs/interface.md", "key")]
    fates = {o["name"]: o["fate"] for o in told["qemu_options"]}
    documented = {row[0].split()[0].strip("`-"): row[1] for row in table("docs/options.md", "option")}
    assert fates.keys() == documented.keys()
    for name, fate in fates.items():
        if fate != "taken":
            assert documented[name].startswith(fate), name
    assert run("--interface").returncode == 0
    help_text = run("--help").stdout
    for status in told["exit_statuses"]:
        assert f"  {status['status']}  {status['meaning']}\n" in help_text


@pytest.fixture(name="image")
def make_image(tmp_path):
    """An image whose files hold nothing of use."""
    contents = {"kernel-nub": b"0123456789", "root.cpio": bytes(50 << 20)}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    manifest = {
        "version": 1,
        "kernels": {"nub": {"file": "kernel-nub", "ramdisk": ["root.cpio"],
                            "cmdline": "init=/init"}},
        "files": {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                  for name, data in contents.items()},
        "packages": [],
        "qemu": {"path": "/qemu", "version": "10.0.13", "version_text": "QEMU emulator version 10",
                 "help_text": "usage: qemu-system-i386\n",
                 "probe": {"greeting": {"QMP": {"version": {"qemu": {"major": 10}},
                                                "capabilities": ["oob"]}},
                           "commands": {"query-command-line-options": {
                               "return": [{"option": "run-with",
                                           "parameters": [{"name": "chroot"}]}]}}},
                 "schema": [{"name": "str", "meta-type": "builtin", "json-type": "string"}]},
        "root": {"bytes": 50 << 20, "files": 9},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return ["-stubdom", f"image={tmp_path}"]


CONF = "/etc/qemu-stubdom"


@pytest.fixture(name="conf")
def make_conf():
    """The configuration's own directory: in the workbench it is this test's alone."""
    if os.path.exists(CONF):
        pytest.skip(f"{CONF} is in use on this machine")
    os.makedirs(f"{CONF}/guests")
    yield CONF
    shutil.rmtree(CONF)


def check_refused(done, status, *says):
    """One line, no more, with the words in it."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and " stubdom-dm: error: " in lines[0]
    for words in says:
        assert words in lines[0]


def test_help_and_version():
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    for words in ("device_model_override", "--plan", "kernel=auto|linux|nub", "Exit status"):
        assert words in done.stdout
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("stubdom-dm ")


def test_refusals(tmp_path, image):
    check_refused(run(), 2, "no arguments", "--help")
    check_refused(run(*LINE, "-spice", "port=1,password=hidden"), 2, "argument 6, '-spice",
                  "vnc=1")
    assert "hidden" not in run(*LINE, "-spice", "port=1,password=hidden").stderr
    check_refused(run(*LINE, "-wrong"), 2, "argument 6, '-wrong': not an option")
    check_refused(run(*LINE, "-stubdom", "memory=1"), 2, "memory: '1' is not")
    check_refused(run(*LINE, "-stubdom", "image=/nonexistent"), 3,
                  "/nonexistent/manifest.json: No such file", "image=DIR")
    check_refused(run(*LINE, *image, "-drive", f"file={tmp_path}/none.img,format=raw"), 3,
                  "disk of drive 0", "none.img: No such file")
    check_refused(run(*LINE, *image, "-stubdom", "kernel=linux"), 3, "no kernel 'linux'")
    check_refused(run(*LINE, *image, "-chardev", "socket,id=c,fd=9,server=on,wait=off", "-mon",
                      "chardev=c,mode=control"), 3,
                  "descriptor 9, which the caller should have left open")


def test_image_refused(tmp_path, image):
    """Nothing is started from an image that somebody else could have made, or from half of one."""
    disk = tmp_path / "a.img"
    disk.write_bytes(bytes(512))
    line = [*LINE, *image, "-drive", f"file={disk},format=raw"]
    for name in ("manifest.json", "kernel-nub", "root.cpio", ""):
        path = tmp_path / name
        mode = path.stat().st_mode
        path.chmod(mode | 0o002)
        check_refused(run(*line), 3, "the image: ", "others than root can change", str(path.name))
        path.chmod(mode)
    kernel = tmp_path / "kernel-nub"
    kernel.write_bytes(b"0123456780")
    check_refused(run(*line), 3, "kernel-nub: not the content that the manifest says",
                  "stubdom image build")
    kernel.write_bytes(b"0123456789+")
    check_refused(run(*line), 3, "kernel-nub: 11 bytes, the manifest says 10")
    kernel.unlink()
    check_refused(run(*line), 3, "kernel-nub: No such file")
    # The probe's answers are the manifest's.
    (tmp_path / "manifest.json").chmod(0o666)
    check_refused(run("-machine", "none", "-chardev", "socket,id=c,fd=3", *image), 3,
                  "others than root")


def test_viewers():
    """One screen is several channels to one VNC server, with one listening socket."""
    plan = json.loads(run("--plan", *LINE, "-vnc", "127.0.0.1:3,to=99").stdout)
    screens = [c for c in plan["channels"] if c["kind"] == "vnc"]
    assert [c["name"] for c in screens] == ["vnc", "2-vnc", "3-vnc", "4-vnc"]
    assert {c["stub_path"] for c in screens[:4]} == {"/run/stubdom/vnc.sock"}
    assert screens[0]["endpoint"] == {"type": "tcp-listen", "host": "127.0.0.1", "port": 5903,
                                      "to": 5999}
    assert [c["endpoint"] for c in screens[1:4]] == [{"type": "shared", "with": "vnc"}] * 3


def test_websocket():
    """Browsers have a listening socket of their own, and several viewers, too."""
    for words, want in (
            (",websocket=on", {"host": "127.0.0.1", "port": 5703, "to": 5703}),
            (",websocket", {"host": "127.0.0.1", "port": 5703, "to": 5703}),
            (",websocket=on,to=99", {"host": "127.0.0.1", "port": 5703, "to": 5799}),
            (",websocket=6080", {"host": "127.0.0.1", "port": 6080, "to": 6080}),
            (",websocket=[::1]:6080", {"host": "::1", "port": 6080, "to": 6080})):
        plan = json.loads(run("--plan", *LINE, "-vnc", f"127.0.0.1:3{words}").stdout)
        channels = {c["name"]: c for c in plan["channels"]}
        channel = channels["vnc-websocket"]
        assert channel["endpoint"] == {"type": "tcp-listen", **want}
        assert channels["4-vnc-websocket"]["endpoint"] == {"type": "shared",
                                                           "with": "vnc-websocket"}
        inner = plan["qemu"][plan["qemu"].index("-vnc") + 1]
        assert channel["websocket"] and channel["stub_path"] == channels["vnc"]["stub_path"]
        assert inner == f"unix:{channel['stub_path']}"  # the relay speaks the protocol
    for words, says in (("unix:/a,websocket=on", "display's number"),
                        ("127.0.0.1:0,websocket=x", "expected websocket=on")):
        check_refused(run("--plan", *LINE, "-vnc", words), 2, says)


def test_configuration(image, conf):
    directory = image[1].split("=")[1]
    with open(f"{conf}/stubdom.conf", "w", encoding="utf-8") as f:
        f.write(f"image = {directory}\nvcpus = 2\nmemory = 100\n")
    with open(f"{conf}/guests/s1.conf", "w", encoding="utf-8") as f:
        f.write("vcpus = 3\n")
    assert run("-help").stdout == "usage: qemu-system-i386\n"
    assert run("-version").stdout == "QEMU emulator version 10\n"
    domain = json.loads(run("--plan", *LINE, "-stubdom", "memory=200").stdout)["domain"]
    assert (domain["vcpus"], domain["memory_mb"]) == (3, 200)
    with open(f"{conf}/guests/s1.conf", "a", encoding="utf-8") as f:
        f.write("vcpus: 3\n")
    check_refused(run(*LINE), 2, f"{conf}/guests/s1.conf:2: expected 'key = value'")
    assert run("-help").returncode == 0


def test_qemu_text_without_image(conf):
    with open(f"{conf}/stubdom.conf", "w", encoding="utf-8") as f:
        f.write("image = /nonexistent\n")
    check_refused(run("-help"), 3, "/nonexistent/manifest.json")


def test_one_printable_line():
    done = run(*LINE, "-drive", "file=nbd:\n\x1b[2Jx")
    check_refused(done, 2, "nbd:??[2Jx")


def test_plan(tmp_path, image):
    disk = tmp_path / "a.img"
    disk.write_bytes(bytes(4096))
    done = run("--plan", *LINE, *image, "-drive", f"file={disk},format=raw", "-chroot", "/x")
    assert done.returncode == 0 and done.stderr == ""
    plan = json.loads(done.stdout)
    assert plan["version"] == 1
    assert plan["domain"]["name"] == "s1-dm"
    assert plan["domain"]["memory_mb"] == 84  # 50 + 32, the least, in steps of 4
    assert plan["disks"][0]["target"] == str(disk)
    assert plan["notes"][0].startswith("-chroot /x: dropped")
    assert run("--plan", *LINE, *image, "-drive", f"file={disk},format=raw", "-chroot",
               "/x").stdout == done.stdout


def test_plan_without_files(image):
    """A plan is worth seeing on a host that has none of it."""
    done = run("--plan", *LINE, *image, "-drive", "file=/nonexistent.img,format=raw")
    assert done.returncode == 0
    assert json.loads(done.stdout)["disks"][0]["target"] == "/nonexistent.img"
    assert "warning: disk of drive 0: /nonexistent.img: No such file" in done.stderr
    done = run("--plan", *LINE, "-stubdom", "image=/nonexistent")
    assert json.loads(done.stdout)["domain"]["memory_mb"] == 0
    assert "warning: /nonexistent/manifest.json" in done.stderr


def test_plan_with_a_wrong_topology(tmp_path, image):
    """A line that no host can run is an error, and the plan is shown all the same."""
    wiring = tmp_path / "wiring"
    line = ["--plan", *LINE, *image, "-stubdom", f"topology={wiring}"]
    wiring.write_text("ifconfig bridge0 create\n")
    assert run(*line).returncode == 0
    for text, says in (("ifconfig bridge0 creat\n", "wiring:1:18: found 'creat'"),
                       ("ifconfig xenif7 up\n", "wiring:1:17: xenif7 is not there")):
        wiring.write_text(text)
        done = run(*line)
        assert done.returncode == 2
        assert json.loads(done.stdout)["domain"]["name"] == "s1-dm"
        assert len(done.stderr.splitlines()) == 1 and "error: topology: " in done.stderr
        assert says in done.stderr
    wiring.unlink()
    done = run(*line)
    assert done.returncode == 0 and "warning: topology: " in done.stderr


def test_probe(tmp_path, image):
    """libxl's own line, with its own listening socket."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "qmp"))
    listening.listen(1)
    line = [LAUNCHER, *image, "-S", "-no-user-config", "-nodefaults", "-nographic", "-machine",
            "none,accel=xen", "-chardev",
            f"socket,id=libxl-cmd,fd={listening.fileno()},server=on,wait=off", "-mon",
            "chardev=libxl-cmd,mode=control"]
    with subprocess.Popen(line, pass_fds=[listening.fileno()], stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:
        listening.close()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(SECONDS)
            client.connect(str(tmp_path / "qmp"))
            with client.makefile("rw", encoding="utf-8") as stream:
                assert json.loads(stream.readline())["QMP"]["capabilities"] == ["oob"]
                for command, expected in (
                        ("qmp_capabilities", {}),
                        ("query-command-line-options",
                         [{"option": "run-with", "parameters": [{"name": "chroot"}]}]),
                        ("quit", {})):
                    stream.write(json.dumps({"execute": command, "id": command}) + "\r\n")
                    stream.flush()
                    assert json.loads(stream.readline()) == {"return": expected, "id": command}
        assert process.wait(SECONDS) == 0
        assert process.stderr.read() == b""


def test_probe_without_descriptor(image):
    check_refused(run(*image, "-machine", "none"), 2, "nobody to answer")
