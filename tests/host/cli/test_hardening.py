# SPDX-License-Identifier: MIT
"""Compiler and linker hardening of the programs that run in dom0, and of the agent."""
import os
import re
import subprocess

import pytest

TREE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
BUILD = os.path.realpath(os.environ.get("BUILD", "build"))
DOM0 = ["launcher/stubdom-dm", "launcher/stubdom-relay", "launcher/stubdom-block", "launcher/stubdom-vif",
        "launcher/stubdom-select",
        "cli/stubdom"]
AGENT = "agent/stubdom-agent"


def readelf(flags, program):
    return subprocess.run(["readelf", "-W", flags, f"{BUILD}/{program}"], check=True,
                          capture_output=True, text=True).stdout


def imports(program):
    return set(re.findall(r"UND (\w+)", readelf("--dyn-syms", program)))


@pytest.mark.parametrize("program", DOM0 + [AGENT])
def test_layout(program):
    assert re.search(r"Type:\s+DYN", readelf("-h", program)), "not position-independent"
    segments = readelf("-l", program)
    assert "GNU_RELRO" in segments
    stack = re.search(r"GNU_STACK\s+(?:0x[0-9a-f]+\s+){5}([RWE ]+)\s", segments)
    assert stack and "E" not in stack.group(1), "its stack is executable"
    loads = re.findall(r"LOAD\s+(?:0x[0-9a-f]+\s+){5}([RWE ]+?)\s+0x", segments)
    assert loads and not [flags for flags in loads if "W" in flags and "E" in flags]
    dynamic = readelf("-d", program)
    assert "BIND_NOW" in dynamic or re.search(r"FLAGS_1\).*NOW", dynamic)
    assert "TEXTREL" not in dynamic
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic


@pytest.mark.parametrize("program", DOM0)
def test_stack_protector(program):
    assert "__stack_chk_fail" in imports(program)


def test_fortified():
    """With what the compiler could not prove, checked when it runs (_FORTIFY_SOURCE=3)."""
    for program in ("launcher/stubdom-dm", "launcher/stubdom-relay", "cli/stubdom"):
        found = {name for name in imports(program) if name.endswith("_chk")}
        assert {"__snprintf_chk", "__memcpy_chk"} & found, found


def test_the_profile_of_the_relay():
    """AppArmor's parser takes it without a warning. It is enforced, and lets the relay run nothing."""
    path = f"{TREE}/packaging/apparmor/stubdom-relay"
    # For a kernel that enforces all that the profile says; this machine's may have no AppArmor.
    done = subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--warn=all",
                           "--kernel-features=/etc/apparmor.d/abi/4.0", path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True, timeout=60)
    said = [line for line in done.stdout.splitlines()
            if not line.startswith("Cache read/write disabled")]
    assert done.returncode == 0 and not said, done.stdout
    with open(path, encoding="utf-8") as f:
        rules = [line.split("#")[0].strip() for line in f]
    assert "abi <abi/3.0>," in rules  # the newest that Debian 12 has
    assert not [rule for rule in rules if re.search(r"flags=.*complain", rule)]
    modes = [rule.rsplit(None, 1)[1] for rule in rules if rule.startswith(("/", "deny /"))]
    assert len(modes) > 6 and not [mode for mode in modes if "x" in mode.lower()]
