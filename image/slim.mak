# SPDX-License-Identifier: MIT
# The devices of a slim QEMU (build-slim): the machine xenfv with what most guests have, and no more.
# Kconfig adds what the machine itself needs.
CONFIG_I440FX=y
CONFIG_ISAPC=n
CONFIG_MICROVM=n
CONFIG_Q35=n
# hdtype=ahci
CONFIG_AHCI_ICH9=y
# vif model=
CONFIG_E1000_PCI=y
CONFIG_RTL8139_PCI=y
CONFIG_VIRTIO_NET=y
CONFIG_VIRTIO_PCI=y
# vga=
CONFIG_VGA_CIRRUS=y
CONFIG_VGA_PCI=y
# usb=1, usbdevice="tablet"
CONFIG_USB_HID=y
CONFIG_USB_HUB=y
CONFIG_USB_UHCI=y
CONFIG_USB_EHCI_PCI=y
