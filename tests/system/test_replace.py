# SPDX-License-Identifier: MIT
"""`stubdom replace`: another QEMU under a guest that goes on (docs/replace.md)."""
import json
import os
import re
import statistics

import pytest
from guestlib import hostile, schema
from guestlib.disks import BLOCK, digest, drive, journal, sha256, wait_listed
from guestlib.dom0host import ASSETS, mkdisk
from guestlib.guest import NoAnswer, Stub

BLOCKS = 200  # of the disk's 256
STATE_MAX = 1 << 20  # bytes from one QEMU to the next: none of the guest's 32 MiB and more


def check_served(guest, dom0, stub):
    """By this stub domain, and by nothing else."""
    its = {name: domid for name, domid in dom0.domains().items()
           if name.startswith(guest.name) and not name.startswith(f"{guest.name}--incoming")}  # of a migration
    assert its == {guest.name: guest.domid, guest.name + "-dm": stub}
    assert dom0.qemu_processes() == []
    found = schema.check("list", dom0.run("stubdom", "list", "--json").stdout)["guests"]
    assert [(g["state"], g["stub_domid"]) for g in found if g["guest"] == guest.name] == [("running", stub)]


def replace(guest, dom0, *args):
    old = guest.stub_domid
    said = dom0.run("stubdom", "replace", guest.name, "--json", *args, timeout=240).stdout
    done = schema.check("replace", said)
    print(said)
    assert (done["name"], done["domid"], done["old_stub"]) == (guest.name, guest.domid, old)
    assert done["stub"] != old
    assert 0 < done["state_bytes"] < STATE_MAX
    check_served(guest, dom0, done["stub"])
    return done


def digest_in_dom0(dom0, path, length):
    return dom0.shell(f"head -c {length} {path} | sha256sum").stdout.split()[0]


def refused(guest, dom0, why, *args):
    """Nothing was touched, and the message says why."""
    old = guest.stub_domid
    done = dom0.run("stubdom", "replace", guest.name, *args, timeout=240, check=False)
    assert done.status == 1 and why in done.stderr, done
    assert guest.stub_domid == old
    check_served(guest, dom0, old)


@pytest.mark.long("make check-replace")
def test_under_load(make_guest, dom0):
    """The guest writes to its disk meanwhile; its NIC, ports and QMP clients stay."""
    guest = make_guest("replaced", kind="direct", disks=1)
    guest.start()
    ours = f"/var/run/xen/qmp-libxenstat-{guest.domid}"
    guest.ask(f"journal sda 0 {BLOCKS}", "journal sda")
    *_, ran, status, stop, resume = dom0.qmp(
        ["a", "open", ours],
        ["a", "ask", {"execute": "qmp_capabilities"}],
        ["", "run", "stubdom", "replace", guest.name],
        ["a", "ask", {"execute": "query-status"}],
        ["a", "event", "STOP"],
        ["a", "event", "RESUME"])
    assert ran == 0, guest.log()
    assert status["return"]["running"] is True
    assert (stop["event"], resume["event"]) == ("STOP", "RESUME")
    check_served(guest, dom0, guest.stub_domid)
    assert "journal sda done" in guest.wait("journal sda (done|error)", 240)
    for _ in range(2):
        assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")
        replace(guest, dom0)
    assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")
    wanted = journal(BLOCKS)
    assert digest(guest, "sda", len(wanted)) == sha256(wanted)
    guest.destroy()
    assert digest_in_dom0(dom0, guest.disks[0], len(wanted)) == sha256(wanted)


STREAM = 10_000_000  # bytes: more than go through an emulated NIC while a stub domain starts
LINES = 800  # and of a UART


def start_and_replace(guest, dom0, order, end):
    """The guest is still at that when another stub domain has it; what it said."""
    dom0.call("console_send", name=guest.name, text=order + "\n")
    replace(guest, dom0)
    assert not dom0.call("console_ask", name=guest.name, text="", pattern=end, seconds=0)["found"]
    return guest.wait(end, 600)


@pytest.mark.long("make check-replace")
@pytest.mark.timeout(1800)
def test_in_flight(make_guest, dom0, traffic):
    """A TCP connection goes on, with no frame on the bridge but the guest's and dom0's. No letter of a serial
    port's is lost."""
    guest = make_guest("replaced", kind="direct", disks=0)
    guest.start()
    bridge = dom0.read("/sys/class/net/xenbr0/address").strip()
    dom0.call("capture_start", name="wire", interface="xenbr0")
    said = start_and_replace(guest, dom0, f"stream {guest.peers[0]} {traffic} u {STREAM}", "stream u ")
    senders = dom0.call("capture_senders", 120, name="wire")
    print(senders)
    assert "stream u ok" in said
    assert set(senders) == {guest.macs[0], bridge}
    said = start_and_replace(guest, dom0, f"flood {LINES}", "flood done")
    assert re.findall(r"flood ([0-9a-f]{8})", said) == [f"{n:08x}" for n in range(LINES)]


VNC_PORT = 5908
WEB_PORT = 5708
VIEWERS = {"raw": 0, "hextile": 5, "tight": 7, "zrle": 16, "web": 0}
KEY_A = ord("a")


def open_viewer(dom0, name):
    web = {"port": WEB_PORT, "websocket": True} if name == "web" else {"port": VNC_PORT}
    assert dom0.call("viewer_open", 120, name=name, host="127.0.0.1", encoding=VIEWERS[name], **web)


@pytest.mark.long("make check-replace")
def test_viewer(make_guest, dom0):
    """Viewers stay connected, twice, and see what is there, also compressed: the new QEMU begins streams of its own.
    A key that is held meanwhile can be let go."""
    guest = make_guest("replaced", nics=(), vnc=1, vnclisten=f"127.0.0.1:{VNC_PORT - 5900},websocket={WEB_PORT}")
    guest.start()
    for name in VIEWERS:
        open_viewer(dom0, name)

    def look(name):
        size = dom0.call("viewer_picture", 120, name=name, path="/tmp/view.png")
        assert set(dom0.call("viewer_encodings", name=name)) == {"raw" if name == "web" else name}
        return size, dom0.run("sha256sum", "/tmp/view.png").stdout.split()[0]

    before = look("raw")
    assert before[0] in ([320, 200], [640, 400])  # the guest's graphics
    assert [look(name) for name in VIEWERS] == [before] * len(VIEWERS)
    guest.ask("input", "input starts")
    for _ in range(2):
        dom0.call("viewer_press", name="raw", keysym=KEY_A, down=True)
        assert " key 1e" in guest.wait(" key 1e")
        replace(guest, dom0)
        assert [look(name) for name in VIEWERS] == [before] * len(VIEWERS)
        dom0.call("viewer_press", name="raw", keysym=KEY_A, down=False)
        assert " key 9e" in guest.wait(" key 9e")
    for name in VIEWERS:
        dom0.call("viewer_close", name=name)

    # A stub domain that is restored has one channel more.
    state = f"{guest.folder}/state"
    dom0.run("xl", "save", guest.name, state, timeout=240)
    guest.detach()
    dom0.wait_gone(guest.name, guest.name + "-dm")
    dom0.run("xl", "restore", state, timeout=300)
    guest.attach()
    open_viewer(dom0, "web")
    assert look("web") == before
    dom0.call("viewer_close", name="web")
    dom0.run("rm", "/tmp/view.png")


def check_meanwhile(guest, dom0):
    """The old QEMU answers while the new one starts. Letters that are typed as it is replaced are lost."""
    node = f"/local/domain/0/stubdom/{guest.domid}/replace/phase"
    answers = 0
    dom0.shell(f"stubdom replace {guest.name} >/dev/null 2>&1 &")
    assert dom0.call("wait_xenstore", 60, path=node, value="boot", seconds=60)
    second = dom0.run("stubdom", "replace", guest.name, check=False)
    assert second.status == 1 and "is at work on it" in second.stderr, second
    while dom0.xenstore(node) == "boot":
        try:
            guest.ask("echo meanwhile", "echo", 5)
        except NoAnswer:
            assert dom0.xenstore(node) != "boot"
        else:
            answers += 1
    assert answers
    dom0.wait_file(guest.log_path, "replaced: stub=")
    assert dom0.call("wait_no_domain", 60, names=[guest.name + "-dm-new"], seconds=60)
    guest.ask_awake()


@pytest.mark.long("make check-replace")
def test_bios_guest(make_guest, dom0):
    """Its memory and devices are where they were; what cannot be replaced is refused."""
    guest = make_guest("replaced")
    guest.start()
    kept = guest.ask("keep 77", "keep").split()[-1]
    sector = guest.ask("write 0 1200 0x5a", "write 0 1200").split()[-1]
    check_meanwhile(guest, dom0)
    # A migration whose toolstack died: nobody is there to say that it is over.
    *_, tracks = dom0.qmp(["a", "open", f"/var/run/xen/qmp-libxenstat-{guest.domid}"],
                          ["a", "ask", {"execute": "qmp_capabilities"}],
                          ["a", "ask", {"execute": "xen-set-global-dirty-log", "arguments": {"enable": True}}])
    assert tracks == {"return": {}}
    replace(guest, dom0)
    assert guest.ask("kept", "kept").split()[-1] == kept
    assert guest.ask("read 0 1200", "read 0 1200").split()[-1] == sector
    assert "8086100e" in guest.ask("nics", "nics done")
    replace(guest, dom0, "--memory", "96", "--vcpus", "2")
    assert dom0.run("xl", "list", guest.name + "-dm").stdout.splitlines()[1].split()[2:4] == ["96", "2"]
    refused(guest, dom0, "/nowhere/manifest.json: No such file", "--image", "/nowhere")
    dom0.run("xl", "pause", guest.name)
    refused(guest, dom0, "the guest is paused")
    dom0.run("xl", "unpause", guest.name)
    dom0.run("stubdom", "qmp", guest.name, "device_add", "driver=i6300esb", "id=dog")
    refused(guest, dom0, " devices in place of ")


HELD = "/run/test-held"


@pytest.mark.long("make check-replace")
def test_refused(make_guest, dom0):
    """Set-ups of its bridge, and a migration: nothing is touched, and the guest can be replaced afterwards."""
    guest = make_guest("replaced")
    guest.start()
    vif = f"vif{guest.domid}.0-emu"
    dom0.run("ip", "link", "set", vif, "nomaster")
    refused(guest, dom0, f"{vif} is no port of a Linux bridge")
    dom0.run("ip", "link", "set", vif, "master", "xenbr0")
    filters = "/sys/class/net/xenbr0/bridge/vlan_filtering"
    dom0.write(filters, "1")
    try:
        refused(guest, dom0, "filters VLANs")
    finally:
        dom0.write(filters, "0")
    # A migration that stands still.
    kept = guest.ask("keep 77", "keep").split()[-1]
    dom0.shell(f"xl migrate -s '' {guest.name} '{ASSETS}/dom0/cut.py memory hold={HELD} xl migrate-receive' "
               ">/dev/null 2>&1 &")
    try:
        dom0.wait_file(HELD, "[0-9]")
        helpers = dom0.run("pgrep", "-x", "libxl-save-help").stdout.split()
        refused(guest, dom0, "the guest is being migrated")
    finally:
        dom0.shell(f"kill $(cat {HELD}); rm {HELD}")
    dom0.wait_gone("replaced--incoming", "replaced--incoming-dm")
    for pid in helpers:
        assert dom0.call("wait_no_process", 60, pid=int(pid), seconds=60)
    replace(guest, dom0)
    assert guest.ask("kept", "kept").split()[-1] == kept


@pytest.mark.long("make check-replace")
def test_pv_disk_of_qemu(make_guest, dom0):
    """A PV driver that has a qcow2 disk stays with its QEMU."""
    guest = make_guest("replaced", kind="direct", disks=0, nics=(), unplug="all", modules=("xen_blkfront",))
    path = f"{guest.folder}/disk.qcow2"
    dom0.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", f"{ASSETS}/data0.img", path)
    guest.config["disk"] = [f"format=qcow2,vdev=hda,access=rw,target={path}"]
    guest.write_config()
    guest.start()
    assert "xvda" in wait_listed(guest, 1)
    refused(guest, dom0, "the guest uses its PV device ")
    wanted = mkdisk.make_disk(0)
    assert digest(guest, "xvda", len(wanted)) == sha256(wanted)


@pytest.mark.long("make check-replace")
def test_unplugged(make_guest, dom0):
    """PV drivers took the emulated disk and NIC away: the new QEMU has them no more, either. The PV
    keyboard is lost."""
    path = f"{ASSETS}/run/replaced.img"
    dom0.run("mkdir", "-p", f"{ASSETS}/run")
    dom0.run("cp", f"{ASSETS}/data0.img", path)
    guest = make_guest("replaced", kind="direct", disks=0, unplug="all",
                       modules=("ata_piix", "sd_mod", "xen_blkfront", "xen-netfront"),
                       disk=[f"format=raw,vdev=hda,access=rw,target={path}"])
    try:
        guest.start()
        assert "xvda" in wait_listed(guest, 1)
        keyboard = f"/local/domain/{guest.domid}/device/vkbd/0/state"
        assert dom0.xenstore(keyboard) == "4"
        guest.ask(f"journal xvda 0 {BLOCKS}", "journal xvda")
        replace(guest, dom0)
        assert "journal xvda done" in guest.wait("journal xvda (done|error)", 240)
        replace(guest, dom0)
        dom0.wait_file(guest.log_path, "has its vkbd 0 no more")
        assert "8086:100e" not in guest.monitor("info pci")
        assert "ide0-hd0" not in guest.monitor("info block")
        assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")
        wanted = journal(BLOCKS)
        assert digest(guest, "xvda", len(wanted)) == sha256(wanted)
    finally:
        guest.destroy()
        dom0.run("rm", path)


SCSI = f"{ASSETS}/run/replaced-scsi.img"
KINDS = {  # what the guest has in place of IDE and an e1000
    "ahci": {"disks": 1, "nics": ("rtl8139",), "hdtype": "ahci", "modules": ("ahci",)},
    "virtio-scsi": {"disks": 0, "nics": ("virtio-net",), "disk": [], "modules": ("virtio_scsi", "sd_mod"),
                    "device_model_args_hvm": ["-device", "virtio-scsi-pci,id=vs",
                                              *drive(SCSI, "scsi-hd,bus=vs.0", "d0")]},
    "tablet": {"disks": 1, "nics": ("e1000",), "usb": 1, "usbdevice": ["tablet"],
               "modules": ("uhci_hcd", "usbhid", "hid_generic", "evdev"),
               "ramdisk": f"{ASSETS}/run/replaced-ramdisk"},
}


def check_tablet(guest, dom0):
    guest.ask("input Tablet 1", "input Tablet listens")
    press = {"type": "btn", "data": {"button": "left", "down": True}}
    release = {"type": "btn", "data": {"button": "left", "down": False}}
    for event in (press, release):
        done = dom0.qmp(["a", "open", f"/var/run/xen/qmp-libxl-{guest.domid}"],
                        ["a", "ask", {"execute": "qmp_capabilities"}],
                        ["a", "ask", {"execute": "input-send-event", "arguments": {"events": [event]}}])
        assert done[-1] == {"return": {}}
    assert "event key 272" in guest.wait("input Tablet done")


@pytest.mark.long("make check-replace")
@pytest.mark.parametrize("kind", KINDS)
def test_devices(make_guest, dom0, kind):
    """Their state goes over while they work, twice."""
    dom0.shell(f"mkdir -p {ASSETS}/run; cp {ASSETS}/data0.img {SCSI}; "
               f"cat {ASSETS}/direct.cpio {ASSETS}/usb.cpio >{ASSETS}/run/replaced-ramdisk")
    guest = make_guest("replaced", kind="direct", **KINDS[kind])
    guest.start()
    wait_listed(guest, 1)
    for n in range(2):
        guest.ask(f"journal sda {n * BLOCKS // 2} {(n + 1) * BLOCKS // 2}", "journal sda")
        replace(guest, dom0)
        assert "journal sda done" in guest.wait("journal sda (done|error)", 240)
        assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")
        if kind == "tablet":
            check_tablet(guest, dom0)
    wanted = journal(BLOCKS)
    assert digest(guest, "sda", len(wanted)) == sha256(wanted)
    guest.destroy()
    assert digest_in_dom0(dom0, SCSI if kind == "virtio-scsi" else guest.disks[0], len(wanted)) == sha256(wanted)


@pytest.mark.long("make check-replace")
def test_all(make_guest, dom0):
    """Every guest with an older image, two at a time; one that cannot be replaced is left as it is."""
    guests = [make_guest("first"), make_guest("second"), make_guest("third")]
    for guest in guests:
        guest.start()
        dom0.run("xenstore-write", f"/local/domain/0/stubdom/{guest.domid}/image-mark", "of-an-older-one")
    old = [guest.stub_domid for guest in guests]
    dom0.run("xl", "pause", "third")
    done = dom0.run("stubdom", "replace", "--all", "--parallel", "2", "--json", timeout=400, check=False)
    assert done.status == 1 and "the guest is paused" in done.stderr, done
    answers = [schema.check("replace", text) for text in re.split(r"(?<=^})\n", done.stdout, flags=re.M) if text]
    assert {a["name"] for a in answers} == {"first", "second"}
    assert "1 of 3 guests have their old QEMU still" in done.stderr
    dom0.run("xl", "unpause", "third")
    assert [guest.stub_domid != was for guest, was in zip(guests, old)] == [True, True, False]
    # On a terminal it says how far it is.
    done = dom0.run("script", "-qec", "stubdom replace --all", "/dev/null", timeout=240)
    *phases, last = done.stdout.replace("\r", "").splitlines()
    assert last.startswith("third: domain "), done
    assert "third: boot" in phases and {line.split(":")[0] for line in phases} == {"third"}, done
    assert "no guest runs an older" in dom0.run("stubdom", "replace", "--all").stdout
    for guest in guests:
        guest.ask_awake()
        assert guest.ask("echo well", "echo").endswith("echo well\n")
    assert set(dom0.domains()) == {name for g in guests for name in (g.name, g.name + "-dm")}


def digest_cd(guest):
    """A changed medium's first commands may fail (test_cdrom.py)."""
    for _ in range(3):
        line = guest.ask("sum sr0 0", "sum sr0 ", 180).splitlines()[-1]
        if " error " not in line:
            break
    return line.split()[-1]


@pytest.mark.long("make check-replace")
def test_medium(make_guest, dom0):
    """The CD drive has the medium of now, also if that is another one than at the start, or none."""
    guest = make_guest("replaced", kind="direct", nics=(), modules=("sr_mod",))
    one, two = f"{guest.folder}/one.iso", f"{guest.folder}/two.iso"
    dom0.shell(f"cp {ASSETS}/data1.img {one}; cp {ASSETS}/data2.img {two}")
    sums = [sha256(mkdisk.make_disk(n)) for n in (1, 2)]
    guest.config["disk"].append(f"format=raw,vdev=hdc,access=ro,devtype=cdrom,target={one}")
    guest.write_config()
    guest.start()
    assert digest_cd(guest) == sums[0]
    replace(guest, dom0)
    assert digest_cd(guest) == sums[0]
    dom0.run("xl", "cd-insert", guest.name, "hdc", two)
    replace(guest, dom0)
    assert digest_cd(guest) == sums[1]
    dom0.run("xl", "cd-eject", guest.name, "hdc")
    replace(guest, dom0)
    assert "error" in guest.ask("sum sr0 0", "sum sr0 ", 180)
    dom0.run("xl", "cd-insert", guest.name, "hdc", one)
    assert digest_cd(guest) == sums[0]


@pytest.mark.long("make check-replace")
def test_medium_taken_meanwhile(make_guest, dom0):
    """The replacement ends, and the guest has what the toolstack says."""
    guest = make_guest("replaced", kind="direct", nics=(), modules=("sr_mod",))
    medium = f"{guest.folder}/one.iso"
    dom0.run("cp", f"{ASSETS}/data1.img", medium)
    guest.config["disk"].append(f"format=raw,vdev=hdc,access=ro,devtype=cdrom,target={medium}")
    guest.write_config()
    guest.start()
    old = guest.stub_domid
    dom0.shell(f"stubdom replace {guest.name} >/dev/null 2>&1 &")
    assert dom0.call("wait_xenstore", 60, seconds=60, value="boot",
                     path=f"/local/domain/0/stubdom/{guest.domid}/replace/phase")
    dom0.run("xl", "cd-eject", guest.name, "hdc")
    dom0.wait_file(guest.log_path, "a medium or a disk was taken away meanwhile")
    assert dom0.call("wait_no_domain", 60, names=[guest.name + "-dm-new"], seconds=60)
    check_served(guest, dom0, old)
    assert "error" in guest.ask("sum sr0 0", "sum sr0 ", 180)
    dom0.run("xl", "cd-insert", guest.name, "hdc", medium)
    assert digest_cd(guest) == sha256(mkdisk.make_disk(1))
    replace(guest, dom0)
    assert digest_cd(guest) == sha256(mkdisk.make_disk(1))


@pytest.mark.long("make check-replace")
@pytest.mark.timeout(7200)
def test_many_times(make_guest, dom0):
    """No acknowledged write is lost, no page of the guest's changes, nothing is left of each time."""
    times = int(os.environ.get("REPLACE_TIMES", "10"))
    writer, keeper = make_guest("writer", kind="direct"), make_guest("keeper")
    dom0.run("truncate", "-s", str(times * BLOCKS * BLOCK), writer.disks[0])
    writer.start()
    keeper.start()
    kept = keeper.ask("keep 77", "keep").split()[-1]
    done = []
    for n in range(times):
        writer.ask(f"journal sda {n * BLOCKS} {(n + 1) * BLOCKS}", "journal sda")
        done += [replace(writer, dom0), replace(keeper, dom0)]
        assert "journal sda done" in writer.wait("journal sda (done|error)", 240)
        assert "ok 3/3" in writer.ask(f"ping {writer.peers[0]} 3", "ping ")
        assert keeper.ask("kept", "kept").split()[-1] == kept
    pauses = [d["pause_ms"] for d in done]
    ratio = statistics.median(d["pause_ms"] / (d["save_ms"] + d["load_ms"]) for d in done)
    print(f"the guests were paused for {min(pauses)} to {max(pauses)} ms, {ratio:.2f} times the state's way")
    assert ratio <= 1.5
    wanted = journal(times * BLOCKS)
    assert digest(writer, "sda", len(wanted)) == sha256(wanted)
    assert set(dom0.domains()) == {"writer", "writer-dm", "keeper", "keeper-dm"}  # and no (null)
    writer.destroy()
    assert digest_in_dom0(dom0, writer.disks[0], len(wanted)) == sha256(wanted)


CONF = "/etc/qemu-stubdom/guests/replaced.conf"


@pytest.mark.long("make check-replace")
def test_after_an_upgrade(make_guest, dom0):
    """The guest's image is older than the one it would get: it is told, and replaced if that is wished."""
    guest = make_guest("replaced")
    guest.start()
    old = guest.stub_domid

    def is_older():
        (found,) = schema.check("list", dom0.run("stubdom", "list", "--json").stdout)["guests"]
        assert ("image than their" in dom0.run("stubdom", "doctor", check=False).stdout) == found["image_older"]
        return found["image_older"]

    assert not is_older()
    assert "no guest runs an older" in dom0.run("stubdom", "replace", "--all").stdout
    dom0.run("xenstore-write", f"/local/domain/0/stubdom/{guest.domid}/image-mark", "of-an-older-one")
    assert is_older()
    try:
        dom0.write(CONF, "replace = never\n")
        assert dom0.run("stubdom", "replace", "--upgrade").stdout == ""
        dom0.write(CONF, "# the default\n")
        assert f"'stubdom replace {guest.domid}'" in dom0.run("stubdom", "replace", "--upgrade").stdout
        assert guest.stub_domid == old
        dom0.write(CONF, "replace = auto\n")
        dom0.run("stubdom", "replace", "--upgrade", timeout=240)
    finally:
        dom0.run("rm", CONF)
    check_served(guest, dom0, guest.stub_domid)
    assert guest.stub_domid != old and not is_older()
    assert "replaced later" in dom0.run("stubdom", "blame", guest.name).stdout
    blamed = schema.check("blame", dom0.run("stubdom", "blame", guest.name, "--json").stdout)
    assert 0 < blamed["replaced"]["pause_ms"] < 10000 and blamed["whole"]
    took = {p["phase"]: p["ms"] for p in blamed["replaced"]["phases"]}
    assert list(took) == ["check", "build", "boot", "save", "load", "switch", "end"]
    assert took["save"] + took["load"] <= blamed["replaced"]["pause_ms"] < sum(took.values())


PUSHED = "/var/lib/qemu-stubdom/pushed"


def forget_package(qemu):
    """A schema in which query-version's answer has one member less."""
    types = {entry["name"]: entry for entry in qemu["schema"]}
    version = types[types["query-version"]["ret-type"]]
    version["members"] = [m for m in version["members"] if m["name"] != "package"]


@pytest.mark.long("make check-replace")
def test_another_version(make_guest, dom0, other_image):
    """QEMU's next version may have another machine by the guest's name of it, and may say more."""
    guest = make_guest("replaced", kind="direct", disks=1)
    guest.start()
    refused(guest, dom0, "whose machine 'xenfv' is 'xenfv-99.0', and the guest's QEMU",
            "--image", other_image(lambda qemu: qemu["machines"].update(xenfv="xenfv-99.0")))
    refused(guest, dom0, "which has no machine 'xenfv'",
            "--image", other_image(lambda qemu: qemu["machines"].pop("xenfv")))
    image = other_image(forget_package)
    ask = ["a", "ask", {"execute": "query-version"}]
    *_, before, ran, after, stopped, resumed = dom0.qmp(
        ["a", "open", f"/var/run/xen/qmp-libxenstat-{guest.domid}"],
        ["a", "ask", {"execute": "qmp_capabilities"}],
        ask, ["", "run", "stubdom", "replace", guest.name, "--image", image], ask,
        ["a", "ask", {"execute": "stop"}], ["a", "ask", {"execute": "cont"}])
    assert ran == 0, guest.log()
    assert before["return"].pop("package") and before == after
    assert stopped == resumed == {"return": {}}
    check_served(guest, dom0, guest.stub_domid)
    assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")


@pytest.mark.long("make check-replace-version")
def test_to_and_fro(make_guest, dom0, request):
    """From one version of QEMU to another and back, under a guest whose machine both have."""
    directory = request.config.getoption("other_image")
    if not directory:
        pytest.skip("--other-image names no image")
    dom0.rig.push(directory, PUSHED)
    guest = make_guest("replaced", kind="direct", disks=1)
    guest.config["device_model_args_hvm"] = ["-machine", "xenfv-4.2"]
    guest.write_config()
    guest.start()
    versions = []
    try:
        for n, image in enumerate((PUSHED, hostile.IMAGE)):
            guest.ask(f"journal sda {n * BLOCKS // 2} {(n + 1) * BLOCKS // 2}", "journal sda")
            replace(guest, dom0, "--image", image)
            versions.append(dom0.run("stubdom", "qmp", guest.name, "query-version").stdout)
            assert "journal sda done" in guest.wait("journal sda (done|error)", 240)
            assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")
    finally:
        dom0.run("rm", "-rf", PUSHED)
    assert versions[0] != versions[1]
    wanted = journal(BLOCKS)
    assert digest(guest, "sda", len(wanted)) == sha256(wanted)
    guest.destroy()


PAUSE_MS = 10000  # at most, of a guest that goes back


def check_gone_back(guest, dom0, struck, old):
    """The old QEMU serves it again. If it was paused, then for less than PAUSE_MS."""
    print(struck)
    assert struck["status"] == 1
    phase, why = re.search(r"QEMU is not replaced \((\w+)\): (.*)", struck["text"]).groups()
    if phase in ("save", "load", "switch"):
        assert int(re.match(r"the guest was paused for (\d+) ms: ", why)[1]) < PAUSE_MS
    dom0.wait_gone("replaced-dm-new")
    check_served(guest, dom0, old)


def strike_and_go_back(guest, dom0, victim, phases, why):
    """In each of the phases."""
    old = guest.stub_domid
    for phase in phases:
        struck = dom0.strike_replace(guest, phase, victim)
        check_gone_back(guest, dom0, struck, old)
        assert struck["phase"] == phase and why in struck["text"]
        assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")


@pytest.mark.long("make check-replace")
def test_back(make_guest, dom0, other_image):
    """If the new QEMU does not start, or not take the state, the old one goes on."""
    guest = make_guest("replaced", kind="direct", disks=1)
    guest.start()
    refused(guest, dom0, "cannot start /nowhere",
            "--image", other_image(lambda qemu: qemu.update(path="/nowhere/xen-qemu")))
    assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")
    strike_and_go_back(guest, dom0, "new", ("build", "boot", "save", "load"), "the new stub domain")
    guest.ask(f"journal sda 0 {BLOCKS}", "journal sda done")
    replace(guest, dom0)


@pytest.mark.long("make check-replace")
def test_from_linux(make_guest, dom0):
    """A guest leaves Linux, there and back under its writes, and does not return to it."""
    guest = make_guest("replaced", kind="direct", disks=1, stub=Stub(kernel="linux"))
    guest.start()
    refused(guest, dom0, "'--kernel nub' gives it nub")
    half = BLOCKS // 2
    guest.ask(f"journal sda 0 {half}", "journal sda")
    struck = dom0.strike_replace(guest, "load", "new", args=["--kernel", "nub"], seconds=180)
    check_gone_back(guest, dom0, struck, guest.stub_domid)
    assert "journal sda done" in guest.wait("journal sda (done|error)", 240)
    guest.ask(f"journal sda {half} {BLOCKS}", "journal sda")
    replace(guest, dom0, "--kernel", "nub")
    assert "did not end by itself" not in guest.log()
    assert "journal sda done" in guest.wait("journal sda (done|error)", 240)
    (found,) = schema.check("list", dom0.run("stubdom", "list", "--json").stdout)["guests"]
    assert found["kernel"] == "nub"
    assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")
    replace(guest, dom0)
    wanted = journal(BLOCKS)
    assert digest(guest, "sda", len(wanted)) == sha256(wanted)
    guest.destroy()
    assert digest_in_dom0(dom0, guest.disks[0], len(wanted)) == sha256(wanted)


WIRING = """\
ifconfig tap0 create up
ifconfig xenif0 up
ifconfig bridge1 create up
brconfig bridge1 add tap0 add xenif0
"""


def bridges(guest, dom0):
    told = schema.check("topology", dom0.run("stubdom", "topology", guest.name, "--json").stdout)
    return {i["name"]: i["bridge"] for i in told["interfaces"] if i["bridge"]}


@pytest.mark.long("make check-replace")
def test_spanning_tree(make_guest, dom0):
    """Only Linux has it: a guest that has one leaves Linux with another wiring, or stays."""
    path = "/opt/guests/run/replaced/topology"
    guest = make_guest("replaced", kind="direct", disks=0, stub=Stub(kernel="linux", topology=path))
    dom0.write(path, f"{WIRING}brconfig bridge1 stp\n")
    guest.start()
    refused(guest, dom0, "topology:5:18: found 'stp'", "--kernel", "nub")
    dom0.write(path, WIRING)
    replace(guest, dom0, "--kernel", "nub", "--topology", path)
    assert bridges(guest, dom0) == {"tap0": "bridge1", "xenif0": "bridge1"}


@pytest.mark.long("make check-replace")
def test_topology(make_guest, dom0):
    """Another wiring, which the next replacement keeps."""
    guest = make_guest("replaced", kind="direct", disks=0)
    guest.start()
    path = f"{guest.folder}/topology"
    dom0.write(path, WIRING.replace("tap0", "tap1"))
    refused(guest, dom0, "topology: ", "--topology", path)
    assert bridges(guest, dom0) == {"tap0": "bridge0", "xenif0": "bridge0"}
    dom0.write(path, WIRING)
    for args in (("--topology", path), ()):
        replace(guest, dom0, *args)
        assert bridges(guest, dom0) == {"tap0": "bridge1", "xenif0": "bridge1"}
        assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")


def check_replaced(guest, dom0, struck, old):
    """By another stub domain, which alone serves it."""
    print(struck)
    assert struck["status"] == 0, struck
    dom0.wait_gone("replaced-dm-new")
    assert guest.stub_domid != old
    check_served(guest, dom0, guest.stub_domid)
    assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")


def check_command_meanwhile(guest, dom0):
    """A command that a client gives while the state is on its way is done by the new one."""
    old = guest.stub_domid
    struck = dom0.strike_replace(guest, "save", "client")
    print(struck)
    assert struck["status"] == 0 and guest.stub_domid != old
    assert json.loads(dom0.run("stubdom", "qmp", guest.name, "query-status").stdout)["running"] is False
    dom0.run("stubdom", "qmp", guest.name, "cont")
    assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")


@pytest.mark.long("make check-replace")
def test_guardian_killed(make_guest, dom0):
    """It is killed while there are two, and a new one starts."""
    guest = make_guest("replaced", kind="direct", disks=1)
    guest.start()
    for phase in ("build", "boot", "save", "load", "switch", "end"):
        old = guest.stub_domid
        check_replaced(guest, dom0, dom0.strike_replace(guest, phase, "guardian"), old)
        assert dom0.shell(f"pgrep -P {guest.launcher_pid} -x stubdom-guard").stdout.split()
    check_command_meanwhile(guest, dom0)


@pytest.mark.long("make check-replace")
def test_command_killed(make_guest, dom0):
    """The process that has asked may go: it is done all the same."""
    guest = make_guest("replaced", kind="direct", disks=1)
    guest.start()
    for n, phase in enumerate(("build", "boot", "save", "load", "switch", "end")):
        old = guest.stub_domid
        struck = dom0.strike_replace(guest, phase, "command")
        print(struck)
        assert struck["status"] == -9 or struck["phase"] == "end"
        dom0.wait_file(guest.log_path, "replaced: stub=", n + 1)
        check_replaced(guest, dom0, {**struck, "status": 0}, old)


@pytest.mark.long("make check-replace")
@pytest.mark.parametrize("phase", ["build", "boot", "save"])
def test_old_killed_early(make_guest, dom0, phase):
    """It dies before it has saved: nothing is left for the new one, and nothing stays of either."""
    guest = make_guest("replaced")
    guest.start()
    old = guest.stub_domid
    struck = dom0.strike_replace(guest, phase, "old")
    print(struck)
    if phase == "save" and struck["status"] == 0:  # it had saved
        assert guest.stub_domid != old
        return
    assert struck["status"]
    dom0.wait_gone("replaced-dm", "replaced-dm-new")
    assert dom0.call("wait_xenstore_there", 60, seconds=60,
                     path=f"/local/domain/0/stubdom/{guest.domid}/died")
    guest.destroy()


@pytest.mark.long("make check-replace")
@pytest.mark.parametrize("phase", ["load", "end"])
def test_old_killed(make_guest, dom0, phase):
    """The old stub domain crashes once its state is saved."""
    guest = make_guest("replaced", kind="direct", disks=1)
    guest.start()
    old = guest.stub_domid
    check_replaced(guest, dom0, dom0.strike_replace(guest, phase, "old"), old)


def is_paused(guest, dom0):
    return dom0.run("xl", "list", guest.name).stdout.split()[-2][2] == "p"


@pytest.mark.long("make check-replace")
def test_asker_killed(make_guest, dom0):
    """The process that asks the old QEMU is killed: that one goes on."""
    guest = make_guest("replaced", kind="direct", disks=1)
    guest.start()
    strike_and_go_back(guest, dom0, "asker", ("boot", "save"), "the process that asks QEMU has ended")
    replace(guest, dom0)


@pytest.mark.long("make check-replace")
def test_new_killed_at_the_end(make_guest, dom0):
    """It has taken over: the guest is left as by any other death of a stub domain."""
    guest = make_guest("replaced")
    guest.start()
    struck = dom0.strike_replace(guest, "end", "new")
    print(struck)
    assert (struck["phase"], struck["status"]) == ("end", 1)
    assert "took over and has ended since" in struck["text"]
    dom0.wait_gone("replaced-dm", "replaced-dm-new")
    assert dom0.call("wait_xenstore_there", 60, seconds=60,
                     path=f"/local/domain/0/stubdom/{guest.domid}/died")
    assert not is_paused(guest, dom0)
    guest.destroy()


TRIES = 5  # a replacement may be faster than the strike


@pytest.mark.long("make check-replace")
@pytest.mark.parametrize("fate", ["late", "crash", "torn"])
def test_no_answer_to_take(make_guest, dom0, fate):
    """The new stub domain has the state and was told to take the guest. It gives no answer, or it crashes: the old
    QEMU goes on. If it has said that the guest is its own nobody knows, and the guest stays paused."""
    guest = make_guest("replaced")
    guest.start()
    for _ in range(TRIES):
        old = guest.stub_domid
        struck = dom0.strike_take(guest, fate)
        if not struck["lost"]:
            break
        assert struck["status"] == 0
    assert struck["lost"] is False
    if fate != "torn":
        check_gone_back(guest, dom0, struck, old)
        assert ("does not take the guest" if fate == "late" else "ended as it took the guest") in struck["text"]
        assert guest.ask("echo well", "echo").endswith("echo well\n")
        replace(guest, dom0)
        return
    print(struck)
    assert struck["status"] == 1
    dom0.wait_gone("replaced-dm-new")
    assert "the guest stays paused" in struck["text"]
    assert "the new stub domain ended as it took the guest" in struck["text"]
    assert is_paused(guest, dom0)
    assert set(dom0.domains()) - {"(null)"} == {"replaced", "replaced-dm"}
    guest.destroy()


@pytest.mark.long("make check-replace")
@pytest.mark.parametrize("phase", ["build", "boot", "save", "load", "switch", "end"])
def test_launcher_killed(make_guest, dom0, phase):
    """While there are two: neither stays, and the guest is told of. Xen keeps a dead ioreq server's
    domain until the guest ends, without a name."""
    guest = make_guest("replaced")
    guest.start()
    struck = dom0.strike_replace(guest, phase, "launcher")
    print(struck)
    assert struck["status"] == 3 and "stubdom-dm" in struck["text"]
    dom0.wait_gone("replaced-dm", "replaced-dm-new")
    assert dom0.call("wait_xenstore_there", 60, seconds=60,
                     path=f"/local/domain/0/stubdom/{guest.domid}/died")
    assert is_paused(guest, dom0) == (struck["phase"] in ("save", "load", "switch"))
    assert set(dom0.domains()) - {"(null)"} == {guest.name}
    guest.destroy()


@pytest.mark.long("make check-replace")
def test_both_killed(make_guest, dom0):
    """Both stub domains die while the guest is paused: it stays so, and is told of."""
    guest = make_guest("replaced")
    guest.start()
    struck = dom0.strike_replace(guest, "load", "old", "new")
    print(struck)
    assert struck["status"] == 1
    dom0.wait_gone("replaced-dm", "replaced-dm-new")
    assert dom0.call("wait_xenstore_there", 60, seconds=60,
                     path=f"/local/domain/0/stubdom/{guest.domid}/died")
    assert is_paused(guest, dom0)
    dom0.wait_file(guest.log_path, "the guest stays paused")
    guest.destroy()


@pytest.mark.long("make check-replace")
@pytest.mark.parametrize("phase", ["boot", "save"])
def test_destroyed(make_guest, dom0, phase):
    """The toolstack ends the guest meanwhile: nothing stays."""
    guest = make_guest("replaced")
    guest.start()
    struck = dom0.strike_replace(guest, phase, "guest")
    print(struck)
    # xl may start more slowly than QEMU saves.
    assert struck["status"] or (phase == "save" and "has replaced" in struck["text"])
    dom0.wait_gone("replaced", "replaced-dm", "replaced-dm-new")
