#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the named ABI programs on nub and shows the console, for debugging:
one.py NAME... (as threads-static); ABI_CMDLINE=nub.trace=syscalls for a trace."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import test_abi  # noqa: E402

if len(sys.argv) < 2:
    sys.exit(__doc__)
test_abi.TIMEOUT = 60
with tempfile.TemporaryDirectory() as tmp:
    print(test_abi.boot(pathlib.Path(tmp), sys.argv[1:])[1])
