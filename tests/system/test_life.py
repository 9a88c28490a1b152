# SPDX-License-Identifier: MIT
"""The guest's end in all its forms, and restarts."""
import re


def test_shutdown_by_power_button(make_guest, dom0):
    guest = make_guest("button")
    guest.start()
    dom0.run("xl", "shutdown", "-F", "button")
    dom0.wait_gone(guest.name, guest.name + "-dm")


def test_guest_powers_itself_off(make_guest, dom0):
    guest = make_guest("off")
    guest.start()
    guest.ask("poweroff", "power off")
    dom0.wait_gone(guest.name, guest.name + "-dm")


def test_shutdown_and_reboot_of_linux(make_guest, dom0):
    """`xl reboot` gives a new domain with a new stub domain; `xl shutdown` ends both."""
    guest = make_guest("again", kind="direct", nics=("virtio-net-pci",),
                       serial="file:/opt/guests/run/again/serial.log")
    log = f"{guest.folder}/serial.log"
    guest.create()
    dom0.wait_file(log, "guest: ready")
    first, launcher = dom0.domains(), guest.launcher_pid
    dom0.run("xl", "reboot", "again")
    assert dom0.call("wait_no_process", 120, pid=launcher, seconds=120)
    # The second launcher has emptied the file when it is recorded with its guest.
    assert dom0.call("wait_domain", 120, name="again-dm", other=first["again-dm"], seconds=120)
    dom0.wait_file(log, "guest: ready")
    second = dom0.domains()
    assert second["again"] != first["again"]
    assert second["again-dm"] != first["again-dm"]
    assert dom0.qemu_processes() == []
    dom0.run("xl", "shutdown", "again")
    dom0.wait_gone("again", "again-dm")


def test_destroy_while_starting(make_guest, dom0):
    """The stub domain is not up yet when the guest is destroyed."""
    guest = make_guest("early")
    result = dom0.strike(guest, "boot", "destroy")
    assert result["stage"], result
    assert result["status"] not in (0, None), result
    assert result["seconds"] < 60
    assert not re.search(r"Traceback|Segmentation", result["text"])
    dom0.wait_gone(guest.name, guest.name + "-dm")
