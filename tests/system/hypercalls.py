#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the table tests/system/hypercalls.txt from what pytest's --hypercalls=FILE has kept.

    hypercalls.py FILE TABLE
"""
import re
import sys

LINE = re.compile(r"(\S+) hypercall: (.+) (\d+), (\d+) and (\d+): call (\d+)")
HEAD = """\
# The requests of QEMU and the agent to Xen, through nub, in the system tests
# (nub.trace=hypercalls). `HYPERCALLS=1 make check` makes it anew. `first` and `second` are bytes of
# buffers (mmap_*, frames: numbers of frames), the second one rounded up to a power of two. `calls`:
# at least so many of one guest, by powers of ten. `tests`: in how many tests.
"""


def main():
    kinds = {}
    with open(sys.argv[1], encoding="utf-8") as f:
        for line in f:
            found = LINE.match(line)
            if not found and "more kinds" in line:  # calltrace.c
                sys.exit(f"{sys.argv[1]}: {line}")
            if not found:
                continue  # cut off by the guest's end
            test, what, detail, first, second, calls = found.groups()
            kind = kinds.setdefault((what, int(detail), int(first), int(second)), [0, set()])
            kind[0] = max(kind[0], int(calls))
            kind[1].add(test)
    tests = {test for _, seen in kinds.values() for test in seen}
    out = [f"# Seen in {len(tests)} tests with guests.",
           f"{'# what':44}{'detail':>7}{'first':>7}{'second':>8}{'calls':>9}{'tests':>7}"]
    for (what, *numbers), (calls, seen) in sorted(kinds.items()):
        out.append(f"{what:44}{numbers[0]:7}{numbers[1]:7}{numbers[2]:8}{calls:9}{len(seen):7}")
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write(HEAD + "\n".join(out) + "\n")


if __name__ == "__main__":
    main()
