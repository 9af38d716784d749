#!/bin/sh
# Every test that docs/PLAYBACK.md names exists.
cd "$(dirname "$0")/.." || exit 1
status=0
for name in $(grep '^|' docs/PLAYBACK.md | awk -F'|' 'NF >= 5 { print $(NF - 1) }' | grep -o '`[^`]*`' | tr -d '`' | sort -u); do
	case $name in
	*.c | *.cpp) [ -e "tests/hard/cases/$name" ] && continue ;;
	*) grep -rqE "static void $name\(void \*\*state" tests && continue ;;
	esac
	echo "docs/PLAYBACK.md names a test that does not exist: $name"
	status=1
done
exit $status
