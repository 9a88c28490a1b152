# SPDX-License-Identifier: MIT
# Finds the Debian mirror, and how to reach it, in the machine's own apt set-up. Sourced.
. "$here/lib/platform.sh"

# apt's archives, in any file format, as "URI RELEASE". It needs no package lists: a fresh machine
# has none.
_mirror_known() {
	apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/\([^ ]*\)/InRelease' .*|\1 \2|p"
}

_mirror_has() { # URI RELEASE LABEL: it offers RELEASE, and that is Debian's own
	_probe=$(mktemp)
	/usr/lib/apt/apt-helper download-file "$1/dists/$2/InRelease" "$_probe" \
		>/dev/null 2>&1 &&
		grep -q '^Origin: Debian$' "$_probe" && grep -q "^Label: $3\$" "$_probe"
	_rc=$?
	rm -f "$_probe"
	return $_rc
}

# mirror_lines: sources.list lines for $SUITE, its updates and its security updates, each
# from the first archive known to this machine that offers it.
mirror_lines() {
	_main=${STUBDOM_MIRROR:-} _sec=
	_known=$(_mirror_known | sed 's| .*||' | awk '!seen[$0]++')
	for _uri in ${STUBDOM_MIRROR:-$_known}; do
		_mirror_has "$_uri" "$SUITE" Debian && _main=$_uri && break
	done
	for _uri in $_known; do
		_mirror_has "$_uri" "$SUITE-security" Debian-Security && _sec=$_uri && break
	done
	[ -n "$_main" ] || die "no archive in this machine's apt sources offers Debian $SUITE" \
		"(or none can be reached); add one, or set STUBDOM_MIRROR=URI"

	_opt="[signed-by=$KEYRING]"
	echo "deb $_opt $_main $SUITE main"
	if _mirror_has "$_main" "$SUITE-updates" Debian; then
		echo "deb $_opt $_main $SUITE-updates main"
	fi
	[ -z "$_sec" ] || echo "deb $_opt $_sec $SUITE-security main"
	[ -z "$BACKPORTS" ] || echo "deb $_opt $_main $BACKPORTS main"
}

# mirror_aptopts: the machine's own proxy and transport settings, as "key value;" lines.
mirror_aptopts() {
	apt-config dump 2>/dev/null | grep -E \
		'^Acquire::(((http|https)::[^ ]*(Proxy|Verify|CaInfo|CAInfo)[^ ]*)|Proxy-Auto-Detect|Check-Valid-Until|Check-Date|Retries|ForceIPv4) "[^"]' || true
}
