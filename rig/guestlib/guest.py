# SPDX-License-Identifier: MIT
"""One HVM guest in the rig: its config, its disks, its serial console, its end."""
import hashlib
import json

from .dom0host import ASSETS, mkdisk

LAUNCHER = "/usr/bin/stubdom-dm"
CREATE_SECONDS = 180
BOOT_SECONDS = 360
REPLY_SECONDS = 120
AWAKE_TRIES = 6
BRIDGE_ADDRESS = "10.99.0.1"
# The guest's driver for each model of NIC that xl knows.
NIC_MODULES = {
    "e1000": "e1000", "e1000e": "e1000e", "igb": "igb", "rtl8139": "8139cp",
    "pcnet": "pcnet32", "ne2k_pci": "ne2k-pci", "vmxnet3": "vmxnet3",
    "virtio-net": "virtio_net", "virtio-net-pci": "virtio_net",
}


class NoAnswer(Exception):
    """The guest did not say the expected words."""


class Stub:
    """Which stub domain to ask for; none means QEMU in dom0."""

    def __init__(self, kernel="nub", type="pvh", **more):
        self.options = {"kernel": kernel, "type": type, **more}

    def argument(self):
        return ",".join(f"{k}={v}" for k, v in self.options.items())


def value(v):
    """A value in xl.cfg's syntax."""
    if isinstance(v, (list, tuple)):
        return "[" + ", ".join(value(x) for x in v) + "]"
    return str(v) if isinstance(v, int) else '"' + v.replace('"', '\\"') + '"'


class Guest:
    """`kind` is "bios" or "direct". Nothing happens in dom0 before prepare(). `networks` are the
    numbers of the NICs' bridges in dom0. With `split` each NIC of a direct guest has a network
    namespace of its own, nicN, and is not brought up. `unplug` is Linux's xen_emul_unplug: by
    "nics" PV drivers take over from the emulated NICs."""

    def __init__(self, dom0, name, kind="bios", stub=None, disks=1, nics=("e1000",),
                 serial="pty", memory=None, launcher=LAUNCHER, networks=None, split=False,
                 unplug="never", modules=(), **config):
        self.dom0, self.name, self.kind, self.serial = dom0, name, kind, serial
        self.folder = f"{ASSETS}/run/{name}"
        self.stub, self.modules = stub, modules
        self.disks = [f"{self.folder}/disk{i}.img" for i in range(disks)]
        self.macs = [self._mac(i) for i in range(len(nics))]
        self.nics = nics
        first = 100 + int(hashlib.sha256(name.encode()).hexdigest()[:2], 16) % 100
        self.split, self.unplug = split, unplug
        self.networks = networks or [0] * len(nics)
        self.addresses = [f"10.99.{n}.{first + i}" for i, n in enumerate(self.networks)]
        self.peers = [f"10.99.{n}.1" for n in self.networks]  # dom0's
        script = f",script={ASSETS}/dom0/vif-light" if len(nics) > 2 else ""
        self.config = {
            "name": name, "type": "hvm", "vcpus": 1,
            "memory": memory or (32 if kind == "bios" else 160),
            "device_model_version": "qemu-xen", "tsc_mode": "native",
            "serial": serial, "vnc": 0, "videoram": 8,
            "disk": [f"format=raw,vdev=hd{'abcd'[i]},access=rw,target={path}"
                     for i, path in enumerate(self.disks)],
            "vif": [f"mac={mac},bridge=xenbr{n},model={model}{script}"
                    for mac, model, n in zip(self.macs, nics, self.networks)],
            "device_model_args": self._no_roms(),
        }
        if stub:
            self.config["device_model_override"] = launcher
            self.config["device_model_args"] += ["-stubdom", stub.argument()]
        self.config.update(config)

    def _no_roms(self):
        """A kernel that is given needs no boot ROMs, which are read dword by dword."""
        if self.kind == "bios":
            return []
        models = sorted({m + "-pci" if m == "virtio-net" else m for m in self.nics})
        return [word for m in models for word in ("-global", f"{m}.romfile=")]

    def _mac(self, index):
        digest = hashlib.sha256(self.name.encode()).digest()
        return "00:16:3e:%02x:%02x:%02x" % (digest[0] & 0x7F, digest[1], index)

    def _command_line(self):
        """The orders of the direct-boot guest: load, check, bring up."""
        modules = (["ata_piix", "sd_mod"] if self.disks else []) + \
            sorted({NIC_MODULES[m] for m in self.nics}) + \
            (["xen-netfront"] if self.unplug == "nics" else []) + list(self.modules)
        words = ["console=ttyS0", "quiet", "panic=-1", "tsc=reliable", f"xen_emul_unplug={self.unplug}",
                 "guest.load=" + ",".join(modules)]
        for i in range(len(self.disks)):
            digest = hashlib.sha256(mkdisk.make_disk(i)).hexdigest()
            words.append(f"guest.disk=sd{'abcd'[i]}:{digest}")
        if self.split:
            words.append("guest.split=" + ",".join(self.macs))
        else:
            words += [f"guest.nic={mac},{address}/24,{peer}"
                      for mac, address, peer in zip(self.macs, self.addresses, self.peers)]
        return " ".join(words)

    def prepare(self):
        """Writes the disks and the config into dom0."""
        if self.kind == "direct":
            self.config.setdefault("kernel", f"{ASSETS}/vmlinuz")
            self.config.setdefault("ramdisk", f"{ASSETS}/direct.cpio")
            self.config.setdefault("cmdline", self._command_line())
        copies = "".join(
            f" && cp {ASSETS}/{'bios' if self.kind == 'bios' and i == 0 else 'data'}{i}.img {path}"
            for i, path in enumerate(self.disks))
        self.dom0.shell(f"rm -f {self.log_path}* && mkdir -p {self.folder}{copies} "
                        f"&& cat >{self.config_path}", stdin=self._config_text())
        return self

    def _config_text(self):
        return "".join(f"{k} = {value(v)}\n" for k, v in self.config.items()).encode()

    def write_config(self):
        self.dom0.write(self.config_path, self._config_text())

    @property
    def config_path(self):
        return f"{self.folder}/xl.cfg"

    def create(self, paused=False, check=True, timeout=CREATE_SECONDS):
        return self.dom0.run("xl", "create", *(["-p"] if paused else []), self.config_path,
                             timeout=timeout, check=check)

    def start(self):
        """Creates the guest with nothing of its first words lost, waits until it is ready, and
        returns all that it said."""
        self.create(paused=True)
        self.attach()
        self.dom0.run("xl", "unpause", self.name)
        return self.wait_ready()

    def wait_ready(self):
        """All that it says until then."""
        return self.wait(f"{self.prefix}: ready", BOOT_SECONDS)

    @property
    def prefix(self):
        return "bios-guest" if self.kind == "bios" else "guest"

    @property
    def domid(self):
        return self.dom0.domid(self.name)

    @property
    def stub_domid(self):
        return self.dom0.domid(self.name + "-dm")

    def inside(self):
        """The stub domain's memory, by its own word: total_kb, available_kb."""
        return json.loads(self.dom0.run("stubdom", "status", self.name, "--json").stdout)["inside"]

    @property
    def launcher_pid(self):
        return int(self.dom0.xenstore(f"/local/domain/{self.domid}/image/device-model-pid"))

    # The serial console.

    terminal = "serial/0/tty"  # its pty's place in xenstore

    def attach(self):
        """Starts to listen to it."""
        tty = self.dom0.xenstore(f"/local/domain/{self.domid}/{self.terminal}")
        if not tty:
            raise NoAnswer(f"{self.name} has no {self.terminal} in xenstore")
        self.dom0.call("console_open", name=self.name, terminal=tty)

    def detach(self):
        self.dom0.call("console_close", name=self.name)

    def _console(self, text, pattern, seconds):
        got = self.dom0.call("console_ask", seconds, name=self.name, text=text, pattern=pattern,
                             seconds=seconds)
        if not got["found"]:
            why = f"nothing within {seconds} s" if got["open"] else "its terminal was closed"
            raise NoAnswer(f"{self.name}: '{pattern}': {why}; it said:\n{got['text']}\n"
                           f"{self.log()}")
        return got["text"]

    def wait(self, pattern, seconds=REPLY_SECONDS):
        return self._console("", pattern, seconds)

    def ask(self, command, pattern, seconds=REPLY_SECONDS):
        return self._console(command + "\n", pattern, seconds)

    def ask_awake(self):
        """Waits until a guest that was restored hears: its kernel resets the UART as it resumes, and
        letters typed before that are lost."""
        for _ in range(AWAKE_TRIES - 1):
            try:
                return self.ask("\necho awake", "echo awake", REPLY_SECONDS // AWAKE_TRIES)
            except NoAnswer:
                continue
        return self.ask("\necho awake", "echo awake")

    def on_nic(self, n, command, pattern, seconds=REPLY_SECONDS):
        """A command in the namespace of a guest with `split`."""
        return self.ask(f"in nic{n} {command}", pattern, seconds)

    def bring_up(self, n, address=None):
        address = address or self.addresses[n]
        said = self.on_nic(n, f"nic nic{n},{address}/24", f"nic nic{n} ")
        if not said.endswith(f"{address} up\n"):
            raise NoAnswer(said)

    # The words of the toolstack and of our launcher about it.

    def monitor(self, command, **how):
        return self.dom0.run("xl", "qemu-monitor-command", self.name, command, **how).stdout

    def log(self):
        """The launcher's log."""
        return self.dom0.run("tail", "-n", "60", self.log_path, check=False).text

    @property
    def log_path(self):
        return f"/var/log/xen/qemu-dm-{self.name}.log"

    def destroy(self, check=True):
        return self.dom0.run("xl", "destroy", self.name, check=check, timeout=120)

    def end(self):
        """Destroys it, and waits until all of its device model has gone. The launcher ends last: only
        then are its files free and its records removed."""
        pid = self.launcher_pid
        self.destroy()
        self.dom0.wait_gone(self.name, f"{self.name}-dm")
        if not self.dom0.call("wait_no_process", 120, pid=pid, seconds=120):
            raise AssertionError(f"{self.name}: process {pid} does not end:\n{self.log()}")

    def remove(self):
        """Ends it if it is there, and removes its files. For clean-up: raises nothing for a
        guest that is gone."""
        if self.domid is not None:
            self.destroy(check=False)
        self.detach()
        self.dom0.run("rm", "-rf", self.folder, check=False)
