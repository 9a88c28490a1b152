# SPDX-License-Identifier: MIT
"""A measurement as a program of its own: a rig, its figures as JSON. And what measurements share."""
import argparse
import json
import os
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, "rig")]

from guestlib.dom0host import Dom0  # noqa: E402
from guestlib.guest import Stub  # noqa: E402
from rigctl.rig import Rig  # noqa: E402


failed = []  # what each() could not measure


def each(what, sides, measure_side):
    """{side: its figures}: a side that fails costs only its own."""
    out = {}
    for side, which in sides.items():
        try:
            out[side] = measure_side(which)
            print(f"bench: {what}, {side}: {out[side]}", file=sys.stderr, flush=True)
        except Exception as e:
            failed.append(f"{what}: {side}")
            print(f"bench: {what}, {side}: {type(e).__name__}: {e}", file=sys.stderr, flush=True)
    return out


def main(measure, text):
    """Prints what measure(dom0, stub, build) returns; text is for --help. Returns the status."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--kernel", default="nub")
    parser.add_argument("--type", default="pvh")
    parser.add_argument("--rig", help="a rig to use and keep (default: one of its own)")
    args = parser.parse_args()
    build = os.path.join(TREE, os.environ.get("BUILD", "build"))
    rig = Rig.up(args.rig or f"bench-{os.getpid()}", product=True, bound=not args.rig)
    try:
        dom0 = Dom0(rig)
        dom0.install_assets(build)
        print(json.dumps(measure(dom0, Stub(kernel=args.kernel, type=args.type), build), indent=1))
        dom0.close()
    finally:
        if not args.rig:
            rig.down()
    return 0
