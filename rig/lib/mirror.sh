# SPDX-License-Identifier: MIT
# Finds the Debian mirror, and how to reach it, in the machine's own apt set-up. Sourced.

# The archives that apt knows, whatever file format they are written in, as "URI|RELEASE".
_mirror_known() {
	apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)' \
		'Created-By: Packages' 2>/dev/null |
		awk -F'|' '$3 == "main" && ($4 == "Debian" || $4 ~ /ORIGIN/) { print $1 "|" $2 }'
}

_mirror_has() { # URI RELEASE
	_probe=$(mktemp)
	/usr/lib/apt/apt-helper download-file "${1%/}/dists/$2/InRelease" "$_probe" \
		>/dev/null 2>&1
	_rc=$?
	rm -f "$_probe"
	return $_rc
}

# mirror_lines: sources.list lines for $SUITE, its updates and its security updates.
mirror_lines() {
	_own=$(. /etc/os-release && echo "${VERSION_CODENAME:-none}")
	_known=$(_mirror_known)
	_main=$(printf '%s\n' "$_known" | awk -F'|' -v own="$_own" -v want="$SUITE" '
		$2 == want { best = $1; exit }
		$2 == own || $2 ~ /^(stable|testing|unstable|sid|oldstable)$/ { if (!any) any = $1 }
		END { print best ? best : any }')
	_main=${STUBDOM_MIRROR:-$_main}
	[ -n "$_main" ] || die "no Debian mirror in this machine's apt sources; add one, or set STUBDOM_MIRROR=URI"
	_sec=$(printf '%s\n' "$_known" | awk -F'|' '$2 ~ /-security$/ { print $1; exit }')

	_opt="[signed-by=$KEYRING]"
	_mirror_has "$_main" "$SUITE" || die "the mirror $_main does not offer $SUITE (or cannot be reached)"
	echo "deb $_opt $_main $SUITE main"
	if _mirror_has "$_main" "$SUITE-updates"; then
		echo "deb $_opt $_main $SUITE-updates main"
	fi
	if [ -n "$_sec" ] && _mirror_has "$_sec" "$SUITE-security"; then
		echo "deb $_opt $_sec $SUITE-security main"
	fi
}

# mirror_aptopts: the machine's own proxy and transport settings, as "key value;" lines.
mirror_aptopts() {
	apt-config dump 2>/dev/null | grep -E \
		'^Acquire::(((http|https)::[^ ]*(Proxy|Verify|CaInfo|CAInfo)[^ ]*)|Proxy-Auto-Detect|Check-Valid-Until|Check-Date|Retries|ForceIPv4) "[^"]' || true
}
