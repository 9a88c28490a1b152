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
    def pytest_runtestloop(self, session):
        """As in pytest itself. The next test is the next one that runs here: its fixtures stay."""
        if session.config.option.collectonly or session.testsfailed:
            return None
        mine = (item for item in session.items if self.takes(item.path))
        item = next(mine, None)
        while item:
            following = next(mine, None)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
            item = following
        return True


def pytest_configure(config):
    folder = config.getoption("--share")
    if folder:
        config.pluginmanager.register(Share(folder), "share")
