# SPDX-License-Identifier: MIT
"""A guest that is saved, restored and migrated: the same guest goes on."""


def check_same(guest, dom0, kept, sector):
    """Its memory, its disk and its devices are where they were."""
    guest.attach()
    assert guest.ask("kept", "kept").split()[-1] == kept
    assert guest.ask("read 0 1200", "read 0 1200").split()[-1] == sector
    assert "8086100e" in guest.ask("nics", "nics done")
    assert dom0.call("wait_domains", 30, names=[guest.name, guest.name + "-dm"], seconds=30), \
        dom0.domains()
    assert dom0.qemu_processes() == []


DUMPS = "/var/lib/qemu-stubdom/dump"


def check_files(guest, dom0):
    """What QEMU writes by QMP ends up in dom0, where it may."""
    memory = ["stubdom", "qmp", guest.name, "pmemsave", "val=16777216", "size=1048576"]
    dom0.run(*memory, f"filename={DUMPS}/memory")
    got = dom0.rig.exec(["cat", f"{DUMPS}/memory"]).stdout
    assert got == b"".join(bytes([(77 + page) % 256]) * 4096 for page in range(256))
    dom0.run("stubdom", "qmp", guest.name, "screendump", f"filename={DUMPS}/screen")
    assert dom0.rig.exec(["head", "-c", "3", f"{DUMPS}/screen"]).stdout == b"P6\n"
    for path in ("/etc/cron.d/x", f"{DUMPS}/../x", f"{DUMPS}/no/x"):
        refused = dom0.run(*memory, f"filename={path}", check=False)
        assert refused.status != 0 and "add-fd" in refused.text
    # Something that is no file of its own is not written through.
    dom0.shell(f"echo mine >/root/mine && ln -s /root/mine {DUMPS}/link "
               f"&& ln /root/mine {DUMPS}/second || true")
    for name in ("link", "second"):
        assert dom0.run(*memory, f"filename={DUMPS}/{name}", check=False).status != 0
    assert dom0.read("/root/mine") == "mine\n"
    # dom0's disk is full.
    dom0.shell(f"mount -t tmpfs -o size=64k,mode=0700 none {DUMPS}")
    try:
        full = dom0.run(*memory, f"filename={DUMPS}/memory", check=False)
    finally:
        dom0.shell(f"umount {DUMPS}; rm -rf {DUMPS} /root/mine")
    assert full.status != 0 and "No space left" in full.text


def test_save_and_restore(make_guest, dom0):
    guest = make_guest("saved")
    guest.start()
    kept = guest.ask("keep 77", "keep").split()[-1]
    sector = guest.ask("write 0 1200 0x5a", "write 0 1200").split()[-1]
    state = f"{guest.folder}/state"
    check_files(guest, dom0)

    # A checkpoint: the guest goes on where it is.
    dom0.run("xl", "save", "-c", guest.name, f"{state}.1", timeout=240)
    assert guest.ask("kept", "kept").split()[-1] == kept

    # Saved, it is gone, and its device model with it.
    dom0.run("xl", "save", guest.name, state, timeout=240)
    guest.detach()
    dom0.wait_gone(guest.name, guest.name + "-dm")
    dom0.run("xl", "restore", state, timeout=300)
    check_same(guest, dom0, kept, sector)

    # A migration that fails: it goes on where it was.
    assert dom0.run("xl", "migrate", "-s", "", guest.name, "false", timeout=240,
                    check=False).status != 0
    assert guest.ask("kept", "kept").split()[-1] == kept

    # To this very host, where for a while both are there.
    guest.detach()
    dom0.run("xl", "migrate", "-s", "", guest.name, "xl migrate-receive", timeout=400)
    check_same(guest, dom0, kept, sector)
    assert dom0.shell("ls /var/lib/xen/qemu-* 2>/dev/null || true").stdout == ""
    assert dom0.xenstore(f"/local/domain/0/stubdom/{guest.domid}/guest") == guest.name
    assert "running" in dom0.run("stubdom", "status", guest.name).stdout
