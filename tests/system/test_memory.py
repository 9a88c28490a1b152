# SPDX-License-Identifier: MIT
"""A host whose dom0 has all memory, as without dom0_mem=. Where xl.conf allows it, dom0 shrinks for
the stub domain as it does for the guest. It gets the memory back when the start fails."""
import re

import pytest

CONF = "/etc/xen/xl.conf"


def target_mib(dom0):
    return int(dom0.xenstore("/local/domain/0/memory/target")) // 1024


@pytest.fixture(name="full")
def make_full(dom0, leak_check):
    """Xen has next to nothing free: a domain that never runs holds it, since dom0 of the rig
    cannot grow beyond what it was started with. Says how to let go of some of it."""
    dom0.run("cp", CONF, "/root/xl.conf.before")
    before = target_mib(dom0)
    free = int(re.search(r"free_memory +: (\d+)", dom0.run("xl", "info").stdout).group(1))
    dom0.write("/root/filler.cfg", "name='filler'\ntype='pvh'\nvcpus=1\n"
               f"kernel='/opt/guests/vmlinuz'\nmemory={free - 70}\n")
    dom0.run("xl", "create", "-p", "/root/filler.cfg", timeout=120)
    yield
    dom0.run("xl", "destroy", "filler", check=False, timeout=120)
    dom0.shell(f"mv /root/xl.conf.before {CONF}; rm -f /root/filler.cfg; xl mem-set 0 {before}m")


def test_dom0_shrinks(make_guest, dom0, full):
    dom0.shell(f"echo 'autoballoon=\"on\"' >{CONF}")
    before = target_mib(dom0)
    guest = make_guest("shrink", nics=())
    guest.start()
    assert "dom0 gave up" in guest.log()
    assert target_mib(dom0) < before - 60
    guest.destroy()
    dom0.wait_gone(guest.name, guest.name + "-dm")

    # A start that fails after that: dom0 gets back the memory that it gave up.
    failing = make_guest("shrink2", nics=(), device_model_args=[
        "-stubdom", guest.stub.argument() + ",timeout=1,memory=400"])
    before = target_mib(dom0)
    done = failing.create(check=False)
    assert done.status != 0
    assert "dom0 may have its" in failing.log()
    assert target_mib(dom0) > before - 60

    # Not allowed: refused, and the line names the setting that forbids it.
    dom0.shell(f"echo 'autoballoon=\"off\"' >{CONF}")
    refused = make_guest("shrink3", nics=(), device_model_args=[
        "-stubdom", guest.stub.argument() + ",memory=900"])
    done = refused.create(check=False)
    assert done.status != 0
    assert "autoballoon=off in /etc/xen/xl.conf" in done.text
