# SPDX-License-Identifier: MIT
"""System tests: one rig for the whole run, and dom0 as it was after each test."""
import hashlib
import json
import os
import sys

import pytest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TREE, "rig")]

from guestlib import hostile, leaks  # noqa: E402
from guestlib.dom0host import Dom0  # noqa: E402
from guestlib.guest import Guest, Stub  # noqa: E402
from rigctl.rig import MACHINES, PLATFORMS, Rig  # noqa: E402

BEGAN = "/run/test-began"  # in dom0


def pytest_addoption(parser):
    parser.addoption("--stub-kernel", default=os.environ.get("STUB_KERNEL", "nub"),
                     choices=["linux", "nub"], help="the stub domains' kernel")
    parser.addoption("--stub-type", default=os.environ.get("STUB_TYPE", "pvh"),
                     choices=["pvh", "pv"], help="the stub domains' type")
    parser.addoption("--stub-vcpus", default=int(os.environ.get("STUB_VCPUS", "1")), type=int,
                     help="how many vCPUs the stub domains have")
    parser.addoption("--rig-name", default=os.environ.get("RIG_NAME"),
                     help="a rig to use and to keep; without it one is started and ended")
    parser.addoption("--machine", choices=MACHINES, help="the kind of a rig that is started")
    parser.addoption("--platform", choices=PLATFORMS, help="the Debian release of its dom0")
    parser.addoption("--cpus", type=int, help="CPUs of the rig's machine (1)")
    parser.addoption("--memory", type=int, metavar="MB", help="memory of the rig's machine")
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes")
    parser.addoption("--other-image", metavar="DIR",
                     help="an image with another version of QEMU (docs/testing.md)")
    parser.addoption("--hypercalls", metavar="FILE",
                     help="trace nub's hypercalls and append them to FILE (docs/testing.md)")


def pytest_configure(config):
    config.addinivalue_line("markers", "long(why): takes minutes; run with --long")


def pytest_collection_modifyitems(config, items):
    for item in items:
        mark = item.get_closest_marker("long")
        if mark and not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason=f"{mark.args[0]}; --long runs it"))


@pytest.fixture(scope="session")
def rig(request):
    name = request.config.getoption("--rig-name")
    rig = Rig.up(name or f"system-{os.getpid()}", product=True, bound=not name,
                 kind=request.config.getoption("--machine"),
                 cpus=request.config.getoption("--cpus"),
                 memory=request.config.getoption("--memory"),
                 platform=request.config.getoption("--platform"))
    yield rig
    if not name:
        rig.down()


@pytest.fixture(scope="session", name="build")
def build_folder():
    return os.path.join(TREE, os.environ.get("BUILD", "build"))


def trace_hypercalls(dom0):
    """The image's nub says on its console which kinds of hypercalls programs make; what the
    manifest was."""
    path = f"{hostile.IMAGE}/manifest.json"
    text = dom0.read(path)
    manifest = json.loads(text)
    nub = manifest["kernels"]["nub"]
    nub["cmdline"] = f"{nub.get('cmdline', '')} nub.trace=hypercalls".strip()
    dom0.write(path, json.dumps(manifest))
    return path, text


@pytest.fixture(scope="session")
def dom0(rig, build, request):
    dom0 = Dom0(rig)
    dom0.install_assets(build)
    before = trace_hypercalls(dom0) if request.config.getoption("--hypercalls") else None
    yield dom0
    if before:
        dom0.write(*before)
    dom0.close()


@pytest.fixture(scope="session")
def traffic(dom0):
    """The port in dom0 that serves streams and datagrams; as long as the run, so no leak."""
    return dom0.call("traffic_serve")


@pytest.fixture
def stub(request):
    """The stub domain that this run is about."""
    option = request.config.getoption
    vcpus = {"vcpus": option("--stub-vcpus")} if option("--stub-vcpus") > 1 else {}
    return Stub(kernel=option("--stub-kernel"), type=option("--stub-type"), **vcpus)


@pytest.fixture(autouse=True)
def leak_check(request):
    """After every test with guests dom0 is as before it, no more and no less."""
    if "dom0" not in request.fixturenames:
        yield  # a test of something else, with no rig of ours
        return
    dom0 = request.getfixturevalue("dom0")
    dom0.run("touch", BEGAN)
    before = dom0.scan()
    yield
    # An agent that attacks is no evidence of what QEMU needs.
    if request.config.getoption("--hypercalls") and "hostile_stub" not in request.fixturenames:
        note_hypercalls(dom0, request.config.getoption("--hypercalls"), request.node.name)
    side = getattr(request.node, "callspec", None)
    found = leaks.settle(dom0, before, measure=side is not None and "dom0" in side.params.values())
    assert not found, "left behind in dom0:\n" + "\n".join(found)


def note_hypercalls(dom0, path, test):
    text = dom0.shell(f"find /var/log/xen -name 'qemu-dm-*' -newer {BEGAN} "
                      "-exec grep -ho 'hypercall: .*' {} +", check=False).stdout
    lines = "".join(f"{test} {line}\n" for line in text.splitlines())
    with open(path, "ab", buffering=0) as f:  # in one piece: others append, too
        f.write(lines.encode())


@pytest.fixture
def make_guest(dom0, stub, leak_check):
    """Makes guests that are gone when the test is over."""
    made = []

    def make(name, stub=stub, **how):
        guest = Guest(dom0, name, stub=stub, **how)
        made.append(guest)
        return guest.prepare()

    yield make
    for guest in made:
        guest.remove()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the launchers said, and the toolstack's own logs, of this test only."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed and "dom0" in item.funcargs:
        dom0 = item.funcargs["dom0"]
        try:
            text = dom0.shell(f"xl list; find /var/log/xen -name '*.log' -newer {BEGAN} | "
                              "while read -r f; do echo \"== $f\"; tail -n 60 \"$f\"; done",
                              check=False).text
        except Exception as e:  # the rig may be what failed
            text = str(e)
        report.sections.append(("dom0", text))


@pytest.fixture
def broken_image(dom0, build):
    """The installed image with the kernel that breaks on purpose, half a second after its start."""
    installed, folder = "/var/lib/qemu-stubdom/image", "/opt/guests/run/image-broken"
    manifest = json.loads(dom0.read(f"{installed}/manifest.json"))
    with open(f"{build}/kernel/kernel-nub-test", "rb") as f:
        kernel = f.read()
    name = manifest["kernels"]["nub"]["file"]
    manifest["files"][name] = {"bytes": len(kernel), "sha256": hashlib.sha256(kernel).hexdigest()}
    dom0.shell(f"rm -rf {folder}; mkdir -p {folder}; ln -s {installed}/* {folder}/; "
               f"rm {folder}/{name} {folder}/manifest.json")
    dom0.write(f"{folder}/{name}", kernel)
    dom0.write(f"{folder}/manifest.json", json.dumps(manifest))
    yield folder
    dom0.run("rm", "-rf", folder)


OTHER = "/var/lib/qemu-stubdom/other"


@pytest.fixture
def other_image(dom0):
    """A copy of the installed image whose manifest was changed."""
    def make(change):
        manifest = json.loads(dom0.read(f"{hostile.IMAGE}/manifest.json"))
        change(manifest["qemu"])
        dom0.shell(f"rm -rf {OTHER} && cp -rL {hostile.IMAGE} {OTHER}")
        dom0.write(f"{OTHER}/manifest.json", json.dumps(manifest))
        return OTHER

    yield make
    dom0.run("rm", "-rf", OTHER)
