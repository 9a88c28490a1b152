#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the embedded symbol table (assembly) from the first link of the kernel."""
import subprocess
import sys


def main():
    nm, elf, output = sys.argv[1:4]
    symbols = {}
    start = 0
    for line in subprocess.run([nm, elf], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        fields = line.split()
        if len(fields) != 3:
            continue
        if fields[2] == "kernel_start":
            start = int(fields[0], 16)
        if fields[1] in "tT" and not fields[2].startswith("."):
            symbols.setdefault(int(fields[0], 16), fields[2])
    out = ['\t.section .ksyms, "a"', "\t.balign 4", "\t.globl ksym_count, ksym_table, ksym_names",
           "ksym_count:", f"\t.long {len(symbols)}", "ksym_table:"]
    names, offset = [], 0
    for addr in sorted(symbols):
        out.append(f"\t.long {addr - start:#x}, {offset}")
        names.append(symbols[addr])
        offset += len(symbols[addr]) + 1
    out.append("ksym_names:")
    out += [f'\t.asciz "{n}"' for n in names]
    out.append('\t.section .note.GNU-stack, "", @progbits')
    with open(output, "w", encoding="ascii") as f:
        f.write("\n".join(out) + "\n")


main()
