#!/bin/sh
# usage: bench_replay.sh BUILD [PART]. Record the toys with few calls and with many, then measure.
set -eu
o=$1
shift
folder=$(mktemp -d /tmp/tapedeck-bench-XXXXXX)
trap 'rm -rf "$folder"' EXIT
for calls in 10 20010; do
	printf 'registers_push %d\n' $calls |
		"$o/tapedeck" record -c tests/bench/toys.json --to "file:$folder/$calls" -- "$o/tests/bench/toys" >/dev/null
done
"$o/tests/bench/bench_replay" "$o/libtapedeck-replay.so" "$o/tests/bench/bare" \
	"$o/examples/orders/ordersd" examples/orders/orders.json file:tests/golden/orders/tape \
	"$o/tests/bench/toys" tests/bench/toys.json "file:$folder/10" "file:$folder/20010" "$@"
