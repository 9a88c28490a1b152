# SPDX-License-Identifier: MIT
"""The image on plain QEMU: Linux unpacks it, the agent starts, and says that Xen is missing."""
import json
import subprocess


def test_without_xen_the_agent_says_so_and_powers_off(image, tmp_path):
    linux = json.loads((image / "manifest.json").read_text())["kernels"]["linux"]
    ramdisk = tmp_path / "ramdisk"
    ramdisk.write_bytes(b"".join((image / name).read_bytes() for name in linux["ramdisk"]))
    run = subprocess.run(
        ["qemu-system-x86_64", "-accel", "tcg", "-m", "512", "-nodefaults", "-nographic",
         "-no-reboot", "-serial", "stdio", "-kernel", image / linux["file"], "-initrd", ramdisk,
         "-append", linux["cmdline"].replace("hvc0", "ttyS0")],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace",
        timeout=240)
    assert run.returncode == 0, run.stdout
    assert "agent: error: boot: no Xen: cannot open /dev/xen/xenbus" in run.stdout
    assert "Initramfs unpacking failed" not in run.stdout
    assert "reboot: Power down" in run.stdout
