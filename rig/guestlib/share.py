# SPDX-License-Identifier: MIT
"""A plugin of pytest: several runs share the test files that each was given. The first to come to a
file runs it, the others pass it over (`-p guestlib.share --share=FOLDER`)."""
import os

import pytest


def pytest_addoption(parser):
    parser.addoption("--share", metavar="FOLDER",
                     help="an empty folder at first; here the runs note which files they have taken")


class Share:
    def __init__(self, folder):
        self.folder, self.mine = folder, {}

    def takes(self, path):
        """Whether this run has the file, now and from now on."""
        name = str(path).replace("/", "%")
        if name not in self.mine:
            try:
                os.close(os.open(f"{self.folder}/{name}", os.O_CREAT | os.O_EXCL))
                self.mine[name] = True
            except FileExistsError:
                self.mine[name] = False
        return self.mine[name]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        return None if self.takes(item.path) else True


def pytest_configure(config):
    folder = config.getoption("--share")
    if folder:
        config.pluginmanager.register(Share(folder), "share")
