#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The main job in one go: record a running service, look at what was recorded, replay it against three builds.
# usage: demo.sh BUILD_DIR
set -eu

build=$1
here=$(dirname "$0")
tapedeck=$build/tapedeck
orders=$build/examples/orders
work=$(mktemp -d "${TMPDIR:-/tmp}/tapedeck-demo.XXXXXX")
daemon=
load=

stop() {
	for pid in $load $daemon; do
		kill "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

say() {
	printf '\n\033[1m%s\033[0m\n' "$*"
}

run() {
	printf '$ tapedeck %s\n' "$(echo "$*" | sed "s,$work/,,g; s,$build/,,g; s,$here/,,g")"
	"$tapedeck" "$@"
}

# equalize exits with 1 when something differs: here that is an answer.
compare() {
	run equalize "$@" || [ $? -eq 1 ]
}

say "1. Can this machine record and replay?"
if ! run doctor; then
	echo "The demo records with eBPF, which is not possible here: see MISSING above." >&2
	echo "Run it as root, or give tapedeck CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE." >&2
	exit 3
fi

say "2. A service and its customers start: ordersd, orders on a loopback port, prices and customers in SQLite"
"$orders/ordersd" --db "$work/orders.db" >"$work/out" &
daemon=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	grep -q listening "$work/out" && break
	sleep 0.1
done
port=$(awk '/listening/ { print $3 }' "$work/out")
"$orders/orderload" --port "$port" --connections 4 --orders 2000 --delay 1000 &
load=$!
sleep 0.5

say "3. What would be probed, and at what cost"
run check -c "$here/orders.json" -p "$daemon"

say "4. Record 300 orders of the running process, which is neither stopped nor changed"
run record -c "$here/orders.json" -p "$daemon" --to "file:$work/tape" --count 300 --duration 20s

say "5. What was recorded"
run ls "file:$work/tape" --limit 5

say "6. One of them: the operation, and every call to the outside world, with its values"
id=$("$tapedeck" ls "file:$work/tape" --where 'status=0' --limit 1 | awk '{ print $1 }')
run show "file:$work/tape" "$id"

say "7. Replay all of them, offline, in the same build: nothing real is called"
compare -c "$here/orders.json" --exe "$orders/ordersd" "file:$work/tape"

say "8. In a refactored build: a struct has grown in the middle, a function was split"
compare -c "$here/orders.json" --exe "$orders/ordersd-refactored" "file:$work/tape"

say "9. In a build with a regression: a wrong rounding"
compare -c "$here/orders.json" --exe "$orders/ordersd-regressed" "file:$work/tape" >"$work/regressed"
head -n 12 "$work/regressed"
echo "..."
sed -n '/^[0-9]* replayed:/,$p' "$work/regressed"

say "What you have just seen"
cat <<TEXT
A daemon was recorded while it worked: 300 orders, each with its arguments, its result and what databases, clocks and
rate services answered. The recordings were then replayed without any of those, in three builds of the program: the same
build and the refactored one do what was recorded, and the regression shows as different totals: one row for its one
cause, in the text above, in a page (--report html:FILE) and in what a pipeline reads (--report junit:FILE).

Next: 'tapedeck help', or your own program. README.md records a function of it in ten minutes.
TEXT
