#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# A plug-in in another language, for examples/orders: what a customer is told is compared, nothing else, and a
# cent more or less in the total is as good. It reads a question a line and writes an answer a line.
#
#	tapedeck equalize -c examples/orders/orders.json --plugin HandleOrder=examples/plugins/compare.py \
#		--exe build/examples/orders/ordersd-regressed file:tests/golden/orders/tape
import json
import os
import sys

CENTS_ALIKE = int(os.environ.get("CENTS_ALIKE", "1"))


def reply_of(recording):
    return recording["operation"]["out"]["reply"]


def result(ask):
    reply = reply_of(ask["recording"])
    return {"result": {"status": reply["status"], "total_cents": reply.get("total_cents")}}


def compare(ask):
    recorded, replayed = ask["recorded"], ask["replayed"]
    if recorded["status"] != replayed["status"]:
        return {"verdict": "different", "message": "the order ends otherwise"}
    if recorded["total_cents"] is None:
        return {"verdict": "equal"}
    more = replayed["total_cents"] - recorded["total_cents"]
    if abs(more) <= CENTS_ALIKE:
        return {"verdict": "equal"}
    return {"verdict": "different", "message": f"the total is {abs(more)} cents {'more' if more > 0 else 'less'}"}


def data(ask):
    replayed = reply_of(ask["replayed"]) if "replayed" in ask else {}
    return {"data": {"recorded_lines": len(reply_of(ask["recorded"]).get("lines") or []),
                     "replayed_lines": len(replayed.get("lines") or [])}}


def metadata(ask):
    return {"metadata": {"currency": ask["recording"]["operation"]["args"]["request"]["currency"]}}


def hello(ask):
    return {"version": 1, "provides": ["result", "compare", "data", "metadata"]}


answers = {"hello": hello, "result": result, "compare": compare, "data": data, "metadata": metadata}

for line in sys.stdin:
    ask = json.loads(line)
    try:
        answer = answers[ask["ask"]](ask)
    except (KeyError, TypeError) as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
