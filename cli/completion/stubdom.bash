# SPDX-License-Identifier: MIT
# Completes stubdom's verbs, options and guests in bash.

# keys: begin, made by make golden
_stubdom_keys='backend=
backing=
cap=
container-max=
core=no
core=yes
cpupool=
cpus=
device-model=stubdom
device-model=dom0
image=
kernel=auto
kernel=linux
kernel=nub
log=error
log=warn
log=info
log=debug
memory=
on_dm_crash=leave
on_dm_crash=pause
on_dm_crash=destroy
on_dm_crash=restart
replace=offer
replace=never
replace=auto
seclabel=
silence-max=
timeout=
topology=
type=pvh
type=pv
uid-base=
vcpus=
weight=
'
# keys: end

_stubdom_guests() {
	stubdom list --names 2>/dev/null
}

_stubdom_verbs() {
	stubdom help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p'
}

# Whether VERB's OPTION has a value.
_stubdom_has_value() {
	case $1:$2 in
	bench:-r | bench:--rounds | qmp:-t | qmp:--timeout | monitor:-c | monitor:--command) ;;
	serial:-n | serial:--number | log:-n | log:--lines | image:-d | image:--directory) ;;
	replace:--image | replace:--kernel | replace:--memory | replace:--parallel | replace:--topology | replace:--vcpus) ;;
	*) return 1 ;;
	esac
}

_stubdom() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]} options= takes_guest= i guests=0

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_stubdom_verbs) --help --version" -- "$cur")
		return
	fi
	case $verb in
	list) options='--json --names' ;;
	status) options=--json takes_guest=1 ;;
	topology) options='--json --dot' takes_guest=1 ;;
	blame) options='--json --svg' takes_guest=1 ;;
	bench) options='-r --rounds --json' ;;
	qmp) options='-t --timeout' takes_guest=1 ;;
	monitor) options='-c --command' takes_guest=1 ;;
	serial) options='-n --number' takes_guest=1 ;;
	screenshot) takes_guest=1 ;;
	log) options='-f --follow -n --lines' takes_guest=1 ;;
	crashes) options='--json --names' ;;
	metrics) options=--http ;;
	plan) options=-- takes_guest=1 ;;
	image) options='-d --directory --json' ;;
	replace) options='--all --image --json --kernel --memory --parallel --topology --upgrade --vcpus' takes_guest=1 ;;
	security) options=--json takes_guest=1 ;;
	doctor | features) options=--json ;;
	help)
		mapfile -t COMPREPLY < <(compgen -W "$(_stubdom_verbs)" -- "$cur")
		return
		;;
	esac
	case $verb:$prev in
	image:-d | image:--directory | replace:--image)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	plan:-stubdom)
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -W "$_stubdom_keys" -- "$cur")
		return
		;;
	esac
	! _stubdom_has_value "$verb" "$prev" || return
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$cur")
		return
	fi
	# Which of the verb's own words this is, options and their values left out.
	for ((i = 2; i < COMP_CWORD; i++)); do
		if _stubdom_has_value "$verb" "${COMP_WORDS[i]}"; then
			((i++))
		elif [[ ${COMP_WORDS[i]} != -* ]]; then
			((guests++))
		fi
	done
	if [ "$verb" = image ] && [ "$guests" -eq 0 ]; then
		mapfile -t COMPREPLY < <(compgen -W 'build verify show' -- "$cur")
	elif [ "$verb" = crashes ] && [ "$guests" -eq 0 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(stubdom crashes --names 2>/dev/null)" -- "$cur")
	elif [ -n "$takes_guest" ] && [ "$guests" -eq 0 ]; then
		local IFS=$'\n'
		mapfile -t COMPREPLY < <(compgen -W "$(_stubdom_guests)" -- "$cur")
	elif [ "$verb" = screenshot ] && [ "$guests" -eq 1 ]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	elif [ "$verb" = qmp ] && [ "$guests" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W 'query-status query-block query-chardev
			query-commands query-version query-vnc cont stop eject device_add
			device_del system_reset system_powerdown' -- "$cur")
	fi
}

complete -F _stubdom stubdom
