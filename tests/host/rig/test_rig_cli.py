# SPDX-License-Identifier: MIT
"""rig/rig's command line: its own part, and the part of the command that it runs."""

import pytest
from rigctl import cli


@pytest.mark.parametrize("line, name, timeout, cmd", [
    ("exec xl list", None, None, ["xl", "list"]),
    ("exec -- xl list", None, None, ["--", "xl", "list"]),
    ("--name a --timeout 5 exec -- ls -l --name b", "a", 5, ["--", "ls", "-l", "--name", "b"]),
    ("exec --name a --timeout 2.5 ls --timeout 9", "a", 2.5, ["ls", "--timeout", "9"]),
    ("exec --timeout 5 -- -odd -name", None, 5, ["--", "-odd", "-name"]),
])
def test_options_end_where_the_command_begins(line, name, timeout, cmd):
    o = cli.parser().parse_args(line.split())
    assert (getattr(o, "name", None), getattr(o, "timeout", None), o.cmd) == (name, timeout, cmd)


def test_every_command_has_help(capsys):
    for name, *_ in cli.COMMANDS:
        with pytest.raises(SystemExit) as e:
            cli.parser().parse_args([name, "--help"])
        assert e.value.code == 0 and "usage: rig/rig" in capsys.readouterr().out
