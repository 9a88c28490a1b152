#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From the build to proof. Boots a Xen host, runs guests by stock `xl create`, and shows that their
QEMU lives in domains of its own. Run by `make demo`, in the workbench."""
import argparse
import os
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, "rig"), os.path.join(TREE, "demo")]

from guestlib.dom0host import Dom0  # noqa: E402
from rigctl.rig import Rig  # noqa: E402
from pci_steps import PciSteps  # noqa: E402
from show import Show  # noqa: E402
from steps import Steps  # noqa: E402


def run(show, rig, build, args):
    dom0 = Dom0(rig)
    try:
        show.note("putting the guests into the host")
        dom0.install_assets(build)
        steps = (PciSteps if args.pci else Steps)(show, dom0, build, args.kernel, args.type)
        for group in steps.groups():
            for number, (title, action) in enumerate(group):
                if not show.step(title, action):
                    show.skip([t for t, _ in group[number + 1 :]], f"'{title}' failed")
                    break
    finally:
        dom0.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", default="nub", help="the stub domains' kernel (nub)")
    parser.add_argument("--type", default="pvh", help="the stub domains' type (pvh)")
    parser.add_argument("--pci", action="store_true", help="PCI devices of the host in a guest")
    parser.add_argument("--rig", help="a rig to use and keep (default: one of its own)")
    args = parser.parse_args()
    build = os.path.join(TREE, os.environ.get("BUILD", "build"))

    show = Show()
    show.line(f"qemu-stubdom: guests whose QEMU runs in {args.type} domains on {args.kernel}")
    name = args.rig or f"demo-{os.getpid()}"
    rig = Rig(name)
    try:
        show.note("starting a Xen host in QEMU (the first time it is booted and saved: minutes)")
        rig = Rig.up(name, bound=not args.rig, kind="iommu" if args.pci else None)
        run(show, rig, build, args)
    except (Exception, KeyboardInterrupt) as e:
        show.line(f"{show.stamp()} {show.paint('31', 'stopped')}: {e or type(e).__name__}")
        show.results.append(("the demo ran to its end", False, str(e) or type(e).__name__, 0.0))
    finally:
        if not args.rig:
            rig.down()
    return 0 if show.summary() else 1


if __name__ == "__main__":
    sys.exit(main())
