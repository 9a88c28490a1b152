# SPDX-License-Identifier: MIT
# Completes stubdom's verbs, options and guests in fish.

# keys: begin, made by make golden
set -g _stubdom_keys \
	backend= \
	backing= \
	cap= \
	container-max= \
	core=no \
	core=yes \
	cpupool= \
	cpus= \
	device-model=stubdom \
	device-model=dom0 \
	image= \
	kernel=auto \
	kernel=linux \
	kernel=nub \
	log=error \
	log=warn \
	log=info \
	log=debug \
	memory= \
	on_dm_crash=leave \
	on_dm_crash=pause \
	on_dm_crash=destroy \
	on_dm_crash=restart \
	replace=offer \
	replace=never \
	replace=auto \
	seclabel= \
	silence-max= \
	timeout= \
	topology= \
	type=pvh \
	type=pv \
	uid-base= \
	vcpus= \
	weight=
# keys: end

function _stubdom_guests
	stubdom list --names 2>/dev/null
end

function _stubdom_verbs
	stubdom help 2>/dev/null | string replace -rf '^  ([a-z]+) +(.*)' '$1\t$2'
end

function _stubdom_verb
	set -l words (commandline -opc)
	test (count $words) -gt 1; and contains -- $words[2] $argv
end

function _stubdom_no_verb
	test (count (commandline -opc)) -eq 1
end

# The verb's first own word is to come.
function _stubdom_first
	set -l words (commandline -opc)
	set -l value
	_stubdom_verb $argv; or return
	for word in $words[3..]
		if test -n "$value"
			set value
			continue
		end
		switch $word
			case -t --timeout -c --command -n --number --lines -d --directory \
				--image --kernel --memory --parallel --topology --vcpus
				set value next
			case '-*'
			case '*'
				return 1
		end
	end
	return 0
end

complete -c stubdom -f
complete -c stubdom -n _stubdom_no_verb -a '(_stubdom_verbs)'
complete -c stubdom -n _stubdom_no_verb -l version -d 'print the version'
complete -c stubdom -l help -d explain
complete -c stubdom -n '_stubdom_first help' -a '(_stubdom_verbs)'
complete -c stubdom -n '_stubdom_first image' -a 'build verify show'
complete -c stubdom -n '_stubdom_first status topology blame qmp monitor serial screenshot log plan replace security' \
	-a '(_stubdom_guests)'
complete -c stubdom -n '_stubdom_verb list status topology blame bench crashes image replace security doctor features' -l json -d 'as JSON'
complete -c stubdom -n '_stubdom_verb list crashes' -l names -d 'names only'
complete -c stubdom -n '_stubdom_first crashes' -a '(stubdom crashes --names 2>/dev/null)'
complete -c stubdom -n '_stubdom_verb metrics' -l http -d 'answer an HTTP request'
complete -c stubdom -n '_stubdom_verb topology' -l dot -d 'as a graph for graphviz'
complete -c stubdom -n '_stubdom_verb blame' -l svg -d 'as a picture'
complete -c stubdom -n '_stubdom_verb bench' -s r -l rounds -x -d 'guests on each side'
complete -c stubdom -n '_stubdom_verb qmp' -s t -l timeout -x -d 'wait for the answer'
complete -c stubdom -n '_stubdom_verb qmp' \
	-a 'query-status query-block query-chardev query-commands cont stop'
complete -c stubdom -n '_stubdom_verb monitor' -s c -l command -x -d 'run this and end'
complete -c stubdom -n '_stubdom_verb serial' -s n -l number -x -d port
complete -c stubdom -n '_stubdom_verb log' -s f -l follow -d 'stay and print what is added'
complete -c stubdom -n '_stubdom_verb log' -s n -l lines -x -d 'the last lines'
complete -c stubdom -n '_stubdom_verb replace' -l all -d 'each with an older image'
complete -c stubdom -n '_stubdom_verb replace' -l upgrade -d 'the same by replace= of stubdom.conf'
complete -c stubdom -n '_stubdom_verb replace' -l parallel -x -d 'so many at a time'
complete -c stubdom -n '_stubdom_verb replace' -l memory -x -d 'of the stub domain, in MiB'
complete -c stubdom -n '_stubdom_verb replace' -l vcpus -x -d 'of the stub domain'
complete -c stubdom -n '_stubdom_verb replace' -l kernel -x -a nub -d 'in place of Linux'
complete -c stubdom -n '_stubdom_verb replace' -l topology -x -a '(__fish_complete_path)' \
	-d 'the wiring of its network'
complete -c stubdom -n '_stubdom_verb replace' -l image -x -a '(__fish_complete_directories)' \
	-d 'the image to start'
complete -c stubdom -n '_stubdom_verb image' -s d -l directory -x -a '(__fish_complete_directories)' \
	-d 'another image'
complete -c stubdom -n '_stubdom_verb screenshot' -F
complete -c stubdom -n '_stubdom_verb plan' -o stubdom -x -a '$_stubdom_keys' \
	-d 'an option of the stub domain'
