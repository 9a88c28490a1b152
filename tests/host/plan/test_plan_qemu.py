# SPDX-License-Identifier: MIT
"""The plan's command line against a real QEMU: it starts, and names things as it would have.

Each line is given to QEMU twice: as the caller wrote it, and as the plan has it. Both answers to
the toolstack's questions must be the same. No Xen: the parts that need it (-xen-domid, the machine)
are left out of both.
"""
import json
import os
import re
import signal
import socket
import subprocess

import pytest

BUILD = os.path.realpath(os.environ.get("BUILD", "build"))
LAUNCHER = f"{BUILD}/launcher/stubdom-dm"
QEMU = "/usr/libexec/xen-qemu-system-i386"
SECONDS = 60
OWN = {"stubdom-qmp", "ctl"}


def make_plan(args):
    done = subprocess.run([LAUNCHER, "--plan", "-xen-domid", "5", "-nodefaults", *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS,
                          check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


class Qemu:
    """A QEMU without a guest, asked over a monitor of the test's own."""

    def __init__(self, args, where, program=QEMU):
        ours, theirs = socket.socketpair()
        line = [program, "-machine", "pc", "-accel", "qtest", "-accel", "tcg", "-S", "-nodefaults", "-display", "none",
                "-m", "16", *args, "-chardev", f"socket,id=ctl,fd={theirs.fileno()}",
                "-mon", "chardev=ctl,mode=control"]
        self.process = subprocess.Popen(line, pass_fds=[theirs.fileno()], cwd=where,
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        theirs.close()
        ours.settimeout(SECONDS)
        self.stream = ours.makefile("rw", encoding="utf-8")
        try:
            self.read()
            self.ask("qmp_capabilities")
        except (OSError, ValueError) as e:
            self.process.kill()
            said = self.process.stderr.read().decode()
            self.close()
            raise AssertionError(f"{' '.join(line)}: {said}") from e

    def read(self):
        return json.loads(self.stream.readline())

    def ask(self, command):
        self.stream.write(json.dumps({"execute": command}) + "\n")
        self.stream.flush()
        while True:
            reply = self.read()
            if "return" in reply or "error" in reply:
                return reply["return"]

    def close(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SECONDS)
        self.process.stderr.close()


def answers(args, where):
    qemu = Qemu(args, where)
    try:
        chardevs = {c["label"]: c for c in qemu.ask("query-chardev") if c["label"] not in OWN}
        blocks = sorted((b["device"], b.get("inserted", {}).get("ro"), b["removable"])
                        for b in qemu.ask("query-block"))
        return chardevs, blocks
    finally:
        qemu.close()


def translate(argv, where, files):
    """The plan's line as it would work here: its sockets and disks in the test's directory."""
    out = []
    skip = False
    for arg, following in zip(argv[1:], argv[2:] + [None]):
        if skip or arg in ("-xen-domid",):
            skip = not skip
            continue
        if arg == "-nodefaults" or (arg == "-vnc" and following.startswith("unix:")):
            skip = arg == "-vnc"
            continue
        arg = arg.replace("/run/stubdom/", f"{where}/stub-")
        for dev, path in files.items():
            arg = arg.replace(f"/dev/{dev}", path)
        # QEMU opens a block device there; here it is a file.
        out.append(arg.replace("host_device", "file"))
    return out


LINES = {
    "serial": ["-serial", "pty", "-serial", "null", "-serial", "file:{w}/a,b.log"],
    "serial-none": ["-serial", "none", "-serial", "pty", "-serial", "unix:{w}/s,server,nowait"],
    "parallel-none": ["-parallel", "none", "-parallel", "pty", "-serial", "null"],
    "pty-path": ["-serial", "pty:{w}/pty", "-parallel", "chardev:p", "-chardev", "pty,id=p"],
    "tcp": ["-serial", "tcp:127.0.0.1:{p},server=on,wait=off", "-parallel", "pty"],
    "telnet": ["-serial", "telnet::{p},server,nowait"],
    "mux": ["-serial", "mon:pty", "-monitor", "none"],
    "stdio": ["-serial", "stdio", "-monitor", "pty"],
    "monitors": ["-monitor", "pty", "-qmp", "unix:{w}/q,server=on,wait=off", "-monitor", "none",
                 "-qmp-pretty", "pty"],
    "by-name": ["-chardev", "pty,id=x", "-mon", "chardev=x,mode=readline", "-qmp", "chardev:y",
                "-chardev", "socket,id=y,path={w}/y,server=on,wait=off", "-monitor", "pty"],
    "libxl": ["-chardev", "socket,id=libxl-cmd,path={w}/l,server=on,wait=off", "-mon",
              "chardev=libxl-cmd,mode=control", "-no-user-config", "-name", "s1",
              "-serial", "pty", "-device", "VGA,vgamem_mb=16", "-boot", "order=cda"],
    "channel": ["-chardev", "pty,id=libxl-channel0", "-debugcon", "pty",
                "-chardev", "ringbuf,id=r,size=4096"],
    "device": ["-chardev", "file,id=f,path={w}/f,append=on", "-device", "isa-serial,chardev=f"],
    "drive": ["-drive", "file={d},if=ide,index=0,media=disk,format=raw,cache=writeback",
              "-drive", "if=none,readonly=on,id=ide-5632",
              "-device", "ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0"],
    "cdrom": ["-drive", "if=none,readonly=on,id=ide-5632,file={d},format=raw",
              "-device", "ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0"],
    "hda": ["-hda", "{d}", "-cdrom", "{e}"],
    "ahci": ["-device", "ahci,id=ahci0", "-drive",
             "file={d},if=none,id=ahcidisk-0,format=raw,cache=writeback",
             "-device", "ide-hd,bus=ahci0.0,unit=0,drive=ahcidisk-0"],
    "scsi": ["-device", "lsi53c895a", "-drive",
             "file={d},id=scsi0-hd0,format=raw,if=none,readonly=off,cache=writeback",
             "-device", "scsi-hd,drive=scsi0-hd0,scsi-id=0"],
    "usb": ["-usb", "-usbdevice", "tablet", "-device", "nec-usb-xhci,id=x",
            "-drive", "file={d},if=none,id=u0,format=raw",
            "-device", "usb-storage,bus=x.0,drive=u0"],
    "namespaces": ["-device", "nvme,id=m,serial=m",
                   "-drive", "file={d},if=none,id=a,format=raw", "-device", "nvme-ns,bus=m,drive=a",
                   "-drive", "file={e},if=none,id=b,format=raw", "-device", "nvme-ns,bus=m,drive=b"],
    "floppy": ["-drive", "file={d},if=floppy,index=0,format=raw", "-fdb", "{e}"],
    "json": ["-blockdev", '{{"driver":"raw","node-name":"n","file":{{"driver":"file",'
             '"filename":"{d}"}}}}', "-device", '{{"driver":"virtio-blk-pci","drive":"n"}}'],
    "dotted": ["-blockdev", "raw,node-name=n,read-only=on,file.driver=file,file.filename={d}",
               "-device", "virtio-blk-pci,drive=n"],
    "no-acpi": ["-machine", "acpi=off"],
}


def free_port_of(arg):
    """A port that nobody listens on, for an argument that has one."""
    if "{p}" not in arg:
        return 0
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.parametrize("name", LINES)
def test_same_answers(name, tmp_path):
    for disk in ("d,1.img", "e.iso"):
        (tmp_path / disk).write_bytes(bytes(65536))
    disk = f"{tmp_path}/d,1.img"
    escaped = disk.replace(",", ",,")
    # Only key=value text doubles its commas: a bare path and JSON do not.
    line = [a.format(w=tmp_path, p=free_port_of(a), e=f"{tmp_path}/e.iso",
                     d=disk if a == "{d}" or a.startswith("{{") else escaped)
            for a in LINES[name]]
    plan = make_plan(line)
    is_json = name == "json"
    files = {d["dev"]: d["target"] if is_json else d["target"].replace(",", ",,")
             for d in plan["disks"]}
    planned = translate(plan["qemu"], str(tmp_path), files)

    before, disks_before = answers(line, tmp_path)
    after, disks_after = answers(planned, tmp_path)

    assert set(after) == set(before)
    assert disks_after == disks_before
    for channel in plan["channels"]:
        if channel.get("label") and channel["label"] not in OWN:
            assert after[channel["label"]]["filename"].startswith("disconnected:unix:")


def test_vnc_password(tmp_path):
    """The relay asks for it: QEMU, whose socket only the agent sees, does not."""
    plan = make_plan(["-vnc", "127.0.0.1:3,password=on,to=99", "-display", "none"])
    assert plan["qemu"].count("-vnc") == 1
    assert all(c["password"] for c in plan["channels"] if c["kind"] == "vnc")
    screen = plan["qemu"][plan["qemu"].index("-vnc") + 1].replace("/run/stubdom", str(tmp_path))
    qemu = Qemu(["-vnc", screen], tmp_path)
    try:
        assert qemu.ask("query-vnc")["auth"] == "none"
    finally:
        qemu.close()


CORPUS = os.path.join(os.path.dirname(__file__), "../../unit/launcher/corpus")
# Values that need Xen, a network, or a real kernel; QEMU's parsing of the rest is the test.
WITHOUT = {"-xen-domid", "-machine", "--machine", "-accel", "-kernel", "-initrd", "-append", "-m"}
NOT_HERE = {"qemu-short-disks": "a flash of a size that the machine has no place for",
            "xl-vhd": "Debian's QEMU for Xen is built without vpc"}
NO_DES = "Debian's QEMU for Xen is built without DES: no VNC password"


def corpus_names():
    return sorted(n[:-5] for n in os.listdir(CORPUS)
                  if n.endswith(".json") and n != "rejected.json")


def adapt(argv, where):
    """The plan's line without what needs Xen or a tap; every disk is a file."""
    out = []
    words = iter(argv[1:])
    for word in words:
        if word in WITHOUT:
            next(words)
        elif word == "-netdev":
            backend = re.search(r'(?:\bid=|"id":")(\w+)', next(words)).group(1)
            out += ["-netdev", f"hubport,id={backend},hubid=0"]
        elif word != "-nodefaults":
            word = word.replace("/run/stubdom/", f"{where}/").replace("host_device", "file")
            out.append(re.sub(r"/dev/(xvd\w+)", lambda m: f"{where}/{m.group(1)}", word))
    return out


@pytest.mark.parametrize("name", corpus_names())
def test_corpus_starts(name, tmp_path):
    if name in NOT_HERE:
        pytest.skip(NOT_HERE[name])
    with open(f"{CORPUS}/{name}.json", encoding="utf-8") as f:
        plan = json.load(f)
    for disk in plan["disks"]:
        path = str(tmp_path / disk["dev"])
        subprocess.run(["qemu-img", "create", "-q", "-f", disk.get("format", "raw"), path, "1M"],
                       check=True, timeout=SECONDS)
    if any(",password" in a for a in plan["qemu"]):
        pytest.skip(NO_DES)
    qemu = Qemu(adapt(plan["qemu"], str(tmp_path)), tmp_path)
    try:
        labels = {c["label"] for c in qemu.ask("query-chardev")}
        assert {c["label"] for c in plan["channels"] if c.get("label")} <= labels
    finally:
        qemu.close()
