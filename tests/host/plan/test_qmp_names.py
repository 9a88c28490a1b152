# SPDX-License-Identifier: MIT
"""Each command of QEMU's that names a file, a descriptor or an address is in the relay's tables, or
has its reason here. Without that it would say success and do something in the stub domain only."""
import json
import os
import re
import subprocess
import tempfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
QEMU = ["/usr/libexec/xen-qemu-system-i386", "-machine", "none", "-accel", "qtest", "-nodefaults",
        "-display", "none"]
OUTSIDE = re.compile(r"(.*file(name)?|path|fd|fdname|host|port|ur[il]|addr|server|dir|target|"
                     r"mountpoint|protocol)$")
# Not in the relay's table, and why.
HARMLESS = {
    "block-dirty-bitmap-merge": "its target is a bitmap",
    "blockdev-reopen": "QEMU itself refuses another file",
    "client_migrate_info": "SPICE's, which no guest has",
}
QEMUS_OWN_PATHS = ("qom-", "x-query-virtio-", "cxl-")  # in its tree of objects
HARMLESS_HMP = {
    "balloon": "a size", "client_migrate_info": "SPICE's", "expire_password": "vnc or spice",
    "set_password": "vnc or spice", "qom-get": "QEMU's own path", "qom-list": "QEMU's own path",
    "qom-set": "QEMU's own path", "commit": "QEMU's own error: backing files are read-only",
}


def ask(*args, stdin):
    # A file and no pipe, as image/stubimage/probe.py has it: at its end QEMU drops what a full
    # pipe did not take.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        subprocess.run([*QEMU, *args], input=stdin, stdout=out, stderr=subprocess.PIPE, text=True,
                       timeout=60, check=True)
        out.seek(0)
        return out.read()


def table(name):
    with open(f"{TREE}/launcher/relay/qmp/{name}.c", encoding="utf-8") as f:
        return set(re.findall(r'\{"([\w-]+)",', f.read()))


def members(types, name, seen=frozenset()):
    """Names of all members that are text, at any depth."""
    entry = types[name]
    if name in seen or entry["meta-type"] not in ("object", "alternate", "array"):
        return
    seen |= {name}
    if entry["meta-type"] == "array":
        yield from members(types, entry["element-type"], seen)
    for member in entry.get("members", []):
        if member["type"] == "str":
            yield member.get("name", "")
        yield from members(types, member["type"], seen)
    for variant in entry.get("variants", []):
        yield from members(types, variant["type"], seen)


def test_qmp():
    said = ask("-qmp", "stdio", stdin='{"execute": "qmp_capabilities"}'
               '{"execute": "query-qmp-schema"} {"execute": "quit"}')
    (schema,) = [answer["return"] for answer in map(json.loads, said.splitlines())
                 if isinstance(answer.get("return"), list)]
    types = {entry["name"]: entry for entry in schema}
    found = {entry["name"] for entry in schema if entry["meta-type"] == "command" and
             any(OUTSIDE.match(name) for name in members(types, entry["arg-type"]))}
    assert {"screendump", "migrate", "display-update"} <= found
    missing = {name for name in found - table("table") - set(HARMLESS)
               if not name.startswith(QEMUS_OWN_PATHS)}
    assert missing == set()
    assert set(HARMLESS) <= found


def test_hmp():
    said = ask("-monitor", "stdio", stdin="help\nquit\n")
    lines = re.findall(r"^([a-z][\w-]+)(?:\|\w)? ?(.*?) -- ", re.sub("\x1b.*?[A-Z]", "", said), re.M)
    found = {name for name, words in lines
             if any(OUTSIDE.match(word) for word in re.findall(r"[\w-]+", words) if word != "addr")}
    assert {"change", "screendump", "migrate"} <= found
    assert found - table("hmp") - set(HARMLESS_HMP) == set()
    assert set(HARMLESS_HMP) - found <= {"commit"}
