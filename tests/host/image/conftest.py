# SPDX-License-Identifier: MIT
"""The builder and a built image, for the tests of the image."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[3]
BUILD = TREE / os.environ.get("BUILD", "build")
sys.path[:0] = [str(TREE / "image"), str(TREE / "rig")]
sys.dont_write_bytecode = True


@pytest.fixture(scope="session")
def agent():
    path = BUILD / "agent" / "stubdom-agent"
    assert path.exists(), f"{path}: build first"
    return path


@pytest.fixture(scope="session")
def image(agent, tmp_path_factory):
    """An image that the builder made from this system's packages."""
    output = tmp_path_factory.mktemp("image")
    subprocess.run([TREE / "image" / "build-image", "--agent", agent, "--output", output,
                    "--nub", BUILD / "kernel" / "kernel-nub"], check=True)
    return output
