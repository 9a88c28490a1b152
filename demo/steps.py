# SPDX-License-Identifier: MIT
"""The demo's steps: each looks at something real and returns its observation, or raises."""
import json
import os
import re

from guestlib import leaks
from guestlib.dom0host import mkdisk
from guestlib.guest import BRIDGE_ADDRESS, Guest, Stub
from show import StepFailed

SERIAL_WORD = "hello-over-the-serial-line"
WRITTEN_SECTOR, WRITTEN_BYTE = 1200, 0x6B
# The BIOS guest's colour bars, left to right: the bright colours of VGA's standard palette.
BARS = [(85, 85, 85), (85, 85, 255), (85, 255, 85), (85, 255, 255),
        (255, 85, 85), (255, 85, 255), (255, 255, 85), (255, 255, 255)]


def require(condition, why):
    if not condition:
        raise StepFailed(why)


class Steps:
    def __init__(self, show, dom0, build, kernel, kind):
        self.show, self.dom0, self.build = show, dom0, build
        self.out = os.path.join(build, "demo")
        os.makedirs(self.out, exist_ok=True)
        stub = Stub(kernel=kernel, type=kind)
        self.bios = Guest(dom0, "bios", stub=stub, vnc=1, vnclisten="127.0.0.1", vncunused=1)
        self.linux = Guest(dom0, "linux", kind="direct", stub=stub)
        self.kernel, self.kind = kernel, kind
        self.before = None

    def see(self, command, check=True, timeout=120, limit=12):
        """Runs a command in dom0 before everyone's eyes; returns what it printed."""
        done = self.dom0.shell(command, check=False, timeout=timeout)
        self.show.output(command, done.text, limit)
        require(not check or done.status == 0, f"'{command}' ended with status {done.status}")
        return done.stdout

    # The host.

    def host(self):
        text = self.see("xl info | grep -E '^(release|xen_version|total_memory)'")
        found = dict(line.split(":", 1) for line in text.splitlines())
        found = {key.strip(): value.strip() for key, value in found.items()}
        return (f"Xen {found['xen_version']}, Linux {found['release']}, "
                f"{found['total_memory']} MB of memory")

    def stock(self):
        packages = "xen-utils-4.20 libxenmisc4.20 xen-hypervisor-4.20-amd64"
        text = self.see(f"dpkg-query -W -f '${{Package}} ${{Version}}\\n' {packages}")
        # Only programs and libraries: the rig's dom0 was installed without documentation.
        changed = self.see(f"dpkg --verify {packages} | grep -E ' /usr/(s?bin|lib)' ; true")
        require(not changed, f"changed since they were packaged: {changed}")
        with open(os.path.join(self.build, "image/manifest.json"), encoding="utf-8") as f:
            manifest = json.load(f)
        size = sum(f["bytes"] for f in manifest["files"].values())
        return (f"{text.split()[0]} {text.split()[1]}, its files unchanged; image with Debian's "
                f"QEMU {manifest['qemu']['version']}, {size / 1e6:.0f} MB")

    # The guest that boots from its BIOS disk.

    def create_bios(self):
        self.before = self.dom0.scan()
        self.bios.prepare()
        self.see(f"cat {self.bios.config_path}", limit=20)
        return self._create(self.bios)

    def _create(self, guest):
        done = guest.create(paused=True, check=False, timeout=400)
        self.show.output(f"xl create -p {guest.config_path}", done.text)
        require(done.status == 0, f"xl create failed:\n{done.text}\n{guest.log()}")
        guest.attach()
        self.see(f"xl unpause {guest.name}")
        return f"xl create returned after {done.seconds:.1f} s with status 0"

    def two_domains(self):
        text = self.see("xl list")
        rows = {line.split()[0]: line.split() for line in text.splitlines()[1:]}
        require("bios" in rows and "bios-dm" in rows, "not both domains are there")
        kind = self.see(f"xenstore-read /libxl/{rows['bios-dm'][1]}/type").strip()
        require(kind == self.kind, f"the stub domain is not {self.kind}")
        return (f"guest: domain {rows['bios'][1]}, its QEMU: domain {rows['bios-dm'][1]} "
                f"({self.kind}, {rows['bios-dm'][2]} MB)")

    def no_qemu(self):
        # without a shell, whose own command line would be found
        done = self.dom0.run("pgrep", "-af", "qemu-system", check=False)
        self.show.output("pgrep -af qemu-system; echo \"status $?\"",
                         f"{done.text}status {done.status}")
        require(done.status == 1 and not done.text, "dom0 runs a QEMU")
        return "`pgrep -f qemu-system` in dom0 finds nothing"

    def bios_report(self):
        report = self.bios.wait("bios-guest: ready", 300)
        self.show.output("(the guest's serial console)", report)
        want = mkdisk.data_crc(mkdisk.make_disk(0))
        require(f"bios-guest: disk 0 ok {want}\n" in report, "not the disk's checksum")
        return f"booted by SeaBIOS from its disk; checksum {want}, as computed outside"

    def serial(self):
        answer = self.bios.ask(f"echo {SERIAL_WORD}", "echo", 120)
        self.show.output(f"(typed: echo {SERIAL_WORD})", answer)
        require(answer.endswith(f"bios-guest: echo {SERIAL_WORD}\n"), "no echo")
        return "typed a line to the guest, it came back"

    def screen(self):
        from PIL import Image
        port = self.dom0.xenstore(f"/local/domain/{self.bios.domid}/console/vnc-port") or "5900"
        size = self.dom0.call("vnc_shot", 120, host="127.0.0.1", port=int(port),
                              path="/tmp/demo-screen.png")
        path = os.path.join(self.out, "screen.png")
        self.dom0.rig.pull("/tmp/demo-screen.png", path)
        self.dom0.run("rm", "/tmp/demo-screen.png")
        with Image.open(path) as picture:
            rgb = picture.convert("RGB")
        width, height = rgb.size
        bars = [rgb.getpixel((width * (2 * i + 1) // 16, height * 3 // 4)) for i in range(8)]
        require(all(abs(a - b) < 8 for bar, want in zip(bars, BARS)
                    for a, b in zip(bar, want)), f"not the guest's picture: {bars}")
        text = sum(1 for x in range(width) for y in range(height // 2)
                   if rgb.getpixel((x, y)) == (255, 255, 255))
        require(text > 500, "the guest's text is not on the screen")
        return f"{os.path.relpath(path)}: {size[0]}x{size[1]}, its eight bars and its text"

    def monitor(self):
        version = self.see("xl qemu-monitor-command bios 'info version'").strip()
        chips = self.see("xl qemu-monitor-command bios 'info pci' | grep -ciE 'ethernet|ide c|vga'")
        require(re.match(r"\d+\.\d+\.\d+", version), "no version")
        require(int(chips) >= 3, "not the guest's devices")
        return f"QEMU {version.split()[0]} answers, and names the guest's devices"

    def stub_facts(self):
        stub = self.bios.stub_domid
        stage = self.see(f"xenstore-read /local/domain/{stub}/data/stubdom/stage").strip()
        target = self.see(f"xenstore-read /local/domain/{stub}/target").strip()
        require(stage == "running", f"the stub domain's stage is '{stage}'")
        require(int(target) == self.bios.domid, "it may touch another guest")
        return f"QEMU runs in domain {stub}, which may touch domain {target} and no other"

    def relay(self):
        text = self.see(
            "for p in $(pgrep -f '^(/usr/bin/stubdom-dm|stubdom-relay)'); do awk -v p=$p '/^(Uid|CapEff|Seccomp):/ "
            "{ l = l \" \" $1 $2 } END { print \"process \" p l }' /proc/$p/status; done")
        rows = [line for line in text.splitlines() if "Uid:0" not in line]
        require(len(rows) == 1, "there is not exactly one process without root")
        require("CapEff:0000000000000000" in rows[0] and "Seccomp:2" in rows[0],
                "the process that reads from the stub domain has privileges")
        return "the process that reads from the stub domain: not root, no capability, seccomp"

    def pause(self):
        self.see("xl pause bios && xl list bios | tail -1 && xl unpause bios")
        self.bios.ask("echo awake", "echo awake", 120)
        return "paused, unpaused, and it answers again"

    # Linux by direct kernel boot.

    def create_linux(self):
        self.linux.prepare()
        return self._create(self.linux)

    def linux_report(self):
        report = self.linux.wait("guest: ready", 400)
        self.show.output("(the guest's serial console)", report)
        require("guest: disk sda sha256 ok\n" in report, "its disk is not what it should be")
        return "Linux's user space runs; SHA-256 of its disk is right"

    def linux_network(self):
        answer = self.linux.ask(f"ping {BRIDGE_ADDRESS} 3", "guest: ping", 120)
        self.show.output(f"(typed: ping {BRIDGE_ADDRESS} 3)", answer)
        require("ok 3/3" in answer, "the guest cannot reach dom0")
        text = self.see(f"ping -c 2 -W 10 {self.linux.addresses[0]} | tail -2")
        return f"guest to dom0 3/3; dom0 to guest: {text.split(',')[1].strip()}"

    def disk_write(self):
        command = f"write sda {WRITTEN_SECTOR} {WRITTEN_BYTE}"
        answer = self.linux.ask(command, "guest: write", 120)
        self.show.output(f"(typed: {command})", answer)
        text = self.see(f"dd if={self.linux.disks[0]} bs=512 skip={WRITTEN_SECTOR} count=1 "
                        "status=none | od -An -tx1 | sort -u")
        require(set(text.split()) == {f"{WRITTEN_BYTE:02x}"} or
                set(text.split()) == {f"{WRITTEN_BYTE:02x}", "*"},
                "dom0's file does not hold what the guest wrote and flushed")
        return f"sector {WRITTEN_SECTOR} that the guest wrote is in dom0's image file"

    def both(self):
        text = self.see("xl list")
        names = {line.split()[0] for line in text.splitlines()[1:]}
        require(names >= {"bios", "bios-dm", "linux", "linux-dm"}, "domains are missing")
        require(not self.dom0.qemu_processes(), "dom0 runs a QEMU")
        return "two guests, two stub domains, still no QEMU in dom0"

    def replace(self):
        old = self.linux.stub_domid
        text = self.see("stubdom replace linux", timeout=300)
        answer = self.linux.ask(f"ping {BRIDGE_ADDRESS} 3", "guest: ping", 120)
        self.show.output(f"(typed: ping {BRIDGE_ADDRESS} 3)", answer)
        require("ok 3/3" in answer, "the guest cannot reach dom0 any more")
        require(self.linux.stub_domid != old, "its stub domain is the same")
        return text.strip()

    def end(self):
        for guest in (self.bios, self.linux):
            if guest.domid is not None:
                self.see(f"xl destroy {guest.name}", timeout=300)
            guest.remove()
        found = leaks.settle(self.dom0, self.before, 60)
        self.see("xl list")
        require(not found, "left behind: " + "; ".join(found[:5]))
        return "no domain, xenstore node, loop device, interface, process or socket is left"

    def later(self):
        if self.kernel != "nub":
            return []  # docs/replace.md
        return [("another QEMU under the running guest", self.replace)]

    def groups(self):
        """[(titles and actions)]: a failure ends its group, the next begins all the same."""
        return [
            [("a Xen host, booted in QEMU", self.host),
             ("toolstack and QEMU are Debian's own", self.stock)],
            [("xl create: a guest that boots from disk", self.create_bios),
             ("two domains: the guest and its QEMU", self.two_domains),
             ("no QEMU in dom0", self.no_qemu),
             ("QEMU in a domain of its own", self.stub_facts),
             ("the guest runs, its disk is right", self.bios_report),
             ("serial console", self.serial),
             ("its screen", self.screen),
             ("QEMU's monitor answers", self.monitor),
             ("pause and unpause", self.pause),
             ("the relay has no privilege", self.relay)],
            [("xl create: Linux by direct kernel boot", self.create_linux),
             ("Linux runs, its disk is right", self.linux_report),
             ("what it writes is on dom0's disk", self.disk_write),
             ("network, both ways", self.linux_network),
             ("two guests at once", self.both)] + self.later(),
            [("xl destroy leaves nothing behind", self.end)],
        ]
