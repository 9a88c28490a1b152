# SPDX-License-Identifier: MIT
"""The benchmarks' reading of Xen's trace, and their tables and pictures, with made-up figures."""
import collections
import os
import struct
import sys
import types

import pytest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import alone  # noqa: E402
import bench  # noqa: E402
import counts  # noqa: E402
import disk  # noqa: E402
import eager  # noqa: E402
import net  # noqa: E402
import plot  # noqa: E402
import scale  # noqa: E402
import screen  # noqa: E402
import xentrace  # noqa: E402

GUEST, STUB = 3, 4
SVM_EXIT, NM, PORT, VMMCALL = 0x81003, 0x47, 0x7B, 0x81
SCHED_OP, DM_OP = 29, 41
MULTICALL_OF_TWO = 13 | 1 << 22  # arguments of a PV hypercall follow its number


def record(event, *words, cycles=False):
    head = event | len(words) << 28 | cycles << 31
    return struct.pack("<I", head) + (bytes(8) if cycles else b"") + struct.pack(f"<{len(words)}I", *words)


def switch(domid):
    return record(xentrace.TRC_SCHED_SWITCH, 0, 0, domid, 0)


TRACE = b"".join((
    switch(GUEST), record(SVM_EXIT, PORT, 0, 0, cycles=True),
    switch(STUB), record(SVM_EXIT, NM, 0, 0), record(SVM_EXIT, VMMCALL, 0, 0, cycles=True),
    record(xentrace.TRC_HVM_VMMCALL, SCHED_OP), record(SVM_EXIT, VMMCALL, 0, 0),
    record(xentrace.TRC_HVM_VMMCALL, DM_OP), switch(0),
    record(xentrace.TRC_PV_HYPERCALL_V2, MULTICALL_OF_TWO, 2)))


def test_profile():
    """Each hypercall is counted once, by its name, for the domain that made it."""
    assert xentrace.profile(TRACE) == {
        GUEST: {"port": 1}, STUB: {"#NM": 1, "hypercall sched_op": 1, "hypercall dm_op": 1}}
    assert xentrace.domain_exits(TRACE)[STUB] == {"#NM": 1, "hypercall": 2}
    assert xentrace.pv_calls(TRACE) == collections.Counter(
        {"exits": 4, "hypercalls of others": 2, "hypercall multicall": 1})
    with pytest.raises(xentrace.TraceError):
        xentrace.profile(TRACE + record(xentrace.TRC_LOST_RECORDS, 5, 0, 0, 0))


PROFILE = {"guest": {"port": 26.1}, "stub domain": {"#NM": 29.3, "hypercall sched_op": 27.0, "NMI": 0.01}}


def test_profile_table():
    lines = disk.profile_table("a read", {"dom0": {"guest": {"port": 26.0}}, "nub": PROFILE}).splitlines()
    assert lines[0].split()[-7:] == ["dom0:", "guest", "nub:", "guest", "nub:", "stub", "domain"]
    assert lines[1].split() == ["port", "26.0", "26.1", "0.0"]
    assert not any("NMI" in line for line in lines)
    assert lines[-1].split() == ["sum", "26.0", "26.1", "56.3"]


def test_disk_report(capsys):
    """A slow side has few loads, and is left out of the others."""
    figures = {"mib_s": 2.0, "cpu_s_per_gib": 1.0}
    traced = {**figures, "profile": PROFILE, "exits": 82.4}
    found = {"dom0": {"read/4096/1": traced, "write/4096/1": figures}, "linux": {"read/4096/1": traced}}
    out = disk.report("ide", ("dom0", "linux"), [found])
    assert set(out["write/4096/1"]["mib_s"]) == {"dom0"}
    assert out["read/4096/1"]["profile"]["linux"] == PROFILE
    assert "ide, read/4096/1: exits of one request" in capsys.readouterr().out


def counted(n):
    return {**{key: n for key in counts.ROWS}, **{detail: {"kind": n} for detail in counts.DETAILS}}


def start_part():
    sides = {side: {key: number for key in bench.ROWS} for side, number in
             (("dom0", 2.0), ("stub", 3.0), ("linux", 9.0))}
    rounds = [sides, {side: sides[side] for side in ("dom0", "stub")}]
    return {"rows": bench.collect(rounds), "rounds": rounds}


def scale_part():
    one = {"event_channels": 8.0, "create_s": 7.0, "create_all_s": [6.0, 7.0, 8.0]}
    return {"1": one, "16": one, "one": {"grants": 24}, "at once": {"started": 4, "all_s": 20.0}}


def test_tables():
    assert "1.50 / 1.50 / 1.50" in bench.table(start_part()["rows"])
    assert counts.table({"a disk": {"dom0": counted(100), "stub domain": counted(200)}}).count("200") \
        == len(counts.ROWS) + len(counts.DETAILS)
    assert "port access, eager FPU" in eager.table({"port access": PROFILE})
    assert "started" in scale.table(scale_part())
    assert screen.table({"dom0": {key: 12.5 for key in screen.ROWS}}).count("12.5") == len(screen.ROWS)
    rows = [{"dom0": {key: 3.25 for key in net.ROWS}}]
    assert net.table(["dom0"], rows).count("3.25") == len(net.ROWS)


def test_pictures(tmp_path):
    exits = {side: {"median": number, "ratio": 1.0} for side, number in (("dom0", 48.7), ("nub", 105.0))}
    parts = {"start": start_part(), "scale": scale_part(), "disk": {"ide": {"read/4096/1": {"exits": exits}}}}
    for name, pictures in plot.PARTS.items():
        pictures(parts[name], str(tmp_path))
    assert {f for f in os.listdir(tmp_path) if f.endswith(".png")} == {
        "start.png", "ratios.png", "scale.png", "exits.png"}


class FakeRig:
    def __init__(self, part):
        self.began, self.ended = part, False

    def down(self):
        self.ended = True


def test_a_part_that_fails_costs_no_other(monkeypatch):
    """Others are measured, those behind it in a fresh rig; a side that fails is told, too."""
    rigs, ran = [], []

    def run_part(rig, part, _args, _build, _results):
        ran.append((part, rig.began))
        if part == "disk":
            raise bench.TooLong()
        alone.each(part, {"dom0": 1, "linux": 0}, lambda side: 1 / side)

    def up(part, _args, _name):
        rigs.append(FakeRig(part))
        return rigs[-1]

    monkeypatch.setattr(alone, "failed", [])
    monkeypatch.setattr(bench, "run_part", run_part)
    monkeypatch.setattr(bench, "up", up)
    args = types.SimpleNamespace(parts="counts,kernel,disk,net,scale", rig=None)
    assert bench.run(args, "x", "", {}) == ["disk", "counts: linux", "kernel: linux", "net: linux", "scale: linux"]
    assert ran == [("counts", "counts"), ("kernel", "kernel"), ("disk", "kernel"), ("net", "net"),
                   ("scale", "net")]
    assert all(rig.ended for rig in rigs)


def test_a_side_that_fails(monkeypatch):
    monkeypatch.setattr(alone, "failed", [])
    assert alone.each("x", {"dom0": 2, "linux": 0}, lambda side: 1 / side) == {"dom0": 0.5}
    assert alone.failed == ["x: linux"]
