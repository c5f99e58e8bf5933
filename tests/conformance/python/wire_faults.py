"""boto3 against each fault that only a real connection can show.

Usage: wire_faults.py OPEN TLS AUTHORITY

OPEN and TLS are the endpoints of two servers with the standard world at twenty times the speed, of which TLS speaks TLS by
the certificate of AUTHORITY. Exits with 1 at the first client that sees something else than the fault's text says.
"""

import json
import ssl
import sys
import urllib.request
from contextlib import contextmanager

import boto3
import botocore.exceptions as failures
from botocore.config import Config
from botocore.eventstream import ChecksumMismatch, InvalidPayloadLength
from urllib3.exceptions import HTTPError

REGION = "us-east-1"
MODEL = "amazon.nova-lite-v1:0"
HELLO = [{"role": "user", "content": [{"text": "Hello"}]}]


class Server:
    def __init__(self, endpoint, authority=None):
        self.endpoint = endpoint
        self.authority = authority
        self.trust = ssl.create_default_context(cafile=authority) if authority else None

    def page(self, path, method="GET", body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_richter/{path}", data=data, method=method)
        with urllib.request.urlopen(request, context=self.trust, timeout=10) as answer:
            return json.load(answer)

    def client(self, **config):
        config = {"retries": {"total_max_attempts": 1}, "read_timeout": 10, "connect_timeout": 5, **config}
        return boto3.client(
            "bedrock-runtime",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            verify=self.authority,
            config=Config(**config),
        )

    @contextmanager
    def fault(self, hits=None, **fault):
        """Runs with a fault, and says afterwards whether it struck. One with `hits` is over by then."""
        spec = dict(fault) if hits is None else {**fault, "hits": hits}
        self.page("faults", "POST", {"name": "f", "fault": spec})
        yield
        (row,) = self.page("state")["faults"]
        assert row["hit"] > 0, f"{fault} hit nothing: {row}"
        self.page("faults/f", "DELETE")


def converse(runtime):
    return runtime.converse(modelId=MODEL, messages=HELLO)


def stream(runtime):
    """The names of all events, as far as they came."""
    events, error = [], None
    try:
        for event in runtime.converse_stream(modelId=MODEL, messages=HELLO)["stream"]:
            events.append(next(iter(event)))
    except Exception as raised:
        error = raised
    return events, error


def raised(call, *arguments):
    try:
        call(*arguments)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def whole(events):
    return events[0] == "messageStart" and events[-2:] == ["messageStop", "metadata"]


def connections(server):
    with server.fault(connect_refused={}):
        error = raised(converse, server.client())
        assert isinstance(error, (failures.ConnectionClosedError, failures.EndpointConnectionError)), error
    with server.fault(connect_blackhole={}):
        assert isinstance(raised(converse, server.client(read_timeout=1)), failures.ReadTimeoutError)
    with server.fault(connect_slow={"delay": "300ms"}):
        assert converse(server.client())["stopReason"]
    with server.fault(backlog_full={"accepts": "1/s", "queue": 16}):
        runtime = server.client()
        for _ in range(3):
            converse(runtime)
    with server.fault(idle_close={"after": "10ms"}):
        runtime = server.client()
        converse(runtime)
        assert isinstance(raised(converse, runtime), failures.ConnectionClosedError)
    with server.fault(conn_max_age={"age": "1us"}):
        runtime = server.client()
        assert [converse(runtime)["stopReason"] for _ in range(2)]


def heads(server):
    with server.fault(reset_before_head={}):
        error = raised(converse, server.client())
        assert isinstance(error, failures.ConnectionClosedError), error
        _, error = stream(server.client())
        assert isinstance(error, failures.ConnectionClosedError), error
    with server.fault(slow_head={"delay": "500ms"}):
        assert converse(server.client())["stopReason"]
        assert whole(stream(server.client())[0])
    with server.fault(slow_head={"delay": "30s"}):
        error = raised(converse, server.client(read_timeout=1))
        assert isinstance(error, failures.ReadTimeoutError), error
    with server.fault(head_missing={"what": "request_id"}):
        assert "RequestId" not in converse(server.client())["ResponseMetadata"]
    with server.fault(wrong_content_type={"says": "text/plain"}):
        assert converse(server.client())["stopReason"], "boto3 does not go by the label"
        assert whole(stream(server.client())[0])


def errors(server):
    burst = {"errors": {"ThrottlingException": "100%"}}
    server.page("faults", "POST", {"name": "burst", "fault": {"error_burst": burst}})
    server.page("faults", "POST", {"name": "g", "fault": {"head_missing": {"what": "error_type"}}})
    error = raised(converse, server.client())
    assert error.response["Error"]["Code"] == "429", error.response
    server.page("faults/g", "DELETE")
    server.page("faults", "POST", {"name": "g", "fault": {"retry_after_hint": {"says": "1234ms"}}})
    error = raised(converse, server.client())
    assert error.response["Error"]["Code"] == "ThrottlingException", error.response
    assert error.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-retry-after"] == "1234"
    for name in ("g", "burst"):
        server.page(f"faults/{name}", "DELETE")


def strangers(server):
    with server.fault(body_html_proxy={"status": 502}):
        for call in (converse, lambda runtime: runtime.converse_stream(modelId=MODEL, messages=HELLO)):
            error = raised(call, server.client())
            assert isinstance(error, failures.ClientError) and error.response["Error"]["Code"] == "502", error
    for fault in (
        {"body_html_proxy": {"status": 200}},
        {"body_not_json": {}},
        {"status_200_error_body": {"error": "ThrottlingException"}},
    ):
        with server.fault(**fault):
            answer = converse(server.client())
            assert list(answer) == ["ResponseMetadata"], f"an answer with nothing in it: {answer}"
            events, error = stream(server.client())
            assert events == [] and isinstance(error, ChecksumMismatch), (fault, events, error)
    with server.fault(gzip_unasked={}):
        assert isinstance(raised(converse, server.client()), UnicodeDecodeError)


def streams(server):
    with server.fault(reset_after_head={}):
        events, error = stream(server.client())
        assert events == [] and isinstance(error, (HTTPError, failures.HTTPClientError)), (events, error)
    with server.fault(eof_after_head={}):
        assert stream(server.client()) == ([], None), "an empty stream looks whole"
        assert list(converse(server.client())) == ["ResponseMetadata"], "and so does half a unary answer"
    with server.fault(frame_truncated={"after": 3}):
        events, error = stream(server.client())
        assert events.count("contentBlockDelta") == 3 and error is None, "botocore drops the rest of its buffer"
    for of in ("prelude", "message"):
        with server.fault(frame_crc={"after": 3, "of": of}):
            events, error = stream(server.client())
            assert events.count("contentBlockDelta") == 3, events
            assert isinstance(error, ChecksumMismatch), error
    with server.fault(frame_length_lie={"after": 3, "says": "huge"}):
        events, error = stream(server.client())
        assert events.count("contentBlockDelta") == 3 and isinstance(error, InvalidPayloadLength), error
    with server.fault(frame_length_lie={"after": 3, "says": "tiny"}):
        events, error = stream(server.client())
        assert events.count("contentBlockDelta") == 3 and isinstance(error, ChecksumMismatch), error
    for what in ("event", "header", "empty"):
        with server.fault(frame_unknown={"what": what, "after": 2}):
            events, error = stream(server.client())
            assert error is None and whole(events), (what, events, error)
    with server.fault(event_order={"what": "drop_stop"}):
        events, error = stream(server.client())
        assert error is None and "messageStop" not in events and events[-1] == "metadata", events
    with server.fault(event_order={"what": "drop_start"}):
        events, error = stream(server.client())
        assert error is None and "messageStart" not in events, events
    for what in ("duplicate", "swap"):
        with server.fault(event_order={"what": what}):
            events, error = stream(server.client())
            assert error is None and whole(events), events
    with server.fault(trickle={"bytes": "20000/s"}):
        events, error = stream(server.client(read_timeout=2))
        assert error is None and whole(events), (events, error)
        assert converse(server.client())["stopReason"]
    with server.fault(stall_mid_stream={"after": 3}):
        events, error = stream(server.client(read_timeout=1))
        assert events.count("contentBlockDelta") == 3 and error is not None, (events, error)


def handshakes(server):
    def struck(**fault):
        # One hit, so that the page that ends it can be reached again.
        server.page("faults", "POST", {"name": "f", "fault": {**fault, "hits": 1}})
        error = None
        try:
            converse(server.client())
        except Exception as raised_:
            error = raised_
        (row,) = server.page("state")["faults"]
        assert row["hit"] == 1, row
        return error

    for why, text in (("expired", "expired"), ("wrong_name", "match"), ("unknown_ca", "self-signed")):
        error = struck(tls_bad_certificate={"why": why})
        assert isinstance(error, failures.SSLError) and text in str(error), error
    error = struck(tls_handshake_fail={"alert": "handshake_failure"})
    assert isinstance(error, failures.SSLError) and "handshake failure" in str(error).lower(), error
    assert struck(tls_slow={"delay": "200ms"}) is None
    server.page("faults/f", "DELETE")


def main(open_endpoint, tls_endpoint, authority):
    server = Server(open_endpoint)
    for part in (connections, heads, errors, strangers, streams):
        part(server)
        assert server.page("state")["faults"] == [], part
        print(f"{part.__name__}: as said")
    handshakes(Server(tls_endpoint, authority))
    print("handshakes: as said")


if __name__ == "__main__":
    main(*sys.argv[1:])
