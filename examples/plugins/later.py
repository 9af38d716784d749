#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# A plug-in of an input of examples/orders: its clock is a week later at replay than it was when it was recorded.
# In the configuration:
#
#	"libc.so.6:clock_gettime": { "plugin": { "command": ["python3", "../plugins/later.py"] }, ... }
import json
import sys

WEEK_S = 7 * 24 * 60 * 60

for line in sys.stdin:
    ask = json.loads(line)
    if ask["ask"] == "hello":
        answer = {"version": 1, "provides": ["restore"]}
    else:
        answer = {"call": {"out": {"tp": {"tv_sec": ask["call"]["out"]["tp"]["tv_sec"] + WEEK_S}}}}
    print(json.dumps(answer), flush=True)
