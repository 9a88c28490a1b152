#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the firewall's tables and their documentation from hypercalls.tbl."""
import sys

HEADERS = ("<xen/xen.h>", "<xen/memory.h>", "<xen/sched.h>", "<xen/hvm/dm_op.h>",
           "<xen/hvm/hvm_op.h>", "<xen/hvm/params.h>", "<xen/domctl.h>", "<xen/physdev.h>")
LENT = ("domctl", "physdev_op")  # calls for PCI devices


def parse(path):
    found = []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        text, _, why = line.partition("#")
        words = text.split()
        if not words:
            continue
        if len(words) != 7 or words[4] not in ("in", "inout") or not why.strip():
            sys.exit(f"{path}:{number}: hypercall, operation, structure, field, in or inout, "
                     "second buffer, check # why")
        found.append((*words, why.strip()))
    return found


def rule(call, op, struct, field, direction, second, check, _):
    kind, _, size = second.partition(":")
    values = [f'.name = "{call} {op}"', f".size = sizeof(struct {struct})"]
    if call != "dm_op":
        values += [f".hypercall = __HYPERVISOR_{call}", f".op = {op}",
                   f".domid_at = offsetof(struct {struct}, {field})"]
    if direction == "inout":
        values.append(".out = true")
    if call in LENT:
        values.append(".lent = true")
    if second != "-":
        values += [f".second = SECOND_{kind.upper()}", f".second_max = {size}"]
    if check != "-":
        values.append(f".check = check_{check}")
    return "{" + ", ".join(values) + "},"


def source(rules):
    out = ["/* Generated from hypercalls.tbl. */", '#include "xen/firewall.h"', ""]
    out += [f"#include {h}" for h in HEADERS] + [""]
    out += [f'_Static_assert(sizeof(struct {r[2]}) <= {"DM_OP_ARG_MAX" if r[0] == "dm_op" else "CALL_ARG_MAX"}, "{r[2]}");'
            for r in rules]
    out += ["", "const struct call_rule dm_rules[] = {"]
    out += [f"\t[XEN_DMOP_{r[1]}] = {rule(*r)}" for r in rules if r[0] == "dm_op"]
    out += ["};", "const unsigned dm_rule_count = sizeof(dm_rules) / sizeof(dm_rules[0]);", ""]
    out += ["const struct call_rule call_rules[] = {"]
    out += [f"\t{rule(*r)}" for r in rules if r[0] != "dm_op"]
    out += ["};", "const unsigned call_rule_count = sizeof(call_rules) / sizeof(call_rules[0]);"]
    return "\n".join(out + [""])


def document(rules):
    out = ["# Hypercalls that nub passes", "",
           "Generated from `kernel/hypercalls.tbl`; do not edit. Through `/dev/xen/privcmd` a program "
           "makes these hypercalls on the target domain, and no others: the rest is `EPERM`. "
           "Those of `domctl` and `physdev_op` are `EPERM`, too, until dom0 lends a PCI device. "
           "Structures and buffers are copied through kernel memory, and checked there "
           "([kernel.md](kernel.md), \"The hypercall firewall\").", "",
           "| hypercall | operation | structure | second buffer | values checked | why |",
           "|---|---|---|---|---|---|"]
    for call, op, _, _, direction, second, check, why in rules:
        kind, _, size = second.partition(":")
        buf = f"{kind}, at most {size} bytes" if size else ""
        out.append(f"| `{call}` | `{op}` | {direction} | {buf} | "
                   f"{'' if check == '-' else f'`check_{check}`'} | {why} |")
    return "\n".join(out + [""])


def main():
    made = {"source": source, "doc": document}[sys.argv[1]](parse(sys.argv[2]))
    with open(sys.argv[3], "w", encoding="utf-8") as f:
        f.write(made)


if __name__ == "__main__":
    main()
