# SPDX-License-Identifier: MIT
"""Pages that a domain has granted and others have mapped, by Xen's own list."""
import re

SECONDS = 300  # Xen prints it for all domains


def count(dom0, domid):
    dom0.run("xl", "debug-keys", "g", timeout=SECONDS)
    _, begin, said = dom0.run("xl", "dmesg", timeout=SECONDS).stdout.rpartition("gnttab_usage_print_all [")
    # Of a host with many domains Xen's buffer does not hold all of it.
    assert begin and "gnttab_usage_print_all ]" in said, said[-2000:]
    mine, found = False, 0
    for line in said.splitlines():
        table = re.search(r"grant-table for remote d(\d+)", line)
        mine = int(table[1]) == domid if table else mine
        found += mine and "[0x" in line
    return found
