# SPDX-License-Identifier: MIT
"""Two runs of pytest that share test files."""
import os
import re
import subprocess
import sys
from pathlib import Path

RIG = Path(__file__).parents[3] / "rig"
FILE = """
import time
import pytest

@pytest.fixture(scope="module", autouse=True)
def module():
    print("\\n+", __name__)
    yield
    print("\\n-", __name__)

def test_first():
    time.sleep(0.2)

def test_second():
    time.sleep(0.2)
"""


def test_shared_files(tmp_path):
    """Each test runs once, in one of them. A file's fixtures end with it, whichever file is next."""
    (tmp_path / "taken").mkdir()
    for folder in "ab":
        (tmp_path / folder).mkdir()
        for n in "12":
            (tmp_path / folder / f"test_{folder}{n}.py").write_text(FILE)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "guestlib.share",
               f"--share={tmp_path / 'taken'}", "-v", "-s", "a", "b"]
    runs = [subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(RIG)}, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    said = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    seen = [name for text in said for name in re.findall(r"^(\w/test_\w+\.py::test_\w+) ", text, re.M)]
    assert sorted(seen) == [f"{name[0]}/test_{name}.py::test_{which}" for name in ("a1", "a2", "b1", "b2")
                            for which in ("first", "second")]
    for text in said:
        marks = re.findall(r"^([+-]) (\w+)", text, re.M)
        assert marks and marks[::2] == [("+", name) for _, name in marks[1::2]], text
        assert all(sign == "-" for sign, _ in marks[1::2]), text
