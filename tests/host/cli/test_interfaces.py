# SPDX-License-Identifier: MIT
"""JSON is as the installed schemas say, and a C program of others finds all that it needs."""
import copy
import glob
import json
import os
import subprocess
import sys

import jsonschema
import pytest

BUILD = os.path.realpath(os.environ.get("BUILD", "build"))
TREE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
sys.path[:0] = [os.path.join(TREE, "rig")]
from guestlib import schema  # noqa: E402

LAUNCHER = f"{BUILD}/launcher/stubdom-dm"
STUBDOM = f"{BUILD}/cli/stubdom"
SECONDS = 60


def run(*argv, text=None, **how):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS,
                          check=False, text=True, input=text or "", **how)


def test_schemas_are_schemas():
    """Each is valid, has a name of its own and a version, and is installed."""
    names = schema.names()
    assert len(names) == 15
    with open(f"{TREE}/schema/meson.build", encoding="utf-8") as f:
        installed = f.read()
    for name in names:
        text = schema.load(name)
        jsonschema.Draft202012Validator.check_schema(text)
        assert text["$id"] == f"urn:qemu-stubdom:{name}:1"
        assert text["properties"]["version"] == {"const": 1}
        assert f"'{name}.schema.json'" in installed, name


def test_a_reader_ignores_new_members():
    """The schemas as they are installed are open; ours is checked closed."""
    value = schema.check("doctor", run(STUBDOM, "doctor", "--json").stdout)
    value["new"] = 1
    jsonschema.validate(value, schema.load("doctor"))
    with pytest.raises(AssertionError, match="new"):
        schema.check("doctor", value)
    del value["new"]
    value["version"] = 2
    with pytest.raises(AssertionError):
        schema.check("doctor", value)


def test_status_is_a_guest_of_the_list():
    one, many = schema.load("status")["properties"], schema.load("list")["properties"]
    for key, value in many["guests"]["items"]["properties"].items():
        assert one[key] == value


def test_interface():
    schema.check("interface", run(LAUNCHER, "--interface").stdout)


def test_plans():
    """Every plan that a test knows, as they are printed and as they are in the corpus."""
    corpus = f"{TREE}/tests/unit/launcher/corpus"
    seen = 0
    for path in sorted(glob.glob(f"{corpus}/*.json")):
        if os.path.basename(path) == "rejected.json":
            continue
        with open(path, encoding="utf-8") as f:
            schema.check("plan", f.read())
        with open(path.removesuffix("json") + "argv", encoding="utf-8") as f:
            line = f.read().splitlines()
        done = run(LAUNCHER, "--plan", *line)
        if done.returncode == 0:
            schema.check("plan", done.stdout)
            seen += 1
    assert seen > 20


BOOT = {
    "version": 1, "guest": {"domid": 5, "name": "s1"},
    "qemu": {"path": "/usr/bin/qemu", "argv": ["qemu", "-nodefaults"]},
    "disks": [{"dev": "xvda", "readonly": False}],
    "nics": [{"tap": "tap0", "xenif": 0, "mac": "00:16:3e:00:00:01", "mtu": 1500}],
    "channels": [{"name": "qmp-1", "kind": "qmp", "path": "/run/stubdom/qmp-1"}],
    "topology": ["ifconfig tap0 create"],
}


def change(where, value):
    """The contract with one member changed; None takes it out."""
    boot = copy.deepcopy(BOOT)
    *path, last = where
    node = boot
    for step in path:
        node = node[step]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return boot


def test_boot_contract():
    """As the launcher writes it; and what the agent refuses is none by the schema, either."""
    done = run(f"{BUILD}/tests/host/cli/bootfilter", text=json.dumps(BOOT))
    assert schema.check("boot", done.stdout) == BOOT
    for where, value in (
            (("version",), 2), (("version",), None), (("guest", "domid"), 0x7ff0),
            (("guest", "domid"), -1), (("guest", "name"), None), (("qemu", "path"), 7),
            (("qemu", "argv"), []), (("qemu", "argv"), [1]), (("disks",), {}),
            (("disks", 0, "dev"), None), (("nics", 0, "xenif"), 65536), (("nics", 0, "mac"), None),
            (("channels", 0, "kind"), "telepathy"), (("channels", 0, "name"), "a.b"),
            (("channels", 0, "name"), "x" * 64), (("channels",), BOOT["channels"] * 65),
            (("topology",), [1])):
        boot = change(where, value)
        assert run(f"{BUILD}/tests/host/cli/bootfilter", text=json.dumps(boot)).returncode == 2, \
            (where, value)
        with pytest.raises(AssertionError):
            schema.check("boot", boot)


def test_manifest():
    """Of the image that was built, as it is printed."""
    folder = f"{BUILD}/image"
    if not os.path.exists(f"{folder}/manifest.json"):
        pytest.skip("no image in the build")
    done = run(STUBDOM, "image", "show", "--json", "-d", folder)
    found = schema.check("manifest", done.stdout)
    assert "nub" in found["kernels"]


def test_features():
    """As the options' table has them: each refused one says why, and how it is meant."""
    done = run(STUBDOM, "features", "--json")
    found = {f["feature"]: f for f in schema.check("features", done.stdout)["features"]}
    assert done.returncode == 0 and len(found) > 20
    for name in ("disk", "network", "serial", "vnc", "vnc-password", "restore", "qmp", "usb"):
        assert found[name]["state"] == "yes", found[name]
    for name in ("spice", "sdl", "usb-passthrough"):
        assert found[name]["state"] == "no" and found[name]["why"], found[name]
        assert "argument" not in found[name]["why"]
    # A reader is told that there is no Xen; a cloud's machine may be a guest of one.
    if not os.path.exists("/sys/hypervisor/version/major"):
        assert found["type-pvh"]["state"] == "unknown"
    assert found["pci-passthrough"]["state"] == "unknown"
    lines = run(STUBDOM, "features").stdout.splitlines()
    assert len(lines) == len(found)
    assert any(line.split()[:2] == ["no", "spice"] for line in lines)


PROGRAM = r"""
#include <qemu-stubdom/stubdom.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs the program with a line that it refuses. */
int main(int argc, char **argv)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(argv[1], argv[1], "--plan", "-spice", "port=1", (char *)NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	printf("%s/%d %d\n", QEMU_STUBDOM_XS_GUESTS, argc, QEMU_STUBDOM_PLAN_VERSION);
	return WEXITSTATUS(status) == QEMU_STUBDOM_EXIT_USAGE ? 0 : 1;
}
"""


def test_a_c_program_of_others(tmp_path):
    """Built with what pkg-config says of an installation, as C99 and as C++, without a warning."""
    root = tmp_path / "root"
    done = run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--tags", "devel",
               "--destdir", str(root))
    assert done.returncode == 0, done.stderr
    tools = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=str(root),
                 PKG_CONFIG_LIBDIR=f"{root}/usr/share/pkgconfig")

    def config(option):
        done = run("pkg-config", option, "qemu-stubdom", env=tools)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert config("--variable=stubdom_dm").endswith("/usr/bin/stubdom-dm")
    assert config("--variable=schemadir").endswith("/usr/share/qemu-stubdom/schema")
    assert config("--modversion") == run(LAUNCHER, "--version").stdout.split()[-1]
    source = tmp_path / "program.c"
    source.write_text(PROGRAM)
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{root}/usr/include"]
    assert f"-I{root}/usr/include" in config("--cflags").split() or config("--cflags") == ""
    for compiler in (["cc", "-std=c99", "-D_POSIX_C_SOURCE=200809L"], ["c++", "-x", "c++"]):
        done = run(*compiler, *strict, "-o", f"{tmp_path}/program", str(source))
        assert done.returncode == 0, done.stderr
        done = run(f"{tmp_path}/program", LAUNCHER)
        assert done.returncode == 0 and done.stdout == "/local/domain/0/stubdom/2 1\n", done
