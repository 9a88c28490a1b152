#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the UEFI test guest's disk. usage: mkesp.sh OUT LD OBJECT...
# A UEFI application is a PE file; what the firmware starts without being told is \EFI\BOOT\BOOTX64.EFI
# of a FAT file system.
set -eu
out=$1 ld=$2
shift 2
app=$out.efi
# The firmware puts it where it likes: all addresses in it are relative. 10: an EFI application.
"$ld" -m i386pep --subsystem 10 -e efi_main --image-base 0 --disable-nxcompat --no-insert-timestamp \
	-o "$app" "$@"
rm -f "$out"
mformat -C -i "$out" -T 4096 -h 16 -s 32 -N 57554546 ::
mmd -i "$out" ::/EFI ::/EFI/BOOT
mcopy -i "$out" "$app" ::/EFI/BOOT/BOOTX64.EFI
