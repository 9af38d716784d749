#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Who may include whom (docs/ARCHITECTURE.md): an include that points the wrong way fails, and so do printing and exiting
# in lib/, loader/ and replay/. _exit is how a forked child ends: only in the files that fork.
cd "$(dirname "$0")/.." || exit 1
failed=0

# folder, what its files may include of ours (a regular expression)
may() {
	bad=$(grep -n '^#include "' $(find "$1" -maxdepth 1 -name '*.[chS]') /dev/null | grep -vE "#include \"($2)\"")
	[ -z "$bad" ] || { echo "$bad" | sed 's/$/  <- points the wrong way/' >&2; failed=1; }
}

may lib 'lib/[a-z0-9_]+\.h'
may lib/tapedeck 'nothing'
may bpf 'bpf/[a-z0-9_.]+\.h|lib/(plan|event)\.h'
may loader '(loader|lib)/[a-z0-9_]+\.h|bpf/[a-z]+\.skel\.h'
may replay '(replay|lib)/[a-z0-9_]+\.h|replay/target/patch\.h'
may replay/target 'replay/target/[a-z_0-9]+\.h|lib/(plan|event|tape)\.h'
may replay/plugin 'lib/(json|util)\.h|lib/tapedeck/plugin\.h'
may tools '(tools|loader|replay|lib)/[a-z0-9_]+\.h'

# strings are taken out first: "the program called exit(1)" is only words
for file in $(find lib loader replay -maxdepth 1 -name '*.c'); do
	bad=$(sed 's/"[^"]*"//g' "$file" | grep -nE '\b(printf|puts|putchar|perror|exit|errx?|warnx?)\(|fprintf\((stdout|stderr)')
	[ -z "$bad" ] || { echo "$file: $bad  <- lib, loader and replay never print and never exit" >&2; failed=1; }
done
bad=$(grep -l '\b_exit(' lib/*.c loader/*.c replay/*.c |
	grep -vxE 'lib/credentials_sources\.c|loader/process\.c|replay/(debugger|launch_start|sandbox)\.c')
[ -z "$bad" ] || { echo "$bad: _exit in a file that does not fork" >&2; failed=1; }

# Every module stands in a row of its section of docs/ARCHITECTURE.md, by its name or the beginning of it and a star.
named() { # folder, section
	words=$(awk -v head="### $2/" '/^##/ { on = index($0, head) == 1 } on && /^\|/ { split($0, cell, "|"); print cell[2] }' \
		docs/ARCHITECTURE.md | tr '`/ ' '\n\n\n')
	set -f
	for file in $(set +f; echo "$1"/*.[chS]); do
		module=${file##*/} found=0
		for word in $words; do
			case ${module%%.*} in ${word%.h}) found=1 ;; esac
		done
		[ $found = 1 ] || { echo "$file: in no row of docs/ARCHITECTURE.md" >&2; failed=1; }
	done
	set +f
}
named lib lib
named bpf bpf
named loader loader
named replay replay
named replay/target replay
named replay/plugin replay
named tools tools
exit $failed
