# SPDX-License-Identifier: MIT
"""Compiler and linker hardening of the programs that run in dom0, and of the agent."""
import os
import re
import subprocess

import pytest

BUILD = os.path.realpath(os.environ.get("BUILD", "build"))
DOM0 = ["launcher/stubdom-dm", "launcher/stubdom-relay", "launcher/stubdom-block", "launcher/stubdom-vif",
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
