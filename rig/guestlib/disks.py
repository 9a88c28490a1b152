# SPDX-License-Identifier: MIT
"""Disks of test guests: the direct guest's view of them, and dom0's of its journal."""
import hashlib
import struct
import time

BLOCK = 4096  # of the journal
PV = ("console=ttyS0 quiet panic=-1 tsc=reliable "
      "guest.load=ata_piix,sd_mod,xen_blkfront,xen_netfront")  # they take over all that they know
LINUX = "console=ttyS0 quiet panic=-1 tsc=reliable xen_emul_unplug=never guest.load="


def listed(guest):
    """Name to (bytes, sector size, "ro" or "rw"), as the guest's kernel has them."""
    out = {}
    for line in guest.ask("disks", "disks done", 120).splitlines():
        words = line.split()
        # A disk that has just come has no node yet: an error is in its bytes' place.
        if words[:2] == ["guest:", "disk"] and words[4].isdigit():
            out[words[2]] = (int(words[4]), int(words[6]), words[7])
    return out


def wait_listed(guest, count, seconds=120):
    """The guest's list of disks, once that many are there: drivers probe in the background."""
    end = time.monotonic() + seconds
    while True:
        found = listed(guest)
        if len(found) >= count or time.monotonic() > end:
            return found


def digest(guest, name, size=0):
    """The SHA-256 that the guest finds of the disk's first bytes (0: of all)."""
    return guest.ask(f"sum {name} {size}", f"sum {name} ", 120).split()[-1]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def journal(blocks):
    """The bytes that the guest's `journal DISK 0 BLOCKS` writes."""
    return b"".join(struct.pack("<Q", i + 1) * (BLOCK // 8) for i in range(blocks))


def write_journal(guest, name, blocks):
    said = guest.ask(f"journal {name} 0 {blocks}", f"journal {name} (done|error)", 120)
    assert f"journal {name} done" in said, said


def drive(path, device, name, fmt="raw", **options):
    """Arguments for device_model_args: a disk that xl's own syntax has no word for."""
    more = "".join(f",{k}={v}" for k, v in options.items())
    return ["-drive", f"file={path},if=none,id={name},format={fmt}{more}",
            "-device", f"{device},drive={name}"]
