#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes exercised.txt anew: which case of which program uses each flag, command and option of
kernel/syscalls.tbl, as the test's kernel tells it. Keeps what still holds."""
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import test_nub  # noqa: E402

HEAD = """# Call, argument, name | program: case of tests/abi that uses it on both kernels, or is refused
# (program "refused", on nub only). Made by tests/abi/exercise.py from a run; a test checks it.
"""

with tempfile.TemporaryDirectory() as tmp:
    seen = test_nub.boot_telling(pathlib.Path(tmp))
path = test_nub.EXERCISED
old = test_nub.syscalls.shown(path) if path.exists() else {}
texts = {p.stem: p.read_text() for p in path.parent.glob("*.c")}


def choose(use):
    """The case that stood there, or one of a program that names the flag. A flag that only the C
    library happens to ask for may not come the next time."""
    named = [w for w in seen[use] if re.search(rf"\b{use[2]}\b", texts[w.split(":")[0]])]
    candidates = named or seen[use]
    return old[use] if old.get(use) in candidates else candidates[0]


lines = [f"{' '.join(use)} | {choose(use)}\n" for use in sorted(test_nub.wanted() & set(seen))]
path.write_text(HEAD + "".join(lines), encoding="utf-8")
print("never:", *sorted(" ".join(u) for u in test_nub.wanted() - set(seen)), sep="\n")
