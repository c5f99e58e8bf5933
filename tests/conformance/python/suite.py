"""What the Python suites share: a table of cases, the server's own pages, and what was shown.

A case is a function that is given a Mock, and asserts. It names the rows of the table in mock-bedrock/README.md that it
speaks for. A suite runs all of its cases, tells which failed and why, and writes what it has shown to a file.
"""

import json
import os
import sys
import time
import traceback
import urllib.request
from contextlib import contextmanager

REGION = "us-east-1"
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
CASES = []

MODEL = "anthropic.claude-sonnet-4-6"
PROFILE = f"us.{MODEL}"
ON_DEMAND = "anthropic.claude-3-haiku-20240307-v1:0"
HELLO = [{"role": "user", "content": [{"text": "Say something."}]}]


def case(*rows):
    """Puts a function into the table of cases, under rows of the README's table."""

    def add(test):
        CASES.append((rows, test))
        return test

    return add


class Mock:
    """The servers of a run: one that lets everybody in, and one that speaks TLS and checks who calls."""

    def __init__(self, endpoint, guarded, authority):
        self.endpoint, self.guarded, self.authority = endpoint, guarded, authority

    def page(self, path, method="GET", body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_richter/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def state(self):
        return json.loads(self.page("state"))

    def requests(self, operation):
        """How many requests of an operation have reached the server."""
        return sum(row["count"] for row in self.state()["counts"] if row["operation"] == operation)

    def records(self):
        return [json.loads(line) for line in self.page("records").splitlines()]

    @contextmanager
    def fault(self, **fault):
        """A fault of the scenario format, for as long as the block runs."""
        self.page("faults", "POST", {"name": "case", "fault": fault})
        try:
            yield
        finally:
            self.page("faults/case", "DELETE")

    def failing(self, kind, **more):
        return self.fault(error_burst={"errors": {kind: "100%"}, **more})

    @contextmanager
    def counted(self, operation, expected):
        """The block sends so many requests, as the server counts them."""
        before = self.requests(operation)
        yield
        sent = self.requests(operation) - before
        assert sent == expected, f"{sent} requests of {operation} reached the server, not {expected}"


@contextmanager
def took_at_least(seconds):
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    assert took >= seconds, f"it took {took:.2f} s, not {seconds} s or more"


def run(mock, shown_file):
    """Runs every case; 1 if any failed."""
    failed = []
    shown = []
    for rows, test in CASES:
        mock.page("reset", "POST")
        start = time.monotonic()
        try:
            test(mock)
        except Exception:
            failed.append(test.__name__)
            print(f"FAILED {test.__name__}\n{traceback.format_exc()}", file=sys.stderr)
        else:
            shown += [f"{row}\t{test.__name__}\n" for row in rows]
        if os.environ.get("RICHTER_CONFORMANCE_TIMES"):
            print(f"{time.monotonic() - start:6.2f} s  {test.__name__}")
    with open(shown_file, "w", encoding="utf-8") as file:
        file.writelines(shown)
    print(f"{len(CASES) - len(failed)} of {len(CASES)} cases hold")
    return 1 if failed else 0


def main():
    """ENDPOINT GUARDED_ENDPOINT AUTHORITY_FILE SHOWN_FILE"""
    if len(sys.argv) != 5:
        sys.exit(f"usage: {sys.argv[0]} {main.__doc__}")
    endpoint, guarded, authority, shown_file = sys.argv[1:]
    # Nothing of the machine's own set-up reaches a client.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, NO_PROXY="*")
    sys.exit(run(Mock(endpoint, guarded, authority), shown_file))
