# SPDX-License-Identifier: MIT
"""Leftovers of a test in dom0: none, with these exceptions."""
import collections
import re
import time

# Nodes of the toolstack itself, there with dom0's own QEMU as well: (pattern, why).
XENSTORE_IGNORED = [
    (r'/local/domain/0/backend(/\w+)?(/\d+)? = ""$',
     "libxl leaves the empty directories of its back ends"),
    (r'/libxl = ""$|/vm = ""$|/local/domain/0/libxl(/\w+)?(/disable_udev)? =',
     "made by the first `xl` command after boot"),
    (r'/local/domain/0/device-model = ""$', "the directory stays when the last guest's is gone"),
    (r"/local/domain/0/libxl/\d+", "libxl's own record of devices"),
    (r"/tool/xenstored", "xenstored's own settings"),
    (r"/vm/0{8}-", "dom0's own record of its memory"),
    (r"/local/domain/0/memory", "made by the first `xl list -l` or `xl mem-set 0`"),
]
# Of a guest with QEMU in dom0, the measure: it is Xen's own.
MEASURE_IGNORED = {
    "xenstore": [
        (r'/local/domain/0/backend/vbd/\d+(/\d+(/hotplug-(error|status))?)? =',
         "Xen's block script writes why it failed where the guest has ended while it ran"),
    ],
    "loop devices": [
        (r"loop\d+ .*/stops/.* \(deleted\)$",
         "at a soft reset libxl cannot remove the guest's disk (rc -9), and its loop device stays"),
    ],
}
FILES_IGNORED = [
    (r"/run/xen/domid-history$", "libxl's list of recent domain ids"),
    (r"/run/lock/", "lock files of xl and of the hot-plug scripts stay, unlocked"),
    (r"/run/xen-hotplug/", "the hot-plug scripts' locks"),
    (r"/var/lib/qemu-stubdom/image/", "the product's image"),
    (r"/var/lib/qemu-stubdom/crash(/|$)", "evidence of stub domains that died; it is bounded"),
    (r"/run/qemu-stubdom(/sums(/[0-9a-f]{64})?)?$", "what the image's files were summed up to"),
]
# May be fewer than at the first look, when a connection of the test before was still ending.
ENDING = {("unix sockets", "/var/run/xenstored/socket")}
SETTLE_SECONDS = 180  # the most: a busy host tidies up slowly


def ignored(kind, item, measure):
    table = {"xenstore": XENSTORE_IGNORED, "files": FILES_IGNORED}.get(kind, []) + \
        (MEASURE_IGNORED.get(kind, []) if measure else [])
    return any(re.match(pattern, item) for pattern, _ in table)


def difference(before, after, measure=False):
    """Lines for what is in one scan and not in the other. `measure`: the guests had QEMU in dom0."""
    out = []
    for kind, items in after.items():
        old, new = collections.Counter(before[kind]), collections.Counter(items)
        out += [f"{kind}: + {item}" for item in (new - old).elements()
                if not ignored(kind, item, measure)]
        out += [f"{kind}: - {item}" for item in (old - new).elements()
                if not ignored(kind, item, measure) and (kind, item) not in ENDING]
    return out


def settle(dom0, before, seconds=SETTLE_SECONDS, measure=False):
    """The differences from before, once they stay or time is up: the toolstack tidies up in the
    background after `xl destroy`."""
    end = time.monotonic() + seconds
    while True:
        found = difference(before, dom0.scan(), measure)
        if not found or time.monotonic() > end:
            return found
