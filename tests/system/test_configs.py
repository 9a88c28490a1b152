# SPDX-License-Identifier: MIT
"""Values of xl.cfg, and orders of xl. Each guest starts, has the devices that QEMU in dom0 would give
it, answers, ends, and leaves nothing."""
import re
import time

import pytest

# Values that one guest can have at once share a start. With QEMU 10 in dom0 those of BROKEN_IN_DOM0
# do not start at all (docs/upstream-bugs.md), so there is nothing to compare with.
HARDWARE = {
    "stdvga": {"vga": "stdvga", "videoram": 16, "timer_mode": "delay_for_missed_ticks",
               "viridian": 1, "localtime": 1, "usbversion": 1},
    "cirrus": {"vga": "cirrus", "timer_mode": "no_delay_for_missed_ticks", "usbversion": 2,
               "viridian": ["defaults", "stimer", "hcall_ipi", "!crash_ctl"], "rtc_timeoffset": 3600},
    "ac97": {"soundhw": "ac97", "acpi": 0, "apic": 1},
    "cards": {"soundhw": "hda", "device_model_args_hvm": [
        # as libxl writes soundhw= of these
        word for card in ("es1370", "sb16", "adlib", "cs4231a", "gus") for word in ("-device", card)]},
    "none": {"vga": "none", "timer_mode": "one_missed_tick_pending", "usb": 1,
             "usbdevice": ["tablet", "mouse", "keyboard", "wacom-tablet"]},
    "dog": {"device_model_args_hvm": ["-device", "i6300esb", "-watchdog-action", "reset"],
            "smbios": ["bios_vendor=Me & Co", "system_product_name=a b"], "boot": "dc"},
    "xhci": {"timer_mode": "no_missed_ticks_pending", "usbversion": 3, "viridian": ["all"]},
}
BROKEN_IN_DOM0 = {"ac97", "cards"}
OFTEN = {"cirrus", "ac97"}  # in `make check`
LONG = pytest.mark.long("every value of xl.cfg")


def works(guest):
    """It speaks, its device model answers, its disk keeps what is written."""
    assert guest.ask("echo well", "echo").endswith("echo well\n")
    assert guest.ask("pio 4", "pio 4 ")
    sector = guest.ask("write 0 1200 0x5a", "write 0 1200").split()[-1]
    assert guest.ask("read 0 1200", "read 0 1200").split()[-1] == sector


def ends(guest, dom0):
    guest.ask("poweroff", "power off")
    dom0.wait_gone(guest.name, guest.name + "-dm")


@pytest.mark.parametrize("name", [n if n in OFTEN else pytest.param(n, marks=LONG)
                                  for n in HARDWARE])
def test_hardware(make_guest, dom0, request, name):
    guest = make_guest("hw", **HARDWARE[name])
    guest.start()
    works(guest)
    devices = guest.monitor("info pci")
    if "acpi" in HARDWARE[name]:  # no PIIX4, so no way to power off
        guest.destroy()
        dom0.wait_gone(guest.name, guest.name + "-dm")
    else:
        ends(guest, dom0)
    if not request.config.getoption("--long"):
        return
    plain = make_guest("hw", stub=None, **HARDWARE[name])
    done = plain.create(paused=True, check=False)
    assert (done.status != 0) == (name in BROKEN_IN_DOM0), done.text
    if done.status == 0:
        plain.attach()
        dom0.run("xl", "unpause", plain.name)
        plain.wait("ready")
        works(plain)
        assert plain.monitor("info pci") == devices


BLOCK_SCRIPT = r"""#!/bin/bash
. "$(dirname "$0")/block-common.sh"
case "$command" in
add)
    params=$(xenstore_read "$XENBUS_PATH/params")
    dev=$(losetup -f --show "${{params#ours:}}")
    xenstore_write "$XENBUS_PATH/node" "$dev"
    echo "add $dev" >>{said}
    write_dev "$dev"
    ;;
remove)
    dev=$(xenstore_read_default "$XENBUS_PATH/node" "")
    [ -n "$dev" ] && losetup -d "$dev"
    echo "remove $dev" >>{said}
    ;;
esac
"""


# The same body with QEMU in dom0 shows what is right; it needs no second look at each change.
SIDES = ["stub", pytest.param("dom0", marks=pytest.mark.long("the measure, QEMU in dom0"))]


@pytest.fixture(name="sided")
def make_sided(make_guest, stub, request):
    """Guests of the side that this test is about."""
    def make(name, **how):
        return make_guest(name, stub=stub if request.param == "stub" else None, **how)
    make.stub = request.param == "stub"
    make.names = lambda guest: [guest.name] + ([guest.name + "-dm"] if guest.stub else [])
    return make


both_sides = pytest.mark.parametrize("sided", SIDES, indirect=True)


# Values that do not start with QEMU in dom0 either, whose limit it is, and the words.
NOT_HERE = {
    "hap": (0, "domain creation fail: Operation not supported"),  # Debian's Xen has no shadow paging
    "nestedhvm": (1, "domain creation fail: Invalid argument"),  # the rig's CPU (docs/comparison.md)
    "vga": ("qxl", "qxl"),  # Debian's QEMU for Xen has no SPICE
}


@pytest.mark.parametrize("key", NOT_HERE)
@both_sides
def test_not_here(sided, key):
    """The toolstack or the log says what is missing."""
    value, says = NOT_HERE[key]
    guest = sided("no", nics=(), **{key: value})
    done = guest.create(check=False)
    assert done.status != 0
    assert says in done.text + guest.log(), done.text + guest.log()


def vcpus(dom0, guest):
    """vCPUs that QEMU has plugged in, and those that the toolstack counts."""
    text = guest.monitor("info cpus")
    listed = dom0.run("xl", "vcpu-list", guest.name).stdout.splitlines()[1:]
    return len(re.findall(r"CPU #", text)), len([x for x in listed if " --p " not in x])


@both_sides
def test_more_vcpus_and_memory_to_come(sided, dom0):
    """Two vCPUs of 128, and less memory than the address space, which goes beyond 4 GiB."""
    guest = sided("large", vcpus=2, maxvcpus=128, memory=64, maxmem=4700, nics=())
    guest.start()
    works(guest)
    assert vcpus(dom0, guest)[0] == 2
    dom0.run("xl", "vcpu-set", "-i", guest.name, "4")
    assert vcpus(dom0, guest)[0] == 4
    dom0.run("xl", "vcpu-set", "-i", guest.name, "7")
    assert vcpus(dom0, guest)[0] == 7
    # Beyond the fourth GiB: the last pages of a guest with so much.
    kept = guest.ask("keep 9", "keep").split()[-1]
    assert guest.ask("kept", "kept").split()[-1] == kept
    guest.ask("poweroff", "power off")
    dom0.wait_gone(*sided.names(guest))


@both_sides
def test_name_of_any_letters(sided, dom0):
    """Blanks, umlauts and signs of the shell in a guest's name."""
    name = "Bäcker & Söhne 7"
    guest = sided("letters", nics=())
    guest.config["name"] = guest.name = name
    guest.write_config()
    guest.start()
    works(guest)
    assert "QEMU" in guest.monitor("info version") or guest.monitor("info version")
    if guest.stub:
        assert dom0.domid(name + "-dm")
        assert name in dom0.run("stubdom", "list").stdout
        assert "running" in dom0.run("stubdom", "status", name).stdout
        assert dom0.run("stubdom", "log", name).stdout
    guest.detach()
    dom0.run("xl", "rename", name, "Ærø 2")
    guest.name = "Ærø 2"
    guest.attach()
    if guest.stub:
        assert dom0.call("wait_domain", 120, name=guest.name + "-dm", other=None, seconds=120)
    guest.ask("poweroff", "power off")
    dom0.wait_gone(*sided.names(guest))
    dom0.run("rm", "-rf", "/opt/guests/run/letters")


@pytest.mark.long("an administrator's own script")
@both_sides
def test_block_script(sided, dom0):
    """A disk whose script makes its block device: the device is used, and given back at the end."""
    script, said = "/etc/xen/scripts/block-ours", "/root/block-ours.log"
    guest = sided("script", nics=())
    guest.config["disk"] = [f"format=raw,vdev=hda,access=rw,script=block-ours,target=ours:{guest.disks[0]}"]
    guest.write_config()
    dom0.write(script, BLOCK_SCRIPT.format(said=said))
    dom0.run("chmod", "755", script)
    try:
        for turn in range(2):
            guest.start()
            works(guest)
            guest.ask(f"write 0 1201 {0x61 + turn}", "write 0 1201")
            assert dom0.read(said).splitlines()[-1].startswith("add /dev/loop")
            guest.detach()
            dom0.run("xl", "shutdown", "-F", "-w", guest.name, timeout=120)
            dom0.wait_gone(*sided.names(guest))
            dom0.wait_file(said, r"(?s)" + r"remove .*" * (turn + 1))
            end = time.monotonic() + 20
            while dom0.run("losetup", "-j", guest.disks[0]).stdout:
                assert time.monotonic() < end, dom0.run("losetup", "-a").stdout
            assert set(dom0.sector(guest.disks[0], 1201)) == {0x61 + turn}
    finally:
        dom0.run("rm", "-f", script, said)


@pytest.mark.long("names are no matter of the machine")
@both_sides
def test_long_name(sided, dom0):
    """200 letters; the file system and the sockets' addresses have less room than that."""
    name = "n" + "abcdefghij" * 19 + "123456789"
    guest = sided("long", nics=())
    guest.config["name"] = guest.name = name
    guest.write_config()
    guest.start()
    works(guest)
    if guest.stub:
        assert name in dom0.run("stubdom", "list").stdout
        assert "running" in dom0.run("stubdom", "status", name).stdout
        dom0.run("xl", "destroy", name + "-dm")  # its evidence has a name, too
        dom0.wait_gone(name + "-dm")
        assert dom0.call("wait_xenstore_there", 60, seconds=60,
                         path=f"/local/domain/0/stubdom/{guest.domid}/died")
        assert name in dom0.run("stubdom", "crashes").stdout
    guest.destroy()
    dom0.wait_gone(*sided.names(guest))
    dom0.run("rm", "-rf", "/opt/guests/run/long")


@pytest.mark.long("both guests have a screen")
@both_sides
def test_screen_taken(sided, dom0):
    """A second guest on a display that the first one has, without vncunused=: it does not start,
    and the first goes on."""
    one, two = (sided(name, nics=(), vnc=1, vncdisplay=7, vncunused=0) for name in ("seven1", "seven2"))
    one.start()
    done = two.create(check=False)
    assert done.status != 0
    assert "ddress already in use" in done.text + two.log(), done.text + two.log()
    works(one)
    ends(one, dom0)


# Programs that Xen's scripts need and the rig has not.
STAND_INS = {
    "ovs-vsctl": 'echo "$@" >>{log}',
    "ifconfig": '[ "$2" = down ] || ip addr add "$2/32" dev "$1"; ip link set "$1" up',
}


@pytest.mark.long("Xen's scripts take their time in the rig")
@both_sides
def test_vif_scripts(sided, dom0):
    """Xen's scripts for Open vSwitch, routing and NAT: the guest's interfaces are set up as with
    QEMU in dom0."""
    guest = sided("scripts", nics=("e1000", "e1000", "e1000"))
    log = f"{guest.folder}/ovs"
    guest.config["vif"] = [
        f"mac={guest.macs[0]},model=e1000,bridge=ovs0.7:8:9,script=vif-openvswitch",
        f"mac={guest.macs[1]},model=e1000,ip=10.99.0.77,gatewaydev=xenbr0,script=vif-route",
        f"mac={guest.macs[2]},model=e1000,ip=10.99.0.79,gatewaydev=xenbr0,script=vif-nat"]
    guest.config["device_model_args"] = ["-global", "e1000.romfile="] + \
        guest.config["device_model_args"]
    guest.write_config()
    try:
        for name, text in STAND_INS.items():
            dom0.write(f"/usr/sbin/{name}", "#!/bin/sh\n" + text.replace("{log}", log) + "\n")
            dom0.run("chmod", "+x", f"/usr/sbin/{name}")
        guest.start()
        works(guest)
        said = dom0.read(log)
        for dev in (f"vif{guest.domid}.0", f"vif{guest.domid}.0-emu"):
            assert f"add-port ovs0 {dev} tag=7 trunk=8,9 " in said, said
        pv, tap = f"vif{guest.domid}.1", f"vif{guest.domid}.1-emu"
        assert {pv, tap} <= set(dom0.run("ip", "route", "show", "10.99.0.77").stdout.split())
        # Xen's vif-nat does nothing for taps.
        assert f"vif{guest.domid}.2" in dom0.run("ip", "route", "show", "10.99.0.79").stdout.split()
        guest.ask("poweroff", "power off")
        dom0.wait_gone(*sided.names(guest))
    finally:
        dom0.shell("cd /usr/sbin && rm -f " + " ".join(STAND_INS))


CRASHES = ["destroy", "restart", "rename-restart", "preserve", "coredump-destroy",
           "coredump-restart"]
# libxenctrl maps each frame number below 3.75 GiB by itself, a million, also of a small guest.
DUMP_SECONDS = 1500


@pytest.mark.parametrize("action", [a if a == "restart" else
                                    pytest.param(a, marks=LONG) for a in CRASHES])
@both_sides
def test_on_crash(sided, dom0, action):
    """The guest crashes; what the configuration says becomes of it."""
    if action.startswith("coredump") and not sided.stub:
        pytest.skip("ten minutes of libxenctrl's; a dump is no device model's work")
    guest = sided("crash", nics=(), on_crash=action, serial="file:/opt/guests/run/crash/serial.log")
    log = f"{guest.folder}/serial.log"
    dumped = action.startswith("coredump")
    seconds = DUMP_SECONDS if dumped else 120
    dom0.run("mkdir", "-p", "/var/lib/xen/dump")  # Debian has it not
    guest.create()
    dom0.wait_file(log, "bios-guest: ready")
    before = dom0.domains()
    dom0.run("rm", log)  # the next QEMU begins another
    assert dom0.call("shut_down", domid=guest.domid, why="crash") == 0
    if action == "preserve":
        # The domain stays for whoever wants to look at it, as does its device model.
        assert dom0.call("wait_crashed", 60, name=guest.name, seconds=60)
        assert dom0.domains() == before
        assert "paused" in guest.monitor("info status") or "running" in guest.monitor("info status")
    elif action == "rename-restart":
        # The crashed one keeps its disk, so the next one's QEMU does not get it.
        dom0.wait_file("/var/log/xen/xl-crash.log", "device model did not start")
    elif action.endswith("destroy"):
        dom0.wait_gone(*sided.names(guest), seconds=seconds)
    else:
        for name in sided.names(guest):
            assert dom0.call("wait_domain", seconds, name=name, other=before[name], seconds=seconds)
        dom0.wait_file(log, "bios-guest: ready")
    if dumped:
        assert int(dom0.shell("stat -c %s /var/lib/xen/dump/*crash*").stdout) > 1 << 20
    if action == "rename-restart":
        old = [n for n in dom0.domains() if n.startswith("crash-")]
        assert len([n for n in old if not n.endswith("-dm")]) == 1, dom0.domains()
        dom0.run("xl", "destroy", [n for n in old if not n.endswith("-dm")][0], timeout=120)
    if guest.domid is not None:
        guest.destroy()
    dom0.run("rm", "-rf", "/var/lib/xen/dump")
    dom0.wait_gone(*sided.names(guest))


@both_sides
def test_triggers(sided, dom0, request):
    """Each that xl knows; the guest goes on, restarts or ends."""
    guest = sided("trigger", nics=())
    guest.start()
    for trigger in ("nmi", "init", "sleep", "s3resume"):
        dom0.run("xl", "trigger", guest.name, trigger, check=trigger != "init")  # Xen has no init
        works(guest)
    first = guest.domid
    dom0.run("xl", "trigger", guest.name, "reset", check=False)
    works(guest)
    assert guest.domid == first
    if guest.stub:
        # QEMU in dom0 ends of it (docs/upstream-bugs.md).
        dom0.run("xl", "vkb-attach", guest.name, "backend-type=qemu")
        dom0.wait_file(guest.log_path, "new PV device vkbd 1 is not served: .* at its start only")
        works(guest)
        dom0.run("xl", "vkb-detach", guest.name, "1")
    if request.config.getoption("--long"):
        # A guest without a driver for it does not let it go: libxl takes it after 20 s.
        assert dom0.run("xl", "vkb-detach", guest.name, "0", check=False).status != 0
        works(guest)
    if guest.stub and request.config.getoption("--long"):
        dom0.run("xl", "vkb-attach", guest.name, "backend-type=qemu")
        dom0.wait_file(guest.log_path, "new PV device vkbd 0 is not served: .* at its start only")
        works(guest)
    dom0.run("xl", "trigger", guest.name, "power")
    guest.wait("power button")
    dom0.wait_gone(*sided.names(guest))


@pytest.mark.long("a waking guest may lose its events on a busy host (docs/upstream-bugs.md)")
@both_sides
def test_sleeps_and_wakes(sided, dom0):
    """Suspend to RAM by the guest itself and `xl trigger s3resume`; its disk works afterwards."""
    guest = sided("dozes", kind="direct", nics=())
    guest.start()
    domid = guest.domid
    guest.ask("sleep", "sleep begins")
    dom0.call("wait_asleep", 120, domid=domid, seconds=120)
    dom0.run("xl", "trigger", guest.name, "s3resume")
    guest.wait("sleep over")
    assert guest.ask("echo awake", "echo").endswith("echo awake\n")
    guest.ask("write sda 1500 0x33", "write sda 1500 ok")
    assert dom0.sector(guest.disks[0], 1500) == b"\x33" * 512
    assert guest.domid == domid


def soft_reset(sided, dom0, guest):
    """As with kdump: a kernel that crashed starts another one. The domain stays. libxl gives it
    another device model, with the state of the first."""
    domid, pid = guest.domid, guest.launcher_pid
    node = f"/local/domain/{domid}"
    guest.detach()
    assert dom0.call("shut_down", domid=domid, why="soft reset") == 0
    end = time.monotonic() + 240
    while dom0.xenstore(f"{node}/image/device-model-pid") in (None, "", str(pid)) or \
            not dom0.xenstore(f"{node}/serial/0/tty"):
        assert time.monotonic() < end, dom0.read(f"/var/log/xen/xl-{guest.name}.log")
    guest.attach()
    works(guest)
    assert guest.domid == domid
    # Xen keeps what is left of the first stub domain until the guest ends (docs/upstream-bugs.md).
    assert set(dom0.domains()) - {"(null)"} == set(sided.names(guest))


@both_sides
def test_stopped_and_started(sided, dom0, request):
    """`xl suspend` and `resume`; guest and device model paused, for minutes with --long. With
    --long the guest also asks for a soft reset."""
    guest = sided("stops", nics=())
    guest.start()
    kept = guest.ask("keep 5", "keep").split()[-1]
    dom0.run("xl", "suspend", guest.name, timeout=120)
    assert dom0.run("xl", "list", guest.name).stdout.split()[-2][3] == "s"
    dom0.run("xl", "resume", guest.name, timeout=120)
    works(guest)
    for name in sided.names(guest):
        dom0.run("xl", "pause", name)
    # Nothing happens in this time, and that is what is tried.
    time.sleep(150 if request.config.getoption("--long") else 15)
    for name in reversed(sided.names(guest)):
        dom0.run("xl", "unpause", name)
    works(guest)
    if request.config.getoption("--long"):
        soft_reset(sided, dom0, guest)
    assert guest.ask("kept", "kept").split()[-1] == kept
    guest.ask("poweroff", "power off")
    dom0.wait_gone(*sided.names(guest))


@both_sides
def test_restored_elsewhere(sided, dom0):
    """One saved state becomes two guests of other names on other disks; one comes through a pipe
    with a name, paused, and nobody waits for its end."""
    guest = sided("origin", nics=())
    guest.start()
    kept = guest.ask("keep 6", "keep").split()[-1]
    sector = guest.ask("write 0 1200 0x41", "write 0 1200").split()[-1]
    state = f"{guest.folder}/state"
    dom0.run("xl", "save", guest.name, state, timeout=240)
    guest.detach()
    dom0.wait_gone(*sided.names(guest))
    clones = []
    for name in ("clone1", "clone2"):
        clone = sided(name, nics=())
        dom0.run("cp", guest.disks[0], clone.disks[0])
        clones.append(clone)
    pipe = f"{guest.folder}/pipe"
    dom0.shell(f"mkfifo {pipe}; cat {state} >{pipe} & "
               f"xl restore -p -e {clones[0].config_path} {pipe}", timeout=240)
    dom0.run("xl", "restore", clones[1].config_path, state, timeout=240)
    clones[0].attach()
    dom0.run("xl", "unpause", clones[0].name)
    clones[1].attach()
    for clone in clones:
        assert clone.ask("kept", "kept").split()[-1] == kept
        assert clone.ask("read 0 1200", "read 0 1200").split()[-1] == sector
    # Each has its own disk.
    clones[0].ask("write 0 1201 0x42", "write 0 1201")
    for clone in clones:
        clone.destroy()
    dom0.wait_gone(*[n for c in clones for n in sided.names(c)])
    # Now: kernel=linux may have kept the write until then, as nobody has flushed it.
    assert set(dom0.sector(clones[0].disks[0], 1201)) == {0x42}
    assert set(dom0.sector(clones[1].disks[0], 1201)) != {0x42}


@both_sides
def test_channel(sided, dom0):
    """PV consoles beside the first one, as a socket and a pty of dom0's: bytes go both ways."""
    path = "/opt/guests/run/chan/socket"
    guest = sided("chan", kind="direct", disks=0, nics=(),
                  channel=[f"connection=socket,name=org.test.0,path={path}",
                           "connection=pty,name=org.test.1"])
    guest.start()
    assert dom0.call("wait_xenstore", 60, seconds=60, value="4",
                     path=f"/local/domain/{guest.domid}/device/console/1/state")
    dom0.call("console_open", name="socket", terminal=f"unix:{path}")
    dom0.call("console_send", name="socket", text="from-dom0\n")
    assert guest.ask("tty hvc1 from-guest", "tty hvc1 said").endswith("said from-dom0\n")
    assert dom0.call("console_ask", 60, name="socket", text="", pattern="from-guest",
                     seconds=60)["found"]
    dom0.call("console_close", name="socket")
    # Where the toolstack shows a pty.
    tty = dom0.xenstore(f"/local/domain/{guest.domid}/device/console/2/tty")
    assert tty in dom0.run("xl", "channel-list", guest.name).stdout
    dom0.call("console_open", name="pty", terminal=tty)
    dom0.call("console_send", name="pty", text="from-dom0\n")
    assert guest.ask("tty hvc2 from-guest", "tty hvc2 said").endswith("said from-dom0\n")
    assert dom0.call("console_ask", 60, name="pty", text="", pattern="from-guest",
                     seconds=60)["found"]
    dom0.call("console_close", name="pty")
