#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Run each test program; cmocka prints its own closing lines. Fails when one fails, or when there is none.
[ $# -gt 0 ] || { echo "no unit tests were built" >&2; exit 1; }
failed=
for t; do
	"$t" || failed="$failed ${t##*/}"
done
[ -z "$failed" ] || { echo "unit tests failed:$failed" >&2; exit 1; }
