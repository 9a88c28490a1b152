# SPDX-License-Identifier: MIT
# The Debian releases that the product is proved on (docs/support.md). Sourced after common.sh.

PLATFORMS="trixie trixie-backports forky bookworm"

# platform_use NAME: sets SUITE; XEN, the version in Xen's package names; BACKPORTS, a suite whose QEMU
# and libvirt are taken, or nothing.
platform_use() {
	PLATFORM=$1 BACKPORTS='' XEN=4.20
	case $1 in
	trixie | forky) SUITE=$1 ;;
	trixie-backports) SUITE=trixie BACKPORTS=$1 ;;
	bookworm) SUITE=$1 XEN=4.17 ;;
	*) die "there is no platform '$1': $PLATFORMS" ;;
	esac
}

# platform_packages FILE: FILE's packages as they are called there. Tools that only the tests of the
# development machine use are left out of all but trixie.
platform_packages() {
	packages_of "$1" | sed "s/4\\.20/$XEN/" | case $PLATFORM in
	trixie | trixie-backports) cat ;;
	forky) grep -vxE 'clang-format|libclang-rt-dev|llvm|vncdotool' ;;
	bookworm)
		grep -vxE 'clang-format|libclang-rt-dev|llvm|vncdotool' |
			sed 's/^libpng16-16t64$/libpng16-16/'
		echo mount # nothing there needs it, so it would be left out
		;;
	esac
}

# platform_preferences: what is taken from the backports: QEMU 11 wants that seabios.
platform_preferences() {
	[ -n "$BACKPORTS" ] || return 0
	printf 'Package: src:qemu src:seabios src:libvirt\nPin: release n=%s\nPin-Priority: 990\n' "$BACKPORTS"
}

# platform_root KIND FILE...: the name of a cached root of that kind that is made from the files, and
# its key.
platform_root() {
	_kind=$1
	shift
	case $PLATFORM in
	trixie) echo "$_kind $(root_key "$@")" ;;
	*) echo "$PLATFORM.$_kind $(root_key "$@" "$here/lib/platform.sh")" ;;
	esac
}

platform_use trixie
