# SPDX-License-Identifier: MIT
"""nub's own drivers and /dev/xen, by a test program that is a domain's init
(tests/system/parts/xen). It tries the interfaces that QEMU uses, then devices that come and go
while the domain runs."""
import os
import re
import subprocess

import pytest

from guestlib.guest import Stub
from rigctl.cpio import Cpio

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TREE, os.environ.get("BUILD", "build"))
NAME = "xentest"
FOLDER = f"/opt/guests/run/{NAME}"
LOG = f"/var/log/xen/console/guest-{NAME}.log"
BLOCK_ID = 51728  # xvdb
LATE = "xvdq"


def ramdisk():
    root = Cpio()
    root.folder("dev")
    root.copy("init", f"{BUILD}/tests/system/parts/xen/xentest")
    return root.finish()


@pytest.fixture
def domain(dom0, leak_check, request):
    """Made and started, with a scratch disk and an interface; gone after the test."""
    config = f"""
name = "{NAME}"
type = "pvh"
kernel = "{FOLDER}/kernel"
ramdisk = "{FOLDER}/root.cpio"
cmdline = "XENTEST_CHANGES=1"
memory = 48
vcpus = {request.config.getoption("--stub-vcpus")}
tsc_mode = "native"
on_crash = "destroy"
on_poweroff = "destroy"
disk = ["format=raw,vdev=xvdb,access=rw,target={FOLDER}/scratch.img"]
vif = ["mac=00:16:3e:7e:57:01,bridge=xenbr0"]
"""
    dom0.shell(f"rm -rf {FOLDER} {LOG}; mkdir -p {FOLDER}; cd {FOLDER}; "
               "truncate -s 16M scratch.img; truncate -s 4M late.img")
    dom0.write(f"{FOLDER}/root.cpio", ramdisk())
    with open(f"{BUILD}/kernel/kernel-nub", "rb") as f:
        dom0.write(f"{FOLDER}/kernel", f.read())
    dom0.write(f"{FOLDER}/xl.cfg", config)
    yield dom0.run("xl", "create", f"{FOLDER}/xl.cfg", timeout=120)
    if NAME in dom0.domains():
        dom0.run("xl", "destroy", NAME, check=False)
    dom0.run("rm", "-rf", FOLDER)


def wait_nodes(dom0, script):
    """For what toolstack commands do not wait for themselves."""
    dom0.shell(f"timeout 120 sh -c 'until {script}; do sleep 0.1; done'", timeout=150)


def bounce(dom0, domid, kind, device):
    """The back end goes through Closing and Closed, and must come back by itself."""
    state = f"/local/domain/0/backend/{kind}/{domid}/{device}/state"
    dom0.run("xenstore-write", state, "5")
    wait_nodes(dom0, f'[ "$(xenstore-read {state})" = 4 ]')


def change(dom0, domid, word):
    nodes = f"/local/domain/{domid}/device"
    if word == "attach":
        dom0.run("xl", "block-attach", NAME,
                 f"format=raw,vdev={LATE},access=rw,target={FOLDER}/late.img")
    elif word == "detach":
        dom0.run("xl", "block-detach", NAME, LATE)
    elif word == "reconnect":
        bounce(dom0, domid, "vbd", BLOCK_ID)
    elif word == "resize":
        dom0.shell(f"truncate -s 24M {FOLDER}/scratch.img; "
                   f"losetup -c $(losetup -nO NAME -j {FOLDER}/scratch.img)")
    elif word == "vif-attach":
        dom0.run("xl", "network-attach", NAME, "mac=00:16:3e:7e:57:02", "bridge=xenbr0")
    elif word == "vif-detach":
        dom0.run("xl", "network-detach", NAME, "1")
        wait_nodes(dom0, f"! xenstore-exists {nodes}/vif/1")
    elif word == "vif-reconnect":
        bounce(dom0, domid, "vif", 0)
    else:
        raise AssertionError(f"the test domain asks for {word}")
    dom0.run("xenstore-write", f"/local/domain/{domid}/data/go", word)


def test_drivers_and_devices(domain, dom0):
    domid = dom0.domid(NAME)
    asked = 0
    while True:
        text = dom0.wait_file(LOG, "(?:ASK|END xen:) .*\n", count=asked + 1)
        lines = [line.split(maxsplit=1)[1] for line in text.splitlines()
                 if line.startswith(("ASK ", "END xen"))]
        if lines[asked].startswith("xen:"):
            break
        change(dom0, domid, lines[asked])
        asked += 1
    failed = [line for line in text.splitlines() if line.startswith("FAIL")]
    assert not failed and " 0 failed" in lines[asked], text
    assert asked == 16, text
    dom0.wait_gone(NAME)


TARGET = """
import ctypes, sys
xc = ctypes.CDLL("libxenctrl.so.4.20", use_errno=True)
xc.xc_interface_open.restype = ctypes.c_void_p
handle = ctypes.c_void_p(xc.xc_interface_open(None, None, 0))
sys.exit(xc.xc_domain_set_target(handle, int(sys.argv[1]), int(sys.argv[2])) != 0)
"""


def kernel_symbol(name):
    out = subprocess.run(["nm", f"{BUILD}/kernel/kernel-nub.debug"], check=True, text=True,
                         capture_output=True).stdout
    return next(line.split()[0] for line in out.splitlines() if line.endswith(f" {name}"))


@pytest.fixture
def with_target(dom0, leak_check):
    """The test program's domain, not yet started, and another one that is its target."""
    names = [NAME, f"{NAME}-target"]
    dom0.shell(f"rm -rf {FOLDER} {LOG}; mkdir -p {FOLDER}")
    dom0.write(f"{FOLDER}/root.cpio", ramdisk())
    with open(f"{BUILD}/kernel/kernel-nub", "rb") as f:
        dom0.write(f"{FOLDER}/kernel", f.read())
    for name in names:
        dom0.write(f"{FOLDER}/{name}.cfg", f"""
name = "{name}"
type = "pvh"
kernel = "{FOLDER}/kernel"
ramdisk = "{FOLDER}/root.cpio"
cmdline = "XENTEST_KADDR={kernel_symbol('hostname')}"
memory = 32
tsc_mode = "native"
on_crash = "destroy"
on_poweroff = "destroy"
""")
        dom0.run("xl", "create", "-p", f"{FOLDER}/{name}.cfg", timeout=120)
    ids = [dom0.domid(name) for name in names]
    dom0.run("python3", "-c", TARGET, *ids)
    dom0.run("xenstore-write", f"/local/domain/{ids[0]}/target", ids[1])
    yield
    for name in names:
        if name in dom0.domains():
            dom0.run("xl", "destroy", name, check=False)
    dom0.run("rm", "-rf", FOLDER)


def test_hypercall_firewall(with_target, dom0):
    """Every hypercall and operation, with user, kernel and unmapped addresses: a call that is not
    in kernel/hypercalls.tbl does not reach Xen."""
    said = dom0.run("xl", "dmesg").stdout
    dom0.run("xl", "unpause", NAME)
    text = dom0.wait_file(LOG, "END xen: .*\n|panic", count=1, seconds=240)
    failed = [line for line in text.splitlines() if line.startswith("FAIL")]
    assert not failed and " 0 failed" in text, text
    for end in ["\n", " for its values\n"]:
        assert 1 < text.count(f" of a program refused{end}") <= 8
    dom0.wait_gone(NAME)
    new = dom0.run("xl", "dmesg").stdout.removeprefix(said)
    target = rf"\bd{dom0.domid(NAME + '-target')}(v\d+)?\b"
    assert not [line for line in new.splitlines() if re.search(target, line)], new


def test_a_broken_kernel_is_one_clear_line(make_guest, broken_image, dom0):
    """From the exception to the toolstack: the report on the console, one line of the launcher's,
    `xl create` fails at once, nothing is left."""
    guest = make_guest("broken", stub=Stub(kernel="nub", image=broken_image))
    done = guest.create(check=False)
    assert done.status != 0
    assert "startup timed out" not in done.text
    log = guest.log()
    lines = re.findall(r"stubdom-dm: .*broken-dm says: 'kernel: kernel page fault at "
                       r"0xffff900000000000.*", log)
    assert len(lines) == 1, log
    assert re.search(r"panic: kernel page fault", log) and "kthread_run+" in log
    dom0.wait_gone("broken", "broken-dm")
