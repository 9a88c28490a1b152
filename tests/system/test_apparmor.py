# SPDX-License-Identifier: MIT
"""A dom0 with AppArmor, as Debian's is: the relay's profile is enforced and in nobody's way, and so is
Debian's profile of libvirtd."""
import re

import pytest
from test_libvirt import DOMAIN, end_libvirtd, start_libvirtd, virsh  # noqa: F401: a fixture

SECURITY = "/sys/kernel/security"
PARSER = "/root/apparmor/apparmor_parser"
BASE = "/root/apparmor/apparmor.d"
RELAY = "/etc/apparmor.d/stubdom-relay"
LIBVIRTD = "/etc/apparmor.d/usr.sbin.libvirtd"

# Under a profile: each line is something that it may do or not.
TRIES = """
import os
import socket
with open("/proc/self/attr/current") as f:
    print(f.read().strip())
def may(name, do):
    try:
        do()
    except PermissionError:
        print(name, "no")
    else:
        print(name, "yes")
may("run", lambda: os.posix_spawn("/bin/true", ["true"], {}))
may("signal", lambda: os.kill(os.getppid(), 0))
may("look", lambda: open(f"/proc/{os.getppid()}/mem", "rb").close())
may("privcmd", lambda: os.close(os.open("/dev/xen/privcmd", os.O_RDWR)))
may("grants", lambda: os.close(os.open("/dev/xen/gntdev", os.O_RDWR)))
may("passwd", lambda: open("/etc/passwd", "a").close())
may("module", lambda: open("/proc/sys/kernel/core_pattern", "w").close())
may("port", lambda: open("/run/port", "w").close())
may("lookup", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close())
"""


@pytest.fixture(name="profiles")
def load_profiles(dom0, leak_check):
    """Loads profiles into dom0's kernel, which has AppArmor and no parser of its own."""
    dom0.shell(f"mountpoint -q {SECURITY} || mount -t securityfs s {SECURITY}")
    if dom0.run("test", "-e", f"{SECURITY}/apparmor/.load", check=False).status != 0:
        pytest.skip("dom0's kernel has no AppArmor")
    dom0.run("mkdir", "-p", "/root/apparmor", BASE)
    dom0.rig.push("/usr/sbin/apparmor_parser", PARSER)
    for folder in ("abi", "abstractions", "tunables"):
        dom0.rig.push(f"/etc/apparmor.d/{folder}", f"{BASE}/{folder}")
    loaded = []

    def load(path):
        dom0.run(PARSER, "--base", BASE, "--skip-cache", "--replace", path)
        loaded.append(path)

    yield load
    for path in loaded:
        dom0.run(PARSER, "--base", BASE, "--remove", path)
    dom0.run("rm", "-rf", "/root/apparmor")


def denied(dom0):
    """Lines of the kernel: refusals by a profile, since the start."""
    return [line for line in dom0.run("dmesg").stdout.splitlines() if 'apparmor="DENIED"' in line]


def label(dom0, pid):
    return dom0.read(f"/proc/{pid}/attr/current").strip()


def test_the_relay_is_held(dom0, make_guest, profiles):
    profiles(RELAY)
    before = denied(dom0)
    guest = make_guest("held", disks=1)
    guest.start()
    relay = dom0.run("pgrep", "-P", guest.launcher_pid, "-x", "stubdom-relay").stdout.strip()
    assert label(dom0, relay) == "stubdom-relay (enforce)"
    # Nothing that it does for a guest is in the way: ports, QMP with descriptors, files of dom0's.
    assert guest.ask("echo well", "echo well").endswith("echo well\n")
    dom0.run("stubdom", "screenshot", guest.name, "/root/held.png", timeout=120)
    dom0.run("stubdom", "status", guest.name)
    guest.detach()
    guest.destroy()
    dom0.run("rm", "-f", "/root/held.png")
    assert denied(dom0) == before

    # Even as root, before it has given that up.
    dom0.write("/root/tries.py", TRIES)
    said = dom0.run("python3", "-c", "import os\n"
                    "with open('/proc/self/attr/exec', 'w') as f: f.write('exec stubdom-relay')\n"
                    "os.execv('/usr/bin/python3', ['python3', '-B', '/root/tries.py'])").stdout
    dom0.run("rm", "-f", "/root/tries.py", "/run/port")
    assert said.splitlines() == [
        "stubdom-relay (enforce)", "run no", "signal no", "look no", "privcmd no", "grants yes",
        "passwd no", "module no", "port yes", "lookup yes"]


def test_under_the_profile_of_libvirtd(dom0, make_guest, profiles, virsh):  # noqa: F811
    """It lets libvirtd start what stands at QEMU's path while enabled, and end it."""
    profiles(RELAY)
    profiles(LIBVIRTD)
    end_libvirtd(dom0)
    start_libvirtd(dom0)
    dom0.run("stubdom", "enable")
    try:
        pid = dom0.run("pgrep", "-x", "libvirtd").stdout.split()[0]
        assert label(dom0, pid) == "libvirtd (enforce)"
        before = denied(dom0)
        guest = make_guest("plain", stub=None)
        text = DOMAIN.format(name=guest.name, disk=guest.disks[0], mac=guest.macs[0], stub="")
        text = re.sub(r" *<emulator>.*\n| *<xen:commandline>.*\n", "", text)
        dom0.write(f"{guest.folder}/domain.xml", text)
        virsh("create", f"{guest.folder}/domain.xml")
        assert set(dom0.domains()) == {"plain", "plain-dm"}
        virsh("screenshot", guest.name, "/root/shot", check=False)
        virsh("destroy", guest.name)
        dom0.wait_gone("plain", "plain-dm")
        ours = [line for line in denied(dom0)[len(before):] if "stubdom" in line or "xen" in line]
        assert not ours, ours
    finally:
        dom0.run("stubdom", "disable")
