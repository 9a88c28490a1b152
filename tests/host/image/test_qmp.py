# SPDX-License-Identifier: MIT
"""Answers of the image's own QEMU go through the relay's filter as they are, but for names."""
import json
import subprocess

from conftest import BUILD
from stubimage import contents

# Commands of libxl 4.20, libvirt's driver for it, xentop and a person.
COMMANDS = [
    ("query-version", {}), ("query-status", {}), ("query-name", {}), ("query-uuid", {}),
    ("query-commands", {}), ("query-events", {}), ("query-qmp-schema", {}), ("query-machines", {}),
    ("query-command-line-options", {}), ("query-target", {}), ("query-kvm", {}),
    ("query-cpus-fast", {}), ("query-hotpluggable-cpus", {}), ("query-pci", {}),
    ("query-block", {}), ("query-blockstats", {}), ("query-named-block-nodes", {}),
    ("query-named-block-nodes", {"flat": True}), ("query-block-jobs", {}), ("query-jobs", {}),
    ("query-chardev-backends", {}), ("query-iothreads", {}), ("query-memdev", {}),
    ("query-memory-size-summary", {}), ("query-mice", {}), ("query-migrate", {}),
    ("query-migrate-capabilities", {}), ("query-migrate-parameters", {}), ("query-rx-filter", {}),
    ("query-tpms", {}), ("query-audiodevs", {}), ("query-replay", {}), ("query-yank", {}),
    ("query-stats-schemas", {}), ("query-acpi-ospm-status", {}), ("query-memory-devices", {}),
    ("query-vm-generation-id", {}), ("query-display-options", {}), ("query-cpu-definitions", {}),
    ("qom-list", {"path": "/machine"}), ("qom-list-types", {}), ("x-query-roms", {}),
    ("qom-get", {"path": "/machine", "property": "type"}),
    ("qom-get", {"path": "/machine/peripheral/net0", "property": "mac"}),
    ("device-list-properties", {"typename": "e1000"}), ("x-query-ramblock", {}),
    ("human-monitor-command", {"command-line": "info qtree"}),
    ("human-monitor-command", {"command-line": "info block"}),
    ("device_del", {"id": "net0"}), ("device_del", {"id": "no-such"}),
    ("stop", {}), ("cont", {}), ("system_reset", {}), ("no-such-command", {}),
    ("query-vnc-servers", {}), ("query-vnc", {}), ("query-chardev", {}),
]
# Members whose values are dom0's to give, or nobody's.
NAMES = {"filename", "file", "host", "service", "thread-id"}
OWN = {"query-vnc", "query-chardev"}  # answered from the plan


def without_names(value):
    if isinstance(value, dict):
        return {key: without_names(item) for key, item in value.items() if key not in NAMES}
    return [without_names(item) for item in value] if isinstance(value, list) else value


def differences(was, now, at=""):
    """The differences of two JSON values, one line each: pytest's own diff of these takes
    minutes."""
    if type(was) is not type(now) or not isinstance(was, (dict, list)) or len(was) != len(now):
        return [] if was == now else [f"{at}: {was!r:.200} became {now!r:.200}"]
    keys = was if isinstance(was, dict) else range(len(was))
    return [line for key in keys if not isinstance(was, dict) or key in now
            for line in differences(was[key], now[key], f"{at}.{key}")] + [
        f"{at}.{key} is gone" for key in keys if isinstance(was, dict) and key not in now]


def texts(value):
    if isinstance(value, dict):
        value = [item for key, item in value.items() if key in NAMES] + list(value.values())
    return [value] if isinstance(value, str) else [
        text for item in value for text in texts(item)] if isinstance(value, list) else []


def test_answers_of_the_images_qemu(image, tmp_path):
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(1 << 20))
    commands = [("qmp_capabilities", {}), *COMMANDS, ("quit", {})]

    def ask(first_id):
        return [json.dumps({"execute": name, "arguments": arguments, "id": n})
                for n, (name, arguments) in enumerate(commands, first_id)]

    run = subprocess.run(
        [contents.QEMU, "-no-user-config", "-nodefaults", "-machine", "pc,accel=qtest", "-m", "64",
         "-name", "guest", "-vga", "std", "-vnc", f"unix:{tmp_path}/vnc", "-qmp", "stdio",
         "-drive", f"file={disk},format=raw,if=ide", "-device", "e1000,id=net0",
         "-serial", "null", "-usb", "-usbdevice", "tablet"],
        input="\n".join(ask(1)), text=True, timeout=60, check=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = run.stdout.splitlines()
    # The client's ids are others than QEMU's.
    passed = subprocess.run(
        [BUILD / "tests/unit/qmp_replay", image], text=True, check=True, stdout=subprocess.PIPE,
        input="".join(f">{line}\n" for line in ask(1001)) + "".join(f"<{line}\n" for line in said))
    raw = [json.loads(line) for line in said]
    got = [json.loads(line) for line in passed.stdout.splitlines()]
    raw[0]["QMP"]["capabilities"] = []
    assert got[0] == raw[0] and len(got) == len(raw)
    answers = 0
    changed = []
    for was, now in zip(raw[1:], got[1:]):
        if "event" in was:
            changed += differences(without_names(was), without_names(now), was["event"])
            continue
        assert now.pop("id") == was.pop("id") + 1000
        name = commands[answers][0]
        answers += 1
        if name not in OWN:
            changed += differences(without_names(was), without_names(now), name)
        assert not any(text.startswith(str(tmp_path)) for text in texts(now)), name
    assert not changed
    assert answers == len(commands)
    assert any("event" in message for message in got)
