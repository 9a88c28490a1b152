# SPDX-License-Identifier: MIT
"""Wrong configs: `xl create` fails at once, the log says in one line why, nothing is left."""
import json
import re

import pytest

from guestlib.guest import Stub

# libxl's words when it gave up waiting: a failure must be told, not waited for.
GAVE_UP = "startup timed out"

CASES = {
    # name: (changes to the guest's config, the words that the log's line must have)
    "missing_disk": (
        {"disk": ["format=raw,vdev=hda,access=rw,target=/nowhere/disk.img"]},
        None),
    "bad_option": (
        {"device_model_args": ["-stubdom", "colour=red"]}, r"colour"),
    "bad_value": (
        {"device_model_args": ["-stubdom", "type=hvm"]}, r"type=?.*hvm|hvm.*type"),
    "unsupported_argument": (
        {"device_model_args": ["-virtfs", "local,path=/,mount_tag=x,security_model=none"]},
        r"virtfs"),
    "unknown_argument": (
        {"device_model_args": ["-nonsense"]}, r"-nonsense"),
    "missing_image": (
        {"device_model_args": ["-stubdom", "image=/nowhere"]}, r"/nowhere"),
    "too_little_memory": (
        {"device_model_args": ["-stubdom", "memory=8"]}, r"memory"),
    "label_without_policy": (  # Debian builds Xen without XSM
        {"device_model_args": ["-stubdom", "seclabel=system_u:system_r:dm_dom_t"]},
        r"seclabel=system_u:system_r:dm_dom_t: this Xen enforces no policy"),
    "mac_given_twice": (
        {"vif": ["mac=00:16:3e:00:00:77,bridge=xenbr0,model=e1000",
                 "mac=00:16:3E:00:00:77,bridge=xenbr1,model=rtl8139"]},
        r"00:16:3e:00:00:77 is given to .* already"),
    "too_many_ptys": (
        {"channel": [f"connection=pty,name=org.test.{n}" for n in range(40)]},
        r"channel=: more with connection=pty than"),
    "missing_kernel_file": (
        {"kernel": "/nowhere/vmlinuz"}, None),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_wrong_config(make_guest, case):
    changes, named = CASES[case]
    guest = make_guest("wrong", **changes)
    done = guest.create(check=False)
    assert done.status != 0, done.text
    assert GAVE_UP not in done.text
    if named:
        lines = [line for line in guest.log().splitlines() if re.search(named, line)]
        assert len(lines) == 1, f"not one line with '{named}' in the log:\n{guest.log()}"
        assert re.search(named, done.text), f"xl does not say why:\n{done.text}"


def test_missing_bridge(make_guest):
    guest = make_guest("wrong", vif=["mac=00:16:3e:00:00:77,bridge=nosuchbr,model=e1000"])
    done = guest.create(check=False)
    assert done.status != 0, done.text
    assert "nosuchbr" in done.text + guest.log()


def test_not_enough_memory_on_the_host(make_guest):
    guest = make_guest("wrong", stub=Stub(memory=100000))
    done = guest.create(check=False)
    assert done.status != 0
    assert GAVE_UP not in done.text
    # The holder of the memory, and the settings that help; also in xl's own output.
    for text in (guest.log(), done.text):
        assert re.search(r"needs \d+ MiB and Xen has \d+ MiB free: dom0 has \d+ MiB", text)
        assert "dom0_mem=" in text and "-stubdom memory=" in text


def test_start_that_takes_too_long(make_guest, stub):
    """The log has the vCPUs of the stub domain, and Xen's word about each."""
    guest = make_guest("wrong", stub=Stub(**{**stub.options, "timeout": 1}))
    done = guest.create(check=False)
    assert done.status != 0
    assert re.search(r"wrong-dm did not start QEMU within 1 s", done.text)
    vcpus = re.findall(r"vCPU (\d+) of the stub domain: (?:idle|running|waiting for a CPU), ran \d+ ms, at 0x[0-9a-f]{4,16}$",
                       guest.log(), re.MULTILINE)
    assert vcpus == [str(n) for n in range(stub.options.get("vcpus", 1))]


def test_damaged_image(make_guest, dom0):
    """An image whose files are not what its manifest says, or not there."""
    dom0.shell("rm -rf /opt/guests/run/image; mkdir -p /opt/guests/run; "
               "cp -a /var/lib/qemu-stubdom/image /opt/guests/run/image && "
               "rm /opt/guests/run/image/root-nub.cpio /opt/guests/run/image/root-linux.cpio")
    try:
        guest = make_guest("wrong", device_model_args=[
            "-stubdom", "image=/opt/guests/run/image"])
        done = guest.create(check=False)
        assert done.status != 0
        assert GAVE_UP not in done.text
        assert "/opt/guests/run/image/root" in guest.log()
    finally:
        dom0.run("rm", "-rf", "/opt/guests/run/image")


@pytest.fixture(name="image_read_page_by_page")
def make_image_read_page_by_page(dom0):
    """The installed image, whose kernel reads only those pages of its root that are touched."""
    installed, folder = "/var/lib/qemu-stubdom/image", "/opt/guests/run/image-touched"
    manifest = json.loads(dom0.read(f"{installed}/manifest.json"))
    manifest["kernels"]["nub"]["cmdline"] += " nub.read=touched"
    dom0.shell(f"rm -rf {folder}; mkdir -p {folder}; ln -s {installed}/* {folder}/; rm {folder}/manifest.json")
    dom0.write(f"{folder}/manifest.json", json.dumps(manifest))
    yield folder
    dom0.run("rm", "-rf", folder)


def lose_root(dom0, guest):
    dom0.run("xl", "block-detach", f"{guest.name}-dm", "xvdzz", timeout=60)
    guest.detach()
    # QEMU has made no picture yet: nobody has touched its code for that, nor pixman's.
    done = dom0.run("stubdom", "screenshot", guest.name, f"/tmp/{guest.name}.png", check=False,
                    timeout=120)
    assert done.status != 0


def test_root_taken_away(make_guest, dom0, stub, image_read_page_by_page):
    """The disk with QEMU's own files goes. QEMU ends when it needs a page that it does not have, and
    the log says why. The guest ends, too, as on_dm_crash= says."""
    if stub.options["kernel"] != "nub":
        pytest.skip("Linux gives no disk away that is mounted")
    guest = make_guest("rootless", nics=(), stub=Stub(
        **{**stub.options, "image": image_read_page_by_page, "on_dm_crash": "destroy"}))
    guest.start()
    lose_root(dom0, guest)
    dom0.wait_gone(guest.name, f"{guest.name}-dm")
    for why in (r"the root's disk \(xvdzz\) failed at page", r"QEMU ended \(signal 7\)"):
        dom0.wait_file(guest.log_path, why, seconds=60)


SCRIPTS = "/usr/libexec/qemu-stubdom"
# The stand-in of a hot-plug program runs the real one, and then spoils its work. libxl has seen the
# device by then, and does not look again.
STAND_IN = """#!/bin/sh
case "$1 $XENBUS_PATH" in
{when}) sleep {seconds} ;;
esac
{script}.real "$@" || exit
case "$1 $XENBUS_PATH" in
{when}) {spoils} ;;
esac
"""
UNBIND = "echo \"${{XENBUS_PATH#backend/}}\" | tr / - >/sys/bus/xen-backend/drivers/{}/unbind"
NO_LINK = (r"xenif0 \({mac} of the guest, on xenbr0\): its back end is not connected \(\w+\) "
           r"\d+ s after the start: see dom0's")
SPOILT = {  # program, order and device, what is done, the words of xl and of the log, and those on a slow host
    "disk closes": (  # the stub domain's first
        "stubdom-block", r"add\ backend/vbd/*/51712", UNBIND.format("vbd"),
        r"/dev/xvda: not there after 25 s.*\(xvda is {disk}, ",
        r"xvda \({disk}, .*its back end is not connected \(\w+\) \d+ s after the start: see dom0's"),
    "interface is missing": (
        "stubdom-vif", r"online\ backend/vif/*/0",
        'xenstore-rm "$(xenstore-read "$XENBUS_PATH/frontend")"',
        r"xenif0: not there after 25 s.*\(xenif0 is {mac} of the guest, on xenbr0\)", NO_LINK),
    "interface closes": (
        "stubdom-vif", r"online\ backend/vif/*/0", UNBIND.format("vif"),
        NO_LINK, NO_LINK),
}
SLOW_SECONDS = 30  # of the 40 that libxl gives a hot-plug program


@pytest.mark.long("the stub domain waits for 25 s")
@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("host", ["host", "slow host"])
def test_device_that_does_not_connect(make_guest, dom0, how, host):
    """Named before libxl's 60 s, however slow the host is, in xl's own output, too."""
    program, when, spoils, *says = SPOILT[how]
    seconds = SLOW_SECONDS if host == "slow host" else 0
    script = f"{SCRIPTS}/{program}"
    guest = make_guest("wrong")
    dom0.run("mv", script, f"{script}.real")
    try:
        dom0.write(script, STAND_IN.format(script=script, when=when, spoils=spoils,
                                           seconds=seconds))
        dom0.run("chmod", "755", script)
        done = guest.create(check=False)
    finally:
        dom0.run("mv", f"{script}.real", script)
    assert done.status != 0
    assert GAVE_UP not in done.text
    for text in (done.text, guest.log()):
        # A busy host may be slow by itself.
        assert any(re.search(s.format(disk=guest.disks[0], mac=guest.macs[0]), text)
                   for s in (says[1:] if seconds else says)), text


def test_right_after_wrong(make_guest):
    """A failure leaves nothing that is in the way of the next guest of that name."""
    guest = make_guest("wrong", device_model_args=["-stubdom", "colour=red"])
    assert guest.create(check=False).status != 0
    guest.config["device_model_args"] = ["-stubdom", guest.stub.argument()]
    guest.write_config()
    guest.start()


@pytest.mark.parametrize("option,value,remedy", [
    ("p9", "tag=x,path=/srv,security_model=none", "p9=['type=xen_9pfsd,...']"),
    ("usbctrl", "type=qusb,version=2,ports=4", "usbctrl=['type=devicemodel,...']")])
def test_device_that_nobody_serves(make_guest, dom0, option, value, remedy):
    """libxl tells of it after the device model has started: the guest does not run, xl says why,
    and removes it."""
    log = "/opt/guests/run/wrong/serial.log"
    guest = make_guest("wrong", serial=f"file:{log}", **{option: [value]})
    done = guest.create(check=False)
    assert f"its {option}= cannot be served" in done.text and remedy in done.text, done.text
    dom0.wait_gone(guest.name, guest.name + "-dm")
    assert remedy in guest.log()
    assert dom0.shell(f"cat {log} 2>/dev/null || true").stdout == ""


def test_9pfs_of_dom0(make_guest, dom0):
    """The remedy for p9=: Xen's own daemon in dom0 serves it, and the guest runs."""
    guest = make_guest("nine", nics=(), p9=[
        "tag=x,path=/srv,security_model=none,type=xen_9pfsd"])
    daemon = "/local/domain/0/libxl/xen-9pfs"
    try:
        guest.start()
        assert dom0.xenstore(f"/local/domain/0/backend/xen_9pfs/{guest.domid}/0/state") in "124"
        assert dom0.xenstore(f"{daemon}/state") == "running"
        guest.destroy()
        dom0.wait_gone(guest.name, guest.name + "-dm")
    finally:  # it serves all guests, and stays
        dom0.shell(f"kill $(xenstore-read {daemon}/pid); xenstore-rm {daemon}", check=False)
