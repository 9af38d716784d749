#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# One recording of examples/orders, tests/golden/orders, in many builds of it: each replays it equal, and a
# build with the example's planted mistake differs in exactly the orders that the example's own journal named when
# it was recorded. Real inputs and outputs abort (journal.c), so 'equal' also says that none ran.
# usage: matrix.sh BUILD_DIR [NAME_GLOB...]
set -eu

build=$(realpath "$1")
shift
root=$(realpath "$(dirname "$0")/../..")
config=$root/examples/orders/orders.json
work=$(mktemp -d "${TMPDIR:-/tmp}/tapedeck-matrix.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# NAME | compiler | flags of the compiler | flags of the linker | how it is put together, see put_together().
# Functions of the boundary are marked in orders.h: that is what makes optimised and LTO builds possible.
builds() {
	for cc in gcc clang; do
		for level in O0 O1 O2 O3 Os; do
			echo "$cc-$level-pie | $cc | -g -$level -fPIE | -pie | program"
			echo "$cc-$level-nopie | $cc | -g -$level -fno-pie | -no-pie | program"
		done
		echo "$cc-stripped | $cc | -g -O2 | | stripped"
		echo "$cc-library | $cc | -g -O2 -fPIC | | library"
		echo "$cc-plugin | $cc | -g -O2 -fPIC | | plugin"
		echo "$cc-dwarf-4 | $cc | -g -gdwarf-4 -O2 | | program"
		echo "$cc-compressed | $cc | -g -gz -O2 | | program"
		echo "$cc-split-dwarf | $cc | -g -gsplit-dwarf -O2 | | program"
		echo "$cc-cet | $cc | -g -O2 -fcf-protection=full | | program"
		echo "$cc-hardened | $cc | -g -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-all -fstack-clash-protection" \
			"| -Wl,-z,relro,-z,now | program"
		echo "$cc-no-plt | $cc | -g -O2 -fno-plt | | program"
		echo "$cc-patchable | $cc | -g -O2 -fpatchable-function-entry=16 | | program"
		echo "$cc-profiled | $cc | -g -O2 -pg | -pg | program"
		echo "$cc-native | $cc | -g -O3 -march=native | | program"
		echo "$cc-sections | $cc | -g -O2 -ffunction-sections -fdata-sections | -Wl,--gc-sections | program"
		echo "$cc-ubsan | $cc | -g -O1 -fsanitize=undefined | -fsanitize=undefined | program"
		echo "$cc-asan | $cc | -g -O1 -fsanitize=address | -fsanitize=address | program"
	done
	linked=$(PKG_CONFIG_PATH=$build pkg-config --define-variable=libdir="$build" --libs tapedeck-replay)
	for cc in gcc clang; do
		echo "$cc-linked-static | $cc | -g -O2 | -static $linked | program"
	done
	echo "gcc-linked-static-pie | gcc | -g -O2 -fPIE | -static-pie $linked | program"
	echo "gcc-linked-dynamic | gcc | -g -O2 | $linked | program"
	echo "gcc-lto | gcc | -g -O2 -flto | -O2 -flto | program"
	echo "gcc-lto-Os | gcc | -g -Os -flto | -Os -flto | program"
	echo "clang-lto | clang | -g -O2 -flto | -O2 -flto -fuse-ld=lld | program"
	echo "clang-lto-thin | clang | -g -O2 -flto=thin | -O2 -flto=thin -fuse-ld=lld | program"
	echo "gcc-live-patching | gcc | -g -O2 -flive-patching=inline-clone | | program"
	echo "gcc-no-semantic-interposition | gcc | -g -O2 -fPIC -fno-semantic-interposition | | library"
	echo "gcc-asan-ubsan-O0 | gcc | -g -O0 -fsanitize=address,undefined | -fsanitize=address,undefined | program"
	echo "gcc-ibt-shstk | gcc | -g -O2 -fcf-protection=full | -Wl,-z,ibt,-z,shstk | program"
	echo "gcc-rdynamic | gcc | -g -O2 | -rdynamic | program"
	echo "clang-lld | clang | -g -O2 | -fuse-ld=lld | program"
}

# Builds that cannot be replayed, and the words that say so and what to do: @HOW is "refused", with --strict.
refusals() {
	echo "no-debug-info | gcc | -O2 | | refused | 'handle_order': no debug information .* build it with -g"
	echo "g1 | gcc | -g1 -O2 | | refused | 'handle_order' has no parameters: it was built with -g1 .* build it with -g"
	echo "gcc-inlined | gcc | -g -O2 -Dnoipa=unused | | refused" \
		"| no out-of-line copy of 'rate_lookup': inlined at orders.c:[0-9]* .*noinline"
	echo "gcc-lto-inlined | gcc | -g -O2 -flto -Dnoipa=unused | -flto -O2 | refused" \
		"| no out-of-line copy of 'handle_order': inlined at ordersd.c:[0-9]* .*noinline"
	echo "clang-inlined | clang | -g -O2 -Dnoinline=unused | | refused" \
		"| 'rate_lookup': also inlined at orders.c:[0-9]*: .*noinline"
	echo "gcc-isra | gcc | -g -O3 -Dnoipa=noinline | | refused" \
		"| 'rate_lookup' no longer takes its parameters .*rate_lookup.isra.0.*noipa"
}

compile() { # OUT.o SOURCE FLAGS
	out=$1 source=$2
	shift 2
	$cc -std=gnu11 -w -I"$root" "$@" -c -o "$out" "$root/$source"
}

# Everything but the operation's file is compiled once and linked into both builds.
put_together() { # OUT, built in the current folder
	rest="-lsqlite3 -lpthread -lm"
	case $how in
	program | stripped | refused)
		$cc $ldflags -o "$1" ordersd.o "$1.o" store.o notify.o journal.o $rest
		;;
	library)
		mkdir -p "$1-lib"
		$cc $ldflags -shared -Wl,-soname,liborders.so -o "$1-lib/liborders.so" "$1.o" store.o notify.o \
			journal.o $rest
		$cc $ldflags -o "$1" ordersd.o -L"$1-lib" -lorders -Wl,-rpath,"\$ORIGIN/$1-lib" $rest
		;;
	plugin)
		mkdir -p "$1-lib"
		$cc $ldflags -shared -Wl,-soname,liborders.so -o "$1-lib/liborders.so" "$1.o" store.o notify.o \
			journal.o $rest
		$cc $ldflags -o "$1" plugin.o host.o journal.o -Wl,-rpath,"\$ORIGIN/$1-lib" -lpthread -ldl
		;;
	esac
	[ "$how" != stripped ] || {
		objcopy --only-keep-debug "$1" "$1.debug"
		strip "$1"
		objcopy --add-gnu-debuglink="$1.debug" "$1"
	}
}

build_both() {
	compile same.o examples/orders/orders.c $cflags
	compile regressed.o examples/orders/orders.c $cflags -DREGRESSED
	compile store.o examples/orders/store.c $cflags
	compile notify.o examples/orders/notify.c $cflags
	compile journal.o tests/matrix/journal.c $cflags
	if [ "$how" = plugin ]; then
		compile plugin.o tests/matrix/plugin.c $cflags
		compile host.o examples/orders/ordersd.c $cflags -Dmain=ordersd_main -Dhandle_order=call_handle_order \
			-Dreply_release=call_reply_release -Ddb_open=call_db_open
	else
		compile ordersd.o examples/orders/ordersd.c $cflags
	fi
	put_together same
	put_together regressed
}

equalize() { # PROGRAM
	case $how in
	plugin) set -- "$1" --lib "liborders.so=$1-lib/liborders.so" ;;
	refused) set -- "$1" --strict ;;
	esac
	"$build/tapedeck" equalize -c "$config" --jobs 1 --json --exe "$@" \
		"file:$root/tests/golden/orders/tape" >"$1.json" 2>"$1.said"
}

# The orders whose verdict is @1, by the id that is in their metadata.
orders_that_are() {
	sed -n "s/.*\"type\":\"comparison\",\"id\":\"\([^\"]*\)\".*\"verdict\":\"$1\".*/\1/p" "$2" | while read -r id; do
		sed -n 's/.*"order": *\([0-9]*\).*/\1/p' "$root/tests/golden/orders/tape/tape_recorder_recordings/metadata/$id"
		echo
	done | grep . | sort -n
}

expect() { # PROGRAM STATUS: how equalize must end
	status=0
	equalize "$1" || status=$?
	[ "$status" -eq "$2" ] && return
	printf '%s: equalize of %s ended with %s, not %s\n' "$name" "$1" "$status" "$2"
	cat "$1.said"
	grep -v '"verdict":"equal"' "$1.json" | cut -c 1-600 | head -n 3
	return 1
}

play() {
	expect same 0 || return 1
	orders_that_are equal same.json >equal
	[ "$(wc -l <equal)" -eq 24 ] || { echo "$name: $(wc -l <equal) of 24 orders are equal"; return 1; }
	expect regressed 1 || return 1
	orders_that_are different regressed.json >differ
	cmp -s differ "$root/tests/golden/orders/regressed" && return
	echo "$name: the regression shows in orders $(tr '\n' ' ' <differ), not in those of golden/orders/regressed"
	return 1
}

be_refused() {
	expect same 3 || return 1
	tr '\n' ' ' <same.said | grep -q "${words# }" && return
	echo "$name: refused, but not with '${words# }'"
	cat same.said
	return 1
}

# What shows that the others are no accident: an input that is not configured runs, and that is noticed.
notice_real() {
	grep -v '"bonus_points"' "$config" | sed 's/\("rate_lookup":.*\),$/\1/' >real.json
	config=$PWD/real.json
	expect same 1 || return 1
	grep -q '"verdict":"failed".*TOUCHED bonus_points' same.json && return
	echo "$name: a real input ran, and no verdict says so"
	return 1
}

# One build of the list, in a folder of its own.
one() {
	IFS='|' read -r name cc cflags ldflags how words
	name=${name% } cc=$(echo $cc) how=$(echo $how)
	mkdir "$work/$name"
	cd "$work/$name"
	build_both >build.log 2>&1 || true
	[ -x same ] && [ -x regressed ] || { echo "$name: does not build"; head -n 5 build.log; return 1; }
	[ "$how" != refused ] || { be_refused; return; }
	play || return 1
	[ "$name" != gcc-O0-pie ] || notice_real
}

wanted() {
	[ $# -gt 0 ] || set -- '*'
	{ builds; refusals; } | while IFS= read -r line; do
		for glob; do
			case ${line%% *} in $glob)
				echo "$line"
				break
				;;
			esac
		done
	done
}

# Every @1st of two, so that two cores share the work. Says what failed, and counts.
share() {
	failed=0 cnt=0 at=0
	while IFS= read -r line; do
		at=$((at + 1))
		[ $((at % 2)) -eq "$1" ] || continue
		cnt=$((cnt + 1))
		(echo "$line" | one) || failed=$((failed + 1))
	done <"$work/list"
	echo "$cnt $failed" >"$work/share.$1"
}

wanted "$@" >"$work/list"
share 0 &
share 1
wait
awk '{ cnt += $1; failed += $2 }
	END { printf "%d builds of the matrix do as they should, %d do not\n", cnt - failed, failed; exit failed || !cnt }' \
	"$work/share.0" "$work/share.1"
