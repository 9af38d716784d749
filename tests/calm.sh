#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# usage: calm.sh BUILD. What runs in the replayed program while its caller's vector registers are live (docs/ARCHITECTURE.md):
# no code of ours uses one, and what calm files call outside of themselves is named here.
cd "$(dirname "$0")/.." || exit 1
o=$1/replay/target
calm='bytes capture capture_format carrier clock dispatch files guard invoke match objects report serve shadow thunk thunk_x86_64'
# Calm, in files that are not.
calm_there='engine module_base module_is_loaded module_of fence_find install_moved_from thunk_copy thunk_copy_fault thunk_copy_insn
	__errno_location __libc_single_threaded __libc_stack_end __msan_param_tls __msan_retval_tls'
# They end the process, or the case.
ends='thunk_caught engine_exit engine_fail reach_report module_caller snprintf strerror vsnprintf'
# Before the first call.
before='mmap'
# They come behind thunk_keep.
kept='ready_reached threads_start install_imports record_call record_returned record_unwound fence_alloc malloc
	pthread_self strcmp strncmp __msan_unpoison'
failed=0

objects() { for name; do echo "$o/$name.o"; done; }

for object in $o/*.o; do
	case $object in */thunk_x86_64.o | */engine.o) continue ;; esac
	found=$(objdump -d --no-show-raw-insn "$object" | grep -cE '%([xyz]mm|k)[0-7]|%st|xsave|xrstor')
	[ "$found" = 0 ] || { echo "$object: $found instructions with vector registers" >&2; failed=1; }
done
own=$(nm --defined-only $(objects $calm) | awk 'NF == 3 { print $3 }')
doors=$(nm -u $(objects $calm) | awk 'NF == 2 { print $2 }' | sort -u)
for door in $doors; do
	case " $(echo $own $calm_there $ends $before $kept) _GLOBAL_OFFSET_TABLE_ " in
	*" $door "*) ;;
	*) echo "a calm file calls '$door': is it calm, or behind thunk_keep?" >&2; failed=1 ;;
	esac
done
exit $failed
