# SPDX-License-Identifier: MIT
"""The steps of `make demo-pci`: PCI devices of the host in a guest, by its own drivers."""
from guestlib import leaks, pci
from guestlib.guest import Guest
from show import StepFailed
from steps import Steps, require

SECTOR, BYTE = 7, 0x6B
ADDRESS = "10.98.0.2"


class PciSteps(Steps):
    def __init__(self, show, dom0, build, kernel, kind):
        super().__init__(show, dom0, build, kernel, kind)
        self.guest = Guest(dom0, "pt", kind="direct", stub=self.bios.stub, disks=0, nics=(),
                           modules=("virtio_blk", "e1000e"), pci=[pci.VIRTIO])

    def host(self):
        pci.prepare(self.dom0)
        text = self.see("stubdom doctor | grep -E 'IOMMU|remapping|HVM'")
        require("IOMMU is on" in text, "the host has no IOMMU")
        require("interrupt remapping is on" in text, "a device could forge interrupts")
        return "the IOMMU is on, interrupts are remapped"

    def devices(self):
        text = self.see("xl pci-assignable-list")
        require({pci.VIRTIO, pci.E1000E} <= pci.assignable(self.dom0), "they are dom0's")
        return f"pciback holds {len(text.splitlines())} devices; dom0's drivers have none of them"

    def create(self):
        self.before = self.dom0.scan()
        self.guest.prepare()
        self.see(f"grep -E '^(pci|device_model)' {self.guest.config_path}")
        done = self._create(self.guest)
        report = self.guest.wait("guest: ready", 400)
        self.show.output("(the guest's serial console)", report)
        require(not self.dom0.qemu_processes(), "dom0 runs a QEMU")
        return f"{done}; no QEMU in dom0"

    def disk(self):
        command = "sum vda"
        answer = self.guest.ask(command, "guest: sum vda .*", 120)
        self.show.output(f"(typed: {command})", answer)
        want = pci.content(self.dom0.rig, "pt-virtio")
        require(want in answer, "not the disk's checksum")
        return f"SHA-256 {want[:16]}…, as computed outside; by DMA and MSI-X"

    def write(self):
        answer = self.guest.ask(f"write vda {SECTOR} {BYTE}", "guest: write", 120)
        self.show.output(f"(typed: write vda {SECTOR} {BYTE})", answer)
        with open(self.dom0.rig.machine.path("pt-virtio.img"), "rb") as f:
            f.seek(SECTOR * 512)
            require(set(f.read(512)) == {BYTE}, "the file behind the device does not hold it")
        return "the sector that the guest wrote is in the file behind the device"

    def attach(self):
        self.see(f"xl pci-attach pt {pci.E1000E} && xl pci-list pt")
        answer = self.guest.ask(f"nic {pci.MACS[pci.E1000E]},{ADDRESS}/24", "guest: nic", 120)
        require(" up" in answer, f"its driver does not take it: {answer}")
        answer = self.guest.ask(f"ping {pci.DOM0} 3", "guest: ping", 120)
        self.show.output(f"(typed: ping {pci.DOM0} 3)", answer)
        require("ok 3/3" in answer, "no answer to its pings")
        return "a NIC came to the running guest; ping 3/3 through it"

    def detach(self):
        self.see(f"xl pci-detach pt {pci.E1000E} && xl pci-list pt && stubdom log pt | grep 'PCI device'")
        require(pci.E1000E in pci.assignable(self.dom0), "it is not free")
        return "the NIC is free for the next guest"

    def end(self):
        if self.guest.domid is not None:
            self.see("xl destroy pt", timeout=300)
        self.guest.remove()
        found = leaks.settle(self.dom0, self.before, 60)
        self.see("xl list; xl pci-assignable-list")
        require(not found, "left behind: " + "; ".join(found[:5]))
        if pci.VIRTIO not in pci.assignable(self.dom0):
            raise StepFailed("the disk is not free")
        return "nothing is left, the devices are free"

    def groups(self):
        return [
            [("a Xen host with an IOMMU", self.host),
             ("devices that dom0 gives away", self.devices)],
            [("xl create: a guest with a PCI disk", self.create),
             ("QEMU in a domain of its own", self.lent),
             ("the guest reads it, by its own driver", self.disk),
             ("what it writes is on the disk", self.write),
             ("xl pci-attach: a NIC", self.attach),
             ("xl pci-detach", self.detach)],
            [("xl destroy frees everything", self.end)],
        ]

    def lent(self):
        stub = self.guest.stub_domid
        text = self.see(f"xenstore-read /local/domain/0/backend/pci/{stub}/1/dev-0 "
                        f"/local/domain/{stub}/target")
        require(pci.VIRTIO in text, "the stub domain does not have it")
        require(text.split()[-1] == str(self.guest.domid), "it may touch another guest")
        return f"domain {stub} runs QEMU, and has the configuration space of the disk"
