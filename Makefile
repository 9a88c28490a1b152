# SPDX-License-Identifier: MIT
# The two commands, `make demo` and `make check`, and what they are made of. Everything runs in
# the workbench (rig/workbench), so a Debian machine with nothing but apt is enough.

BUILD ?= build
export BUILD

WB = rig/workbench --

.PHONY: all build check check-units check-system check-configs check-orders check-browser check-cluster check-deaths check-leaks check-intel check-matrix check-pci check-replace check-replace-version check-slim check-systemd deb demo demo-pci fuzz fuzz-kernel bench format golden clean distclean-cache help

help:
	@echo 'make demo             from nothing to a guest whose QEMU runs in a stub domain, shown'
	@echo 'make demo-pci         PCI devices of a host with an IOMMU in a guest, shown'
	@echo 'make check            every test: units, then a real Xen host (rig/rig)'
	@echo 'make all              build (meson and ninja, in $$BUILD, default build)'
	@echo 'make deb              the Debian package of what is committed, in $$BUILD/deb'
	@echo 'make check-units      the units only, with sanitizers'
	@echo 'make check-system     the system tests only'
	@echo 'make check-configs    every value of xl.cfg that the tests know, beside QEMU in dom0 (long)'
	@echo 'make check-orders     orders, media and disks of an administrator, beside QEMU in dom0 (long)'
	@echo 'make check-replace    another QEMU under guests that run'
	@echo 'make check-replace-version  the QEMU of trixie-backports under a guest that runs, and back'
	@echo 'make check-slim       a QEMU with few parts is built, and a guest has it (half an hour at first)'
	@echo 'make check-systemd    where a guest has its processes in a dom0 with systemd'
	@echo 'make check-pci        PCI devices of a host with an IOMMU, passed through'
	@echo 'make check-cluster    guests that move between two hosts'
	@echo 'make check-deaths     what dies under a guest, and what becomes of it (long)'
	@echo 'make check-leaks      LEAK_CYCLES (200) creates and destroys, a quarter of other cycles: nothing grows (hours)'
	@echo 'make check-browser    a guest in a real browser, which is installed for it (800 MB)'
	@echo 'make check-intel      some system tests on an emulated Intel host with two CPUs (Bochs, built once)'
	@echo 'make check-matrix     a few system tests on each Debian release of docs/support.md (hours at first)'
	@echo 'make fuzz             each fuzz target, led by coverage, for FUZZ_SECONDS (60)'
	@echo 'make fuzz-kernel      sequences of system calls on nub with checks, FUZZ_CHILDREN (400)'
	@echo 'make bench            measure; table, pictures and $(BUILD)/bench/results.json'
	@echo 'make format           apply .clang-format to every C file'
	@echo 'make golden           make anew what is made from tables: docs, manual pages, plans'
	@echo 'make clean            remove $(BUILD), $(BUILD)-check and $(BUILD)-fuzz'
	@echo 'make distclean-cache  remove the cached workbench, dom0 and saved hosts'
	@echo 'rig/workbench CMD     run CMD where everything is installed'
	@echo 'rig/rig --help        drive a Xen host by hand'

all build:
	@$(WB) rig/build $(BUILD)

# Units run from a build of their own, with sanitizers; what is installed in the rig has none.
check:
	@rig/check all

check-units:
	@rig/check units

check-system:
	@rig/check system

deb:
	@$(WB) packaging/build-deb $(BUILD)/deb
check-configs:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 1800 -v --long tests/system/test_configs.py

# The long tests of these files, too: each side, ten times in a row, libvirt's guests.
check-orders:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 1800 -v --long tests/system/test_orders.py \
		tests/system/test_cdrom.py tests/system/test_pv_disks.py tests/system/test_libvirt.py \
		tests/system/test_wrong.py tests/system/test_balloon.py

check-browser:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 900 -v --long tests/system/test_browser.py

# What QEMU's SVM does not have: VMX, EPT, SMEP, SMAP, AVX-512, and two CPUs.
check-intel:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 7200 -v --machine=intel --cpus=2 \
		tests/system/test_nub_xen.py \
		"tests/system/test_main_job.py::test_bios_guest[asked]" \
		tests/system/test_main_job.py::test_two_guests_at_once \
		tests/system/test_vcpus.py tests/system/test_save.py \
		tests/system/test_hostile.py::test_hostile_stub_domain

check-cluster:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 5400 -v --long \
		tests/system/test_two_hosts.py tests/system/test_ganeti.py

# docs/deaths.md has the table.
check-deaths:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 900 -v --long tests/system/test_kill.py \
		tests/system/test_deaths*.py tests/system/test_memory.py

check-leaks:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 900 -v -s --long tests/system/test_leaks.py

check-pci:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 900 -v --long --machine=iommu --memory=6656 tests/system/test_pci*.py

check-replace:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 900 -v --long tests/system/test_replace.py

# The other release's image has the other version.
check-replace-version:
	@$(WB) rig/build $(BUILD)
	@STUBDOM_PLATFORM=trixie-backports $(WB) rig/build $(BUILD)-trixie-backports
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 900 -v --long \
		--other-image=$(BUILD)-trixie-backports/image tests/system/test_replace.py::test_to_and_fro

check-slim:
	@$(WB) rig/build $(BUILD)
	@$(WB) rig/slim $(BUILD) $(BUILD)/slim
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 900 -v --long --other-image=$(BUILD)/slim tests/system/test_slim.py

# In a container: no Xen host.
check-systemd:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 -m pytest -p no:cacheprovider --timeout 900 -v --long tests/system/test_systemd.py

# Not in the workbench: each release has its own.
check-matrix:
	@rig/matrix

demo:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 demo/demo.py

demo-pci:
	@$(WB) rig/build $(BUILD)
	@$(WB) python3 demo/demo.py --pci

FUZZ_SECONDS ?= 60
fuzz:
	@$(WB) rig/fuzz --coverage $(FUZZ_OPTIONS) $(FUZZ_SECONDS)

FUZZ_CHILDREN ?= 400
FUZZ_SEED ?= 1
fuzz-kernel:
	@$(WB) rig/build $(BUILD)
	@$(WB) rig/fuzz-kernel $(FUZZ_CHILDREN) $(FUZZ_SEED)

bench:
	@$(WB) rig/build $(BUILD)
	@$(WB) sh -c 'python3 bench/bench.py; status=$$?; \
		bench/plot.py $(BUILD)/bench/results.json $(BUILD)/bench && exit $$status'

format:
	@$(WB) rig/format

golden:
	@$(WB) rig/build $(BUILD)
	@$(WB) tests/unit/update-golden $(BUILD)

clean:
	rm -rf $(BUILD) $(BUILD)-check $(BUILD)-fuzz

distclean-cache:
	@rig/clean-cache
