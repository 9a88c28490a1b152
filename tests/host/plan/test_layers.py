# SPDX-License-Identifier: MIT
"""The launcher's folders say which process, with which rights, runs a line. They have no circle.
Folders that run as root include nothing of the relay's but the messages between the two."""
import os
import re

LAUNCHER = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../../launcher"))
ROOT = {"plan", "check", "domain"}
MESSAGES = "relay/msg"


def room_of(path):
    """The folder of a file; the messages are a room of their own, between the two processes."""
    stem = os.path.splitext(path)[0]
    return MESSAGES if stem == MESSAGES else os.path.dirname(path)


def includes():
    """(file, header) for each header of the launcher that a file of it includes."""
    out = []
    for folder, _, names in os.walk(LAUNCHER):
        for name in names:
            if not name.endswith((".c", ".h")):
                continue
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as f:
                text = f.read()
            for header in re.findall(r'^#include "([^"]+)"', text, re.M):
                if os.path.exists(os.path.join(LAUNCHER, header)):
                    out.append((os.path.relpath(path, LAUNCHER), header))
    assert len(out) > 100
    return out


def test_no_circle():
    uses = {}
    for path, header in includes():
        if room_of(path) != room_of(header):
            uses.setdefault(room_of(path), {}).setdefault(room_of(header), (path, header))
    assert {"plan", "check", "domain", "relay", "endpoint"} & set(uses)

    def walk(room, trail):
        for below, example in uses.get(room, {}).items():
            assert below not in trail, f"a circle: {' > '.join([*trail, below])}, as {example}"
            walk(below, [*trail, below])

    for room in uses:
        walk(room, [room])


def test_root_reads_nothing_of_the_relay():
    wrong = [(path, header) for path, header in includes()
             if room_of(path).split("/")[0] in ROOT and header.startswith("relay/")
             and room_of(header) != MESSAGES]
    assert not wrong


def test_the_plan_is_pure():
    """It names nothing of the folders that carry it out."""
    wrong = [(path, header) for path, header in includes()
             if room_of(path) == "plan" and room_of(header) not in ("plan",)]
    assert not wrong


def test_functions_are_small():
    """At most six parameters and 80 lines, on the launcher's side."""
    seen, wrong = 0, []
    for folder, _, names in os.walk(LAUNCHER):
        for name in sorted(names):
            if not name.endswith(".c"):
                continue
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), f.read(),
                              flags=re.S)
            for head, body in re.findall(r"^(\w[^;{}()]*\((?:[^;{}()]|\([^()]*\))*\))\n\{\n(.*?)^\}",
                                         text, re.M | re.S):
                seen += 1
                parameters = re.sub(r"\([^()]*\)", "", head[head.index("(") + 1:-1])
                if parameters.count(",") >= 6 or body.count("\n") > 80:
                    wrong.append(f"{name}: {head}")
    assert seen > 500
    assert not wrong
