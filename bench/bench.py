#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures a guest's device model in dom0 and in a stub domain, in turn, in one rig. Prints
tables and writes build/bench/results.json, after each part what there is. Run by `make bench`, in
the workbench; on software emulation only counts and ratios mean anything."""
import argparse
import json
import os
import signal
import statistics
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, "rig"), os.path.join(TREE, "bench")]

import alone  # noqa: E402
import channels  # noqa: E402
import counts  # noqa: E402
import disk  # noqa: E402
import eager  # noqa: E402
import kernel  # noqa: E402
import net  # noqa: E402
import scale  # noqa: E402
import screen  # noqa: E402
import xentrace  # noqa: E402
from guestlib.dom0host import Dom0  # noqa: E402
from guestlib.guest import Guest, Stub  # noqa: E402
from rigctl.rig import Rig  # noqa: E402

# name: (unit, what it is)
ROWS = {
    "create_s": ("s", "xl create, until it returns"),
    "bios_ready_s": ("s", "xl create, until the BIOS guest is ready"),
    "linux_up_s": ("s", "xl create, until Linux's user space runs"),
    "pio_us": ("us", "one port read, there and back (median of runs)"),
    "exits_per_pio": ("", "exits per port read, guest and stub domain together"),
    "dom0_kb": ("KB", "dom0's processes for the device model (PSS)"),
    "stub_mb": ("MB", "the stub domain's memory"),
}


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Bench:
    def __init__(self, dom0, stub, pio):
        self.dom0, self.stub, self.pio = dom0, stub, pio
        text = dom0.run("xl", "info").stdout
        info = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        self.mhz = float(next(v for k, v in info.items() if k.strip() == "cpu_mhz"))
        self.xen = next(v.strip() for k, v in info.items() if k.strip() == "xen_version")

    def start(self, guest, said):
        """Creates the guest; seconds until xl returns and until the guest has said `said`."""
        guest.prepare()
        begin = time.monotonic()
        done = self.dom0.call("timed_run", 600, seconds=600,
                              argv=["xl", "create", guest.config_path])
        if done["status"]:
            raise RuntimeError(f"xl create failed:\n{done['text']}\n{guest.log()}")
        self.dom0.wait_file(f"{guest.folder}/serial.log", said, seconds=600)
        return done["seconds"], time.monotonic() - begin

    def port_reads(self, guest):
        """Microseconds of one port read, by the guest's own clock; exits for each."""
        times = []
        for _ in range(3):
            words = guest.ask(f"pio {self.pio}", "pio", 600).split()
            times.append(int(words[4], 16) / self.pio / self.mhz)
        found = xentrace.exits_during(
            self.dom0, lambda: guest.ask(f"pio {self.pio}", "pio", 600))
        note(f"exits: {dict(found.most_common(6))}")
        return statistics.median(times), sum(found.values()) / self.pio

    def round(self, name, stub):
        """One device model's figures."""
        out = {}
        guest = Guest(self.dom0, name, stub=stub, serial="pty")
        linux = Guest(self.dom0, name, kind="direct", stub=stub)
        for g in (guest, linux):
            g.config["serial"] = f"file:{g.folder}/serial.log"
        try:
            out["create_s"], out["bios_ready_s"] = self.start(guest, "bios-guest: ready")
            guest.remove()
            _, out["linux_up_s"] = self.start(linux, "guest: up")
            pattern = r"stubdom-(dm.*-xen-domid|relay )" if stub else r"qemu-system.*-xen-domid"
            out["dom0_kb"] = self.dom0.call("memory_of", pattern=pattern)["kilobytes"]
            out["stub_mb"] = self._memory(name + "-dm") if stub else 0
            linux.remove()
            guest.config["serial"] = "pty"
            guest.prepare()
            guest.start()
            out["pio_us"], out["exits_per_pio"] = self.port_reads(guest)
        finally:
            guest.remove()
        return out

    def _memory(self, domain):
        return int(self.dom0.run("xl", "list", domain).stdout.splitlines()[1].split()[2])


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def collect(rounds):
    """Each row's values on both sides, and ratios (stub domain to dom0) round by round."""
    rows = {}
    for key, (unit, what) in ROWS.items():
        dom0 = [r["dom0"][key] for r in rounds]
        stub = [r["stub"][key] for r in rounds]
        row = {"what": what, "unit": unit, "dom0": spread(dom0), "stub": spread(stub)}
        linux = [r["linux"][key] for r in rounds if "linux" in r]
        if linux:
            row["linux"] = spread(linux)
        if all(dom0):
            row["ratio"] = spread([s / d for s, d in zip(stub, dom0)])
        rows[key] = row
    return rows


def table(rows):
    def three(values, digits):
        return " / ".join(f"{values[k]:.{digits}f}" for k in ("min", "median", "max"))

    lines = [f"{'min / median / max':48} {'dom0':>24} {'stub domain':>24} {'ratio':>18} {'linux':>8}"]
    for row in rows.values():
        digits = 0 if row["unit"] in ("KB", "MB") else 1
        ratio = three(row["ratio"], 2) if "ratio" in row else "-"
        what = f"{row['what']}" + (f" ({row['unit']})" if row["unit"] else "")
        linux = f"{row['linux']['median']:.{digits}f}" if "linux" in row else "-"
        lines.append(f"{what:48} {three(row['dom0'], digits):>24} "
                     f"{three(row['stub'], digits):>24} {ratio:>18} "
                     f"{linux:>8}")
    return "\n".join(lines)


def start_part(dom0, args, _build):
    """Three sides; Linux in the first round only, for it is slow."""
    bench, rounds = Bench(dom0, Stub(kernel=args.kernel, type=args.type), args.pio), []
    for number in range(args.rounds):
        sides = {"dom0": None, "stub": bench.stub}
        if not number:
            sides["linux"] = Stub(kernel="linux")
        figures = alone.each(f"start, round {number + 1} of {args.rounds}", sides,
                             lambda stub: bench.round("bench", stub))
        if {"dom0", "stub"} <= set(figures):
            rounds.append(figures)
    if not rounds:
        raise RuntimeError("in no round did both sides start")
    rows = collect(rounds)
    return {"xen": bench.xen, "cpu_mhz": bench.mhz, "pio": args.pio, "rows": rows,
            "rounds": rounds}, table(rows)


def kernel_part(dom0, _args, _build):
    kernels = {k: k for k in ("nub", "linux", "dom0")}
    figures = alone.each("kernel", kernels, lambda k: kernel.measure(dom0, k))
    return figures, kernel.table(figures)


def channels_part(dom0, args, build):
    figures = channels.measure(dom0, Stub(kernel=args.kernel, type=args.type), build)
    return figures, "\n".join(f"{k:24} {v:.2f}" for k, v in figures.items())


def net_part(dom0, args, _build):
    sides = ("dom0", "wire", "linux")
    rounds = net.measure(dom0, args.kernel, sides, mb=1)
    return {"model": "e1000", "rounds": rounds}, net.table(sides, rounds)


def disk_part(dom0, args, _build):
    return disk.measure_all(dom0, ("dom0", args.kernel, "linux"), ("ide", "virtio"), mib=1, rounds=1,
                            loads=disk.SHORT, slow=("linux",)), ""


def scale_part(dom0, args, build):
    figures = scale.measure(dom0, Stub(kernel=args.kernel, type=args.type), build, (1, 4))
    return figures, scale.table(figures)


def counts_part(dom0, args, build):
    figures = counts.measure(dom0, Stub(kernel=args.kernel, type=args.type), build)
    return figures, counts.table(figures)


def screen_part(dom0, args, build):
    figures = screen.measure(dom0, Stub(kernel=args.kernel, type=args.type), build)
    return figures, screen.table(figures)


def eager_part(dom0, args, build):
    figures = eager.measure(dom0, Stub(kernel=args.kernel, type=args.type), build)
    return figures, eager.table(figures)


# Smaller than by themselves, so that the whole takes half an hour.
PARTS = {"counts": counts_part, "kernel": kernel_part, "eager": eager_part, "disk": disk_part,
         "net": net_part, "channels": channels_part, "screen": screen_part, "start": start_part,
         "scale": scale_part}
PART_SECONDS = 900
# Parts in a rig of their own, of this kind.
ALONE = {"counts": "standard", "eager": "eager-fpu"}


class TooLong(BaseException):
    """A part that hangs must not cost the others their time. alone.each() lets it through."""


def too_long(*_):
    raise TooLong(f"no end after {PART_SECONDS} s")


def save(build, results):
    with open(f"{build}/bench/results.json", "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1)


def run_part(rig, part, args, build, results):
    dom0, begin = Dom0(rig), time.monotonic()
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(PART_SECONDS)
    try:
        dom0.install_assets(build)
        results["parts"][part], text = PARTS[part](dom0, args, build)
    finally:
        signal.alarm(0)
        results["seconds"][part] = round(time.monotonic() - begin)
        save(build, results)
        dom0.close()
    print(f"\n== {part}, {results['seconds'][part]} s\n{text}", flush=True)


def up(part, args, name):
    if part in ALONE:
        return Rig.up(f"{name}-{part}", product=True, bound=True, kind=ALONE[part])
    return Rig.up(name, product=True, bound=not args.rig)


def run(args, name, build, results):
    """Fills results; what could not be measured. After a part that failed the next one has a fresh rig."""
    failed, shared = [], None
    for part in args.parts.split(","):
        note(f"part {part}")
        rig = None if part in ALONE else shared
        try:
            rig = rig or up(part, args, name)
            run_part(rig, part, args, build, results)
        except (Exception, TooLong) as e:  # the other parts still count
            note(f"part {part}: {type(e).__name__}: {e}")
            failed.append(part)
        if part in ALONE:
            _down(rig)
        elif part in failed and not args.rig:
            _down(rig)
            shared = None
        else:
            shared = rig
    if not args.rig:
        _down(shared)
    return failed + alone.failed


def _down(rig):
    if rig:
        rig.down()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="which (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of the part start (3)")
    parser.add_argument("--pio", type=int, default=500, help="port reads in one run (500)")
    parser.add_argument("--kernel", default="nub")
    parser.add_argument("--type", default="pvh")
    parser.add_argument("--rig", help="a rig to use and keep (default: one of its own)")
    args = parser.parse_args()
    unknown = [part for part in args.parts.split(",") if part not in PARTS]
    if unknown:
        parser.error(f"--parts: no part '{unknown[0]}', there are {', '.join(PARTS)}")
    build = os.path.join(TREE, os.environ.get("BUILD", "build"))
    os.makedirs(f"{build}/bench", exist_ok=True)
    results = {"version": 3, "kernel": args.kernel, "type": args.type, "seconds": {}, "parts": {}}
    save(build, results)  # those of an earlier run are gone, whatever becomes of this one
    failed = run(args, args.rig or f"bench-{os.getpid()}", build, results)
    print(f"written to {os.path.relpath(build)}/bench/results.json")
    if failed:
        note(f"not measured: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
