#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sign requests, a JSON object a line, as the botocore in awscli does; print a line for each: path?query, headers, signature."""
import json
import sys

import awscli  # noqa: F401, has botocore in it
import botocore.session
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode

for line in sys.stdin:
    want = json.loads(line)
    auth = S3SigV4Auth(Credentials(want["access"], want["secret"]), want["service"], want["region"])
    path = percent_encode(want["key"], safe="/~")
    request = AWSRequest(method=want["method"], url="https://" + want["host"] + "/" + path,
                         params=want["query"], headers=want["headers"])
    request.context["timestamp"] = want["date"]
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    signed = auth.signed_headers(auth.headers_to_sign(request))
    print("/" + path + "?" + auth.canonical_query_string(request), signed, signature)
