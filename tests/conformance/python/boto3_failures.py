"""boto3 against everything that goes wrong: errors before and inside streams, retries, timeouts, keys."""

import json
import os
from contextlib import contextmanager

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EventStreamError, ReadTimeoutError

from boto3_client import client, refused, says
from boto3_runtime import CLAUDE
from suite import HELLO, KEYS, PROFILE, REGION, case, took_at_least

# Each exception of the service model with its status. Point 9 is in the statuses.
EXCEPTIONS = [
    ("AccessDeniedException", 403),
    ("InternalServerException", 500),
    ("ModelErrorException", 424),
    ("ModelNotReadyException", 429),
    ("ModelStreamErrorException", 424),
    ("ModelTimeoutException", 408),
    ("ResourceNotFoundException", 404),
    ("ServiceQuotaExceededException", 400),
    ("ServiceUnavailableException", 503),
    ("ThrottlingException", 429),
    ("ValidationException", 400),
]
# Those that a stream's union declares; the last one is in the native stream's alone.
IN_STREAMS = [
    "internalServerException",
    "modelStreamErrorException",
    "serviceUnavailableException",
    "throttlingException",
    "validationException",
    "modelTimeoutException",
]
# How many attempts boto3 makes of each failure by itself: standard mode, three in total.
ATTEMPTS = [
    ("ThrottlingException", 3),
    ("ServiceUnavailableException", 3),
    ("InternalServerException", 3),
    ("ModelNotReadyException", 3),
    ("ModelTimeoutException", 1),
    ("ModelErrorException", 1),
    ("ModelStreamErrorException", 1),
    ("ServiceQuotaExceededException", 1),
    ("AccessDeniedException", 1),
    ("ValidationException", 1),
]


def operations(runtime):
    """Each inference operation as a call, by its row."""
    body = json.dumps(CLAUDE)
    return {
        "Converse": lambda: runtime.converse(modelId=PROFILE, messages=HELLO),
        "ConverseStream": lambda: runtime.converse_stream(modelId=PROFILE, messages=HELLO)["stream"],
        "InvokeModel": lambda: runtime.invoke_model(modelId=PROFILE, body=body),
        "InvokeModelWithResponseStream": lambda: runtime.invoke_model_with_response_stream(
            modelId=PROFILE, body=body
        )["body"],
    }


@case("errors before the answer")
def point_09_every_exception_has_its_name_and_status(mock):
    runtime = client(mock.endpoint)
    for kind, status in EXCEPTIONS:
        with mock.failing(kind):
            for call in operations(runtime).values():
                refused(kind, status, call)


@case("errors before the answer")
def modelled_exceptions_become_classes(mock):
    runtime = client(mock.endpoint)
    with mock.failing("ModelErrorException"):
        try:
            runtime.converse(modelId=PROFILE, messages=HELLO)
        except runtime.exceptions.ModelErrorException as error:
            assert error.response["originalStatusCode"], error.response
        else:
            raise AssertionError("it was not raised")


@case("errors before the answer")
def point_10_an_error_is_named_by_its_header(mock):
    with mock.failing("ThrottlingException"):
        refusal = refused(
            "ThrottlingException", 429, client(mock.endpoint).converse, modelId=PROFILE, messages=HELLO
        )
    kind = refusal["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"]
    assert kind == "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/", kind


@case("errors before the answer")
def a_quota_is_shared_by_all_operations(mock):
    client(mock.endpoint).converse(modelId=PROFILE, messages=HELLO)
    (pool,) = (pool["name"] for pool in mock.state()["pools"])
    mock.page("quota", "POST", {"pool": pool, "requests": 3})
    calls = list(operations(client(mock.endpoint)).values())
    for call in calls[:3]:
        call()
    says(refused("ThrottlingException", 429, calls[3]), "Too many requests, please wait before trying again.")


def until_it_breaks(stream):
    """How many events came before the stream raised, and what it raised."""
    events = 0
    try:
        for _ in stream:
            events += 1
    except Exception as error:
        return events, error
    return events, None


@case("errors inside the stream")
def point_16_an_error_inside_a_stream_is_raised_and_not_retried(mock):
    for name in IN_STREAMS:
        kind = name[0].upper() + name[1:]
        rows = ["InvokeModelWithResponseStream"]
        if kind != "ModelTimeoutException":
            rows.append("ConverseStream")
        for row in rows:
            fault = mock.fault(exception_mid_stream={"error": kind, "after": 3})
            with fault, mock.counted(row, 1):
                events, error = until_it_breaks(operations(client(mock.endpoint, attempts=None))[row]())
            assert isinstance(error, EventStreamError), (row, name, error)
            assert error.response["Error"]["Code"] == name and error.response["Error"]["Message"], error
            assert events > 3, f"{events} events came first"


@case("errors inside the stream")
def point_08_converse_streams_have_no_model_timeout(mock):
    with mock.fault(exception_mid_stream={"error": "ModelTimeoutException", "after": 3}):
        events, error = until_it_breaks(operations(client(mock.endpoint))["ConverseStream"]())
    assert error is None and events > 3, "the fault finds nothing to strike"


@case("errors inside the stream")
def point_16_a_clean_end_without_message_stop_is_accepted(mock):
    with mock.fault(eof_mid_stream={"after": 3}):
        runtime = client(mock.endpoint)
        events = list(runtime.converse_stream(modelId=PROFILE, messages=HELLO)["stream"])
    assert [next(iter(event)) for event in events] == ["messageStart"] + ["contentBlockDelta"] * 3, events


@case("errors inside the stream")
def a_reset_inside_a_stream_is_an_error(mock):
    with mock.fault(reset_mid_stream={"after": 3}):
        for row in ("ConverseStream", "InvokeModelWithResponseStream"):
            _, error = until_it_breaks(operations(client(mock.endpoint))[row]())
            assert error is not None and not isinstance(error, EventStreamError), (row, error)


@case("retries, counted by the server")
def point_13_boto3_tries_three_times(mock):
    runtime = client(mock.endpoint, attempts=None)
    for kind, attempts in ATTEMPTS:
        status = dict(EXCEPTIONS)[kind]
        with mock.failing(kind), mock.counted("Converse", attempts):
            refusal = refused(kind, status, runtime.converse, modelId=PROFILE, messages=HELLO)
        assert refusal["ResponseMetadata"]["RetryAttempts"] == attempts - 1, kind


@case("retries, counted by the server")
def point_15_neither_408_nor_424_is_tried_again(mock):
    for row, call in operations(client(mock.endpoint, attempts=None)).items():
        for kind, status in (("ModelTimeoutException", 408), ("ModelErrorException", 424)):
            with mock.failing(kind), mock.counted(row, 1):
                refused(kind, status, call)


@case("retries, counted by the server")
def a_limit_on_attempts_is_obeyed(mock):
    for attempts in (1, 2, 5):
        with mock.failing("ServiceUnavailableException"), mock.counted("Converse", attempts):
            runtime = client(mock.endpoint, attempts=attempts)
            refused("ServiceUnavailableException", 503, runtime.converse, modelId=PROFILE, messages=HELLO)


@case("retries, counted by the server")
def point_18_each_attempt_is_logged_under_its_own_id(mock):
    with mock.failing("ThrottlingException"):
        runtime = client(mock.endpoint, attempts=3)
        refused("ThrottlingException", 429, runtime.converse, modelId=PROFILE, messages=HELLO)
    records = mock.records()
    assert [record["errorCode"] for record in records] == ["ThrottlingException"] * 3, records
    assert len({record["requestId"] for record in records}) == 3
    assert not any({"input", "output", "inferenceRegion"} & record.keys() for record in records), "point 17"


@case("retries, counted by the server")
def point_14_a_wait_is_taken_from_the_header_in_milliseconds(mock):
    runtime = client(mock.endpoint, attempts=2)
    with mock.failing("ServiceUnavailableException", retry_after="700ms"), took_at_least(0.7):
        refusal = refused("ServiceUnavailableException", 503, runtime.converse, modelId=PROFILE, messages=HELLO)
    headers = refusal["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-retry-after"] == "700" and "retry-after" not in headers, headers
    with mock.failing("ThrottlingException"):
        plain = client(mock.endpoint)
        refusal = refused("ThrottlingException", 429, plain.converse, modelId=PROFILE, messages=HELLO)
    assert not {"retry-after", "x-amz-retry-after"} & refusal["ResponseMetadata"]["HTTPHeaders"].keys()


@case("timeouts")
def a_slow_answer_runs_into_the_read_timeout(mock):
    runtime = client(mock.endpoint, read_timeout=0.4)
    with mock.fault(first_token_slow={"add": "600s"}):
        for row in ("Converse", "InvokeModel"):
            try:
                operations(runtime)[row]()
            except ReadTimeoutError:
                continue
            raise AssertionError(f"{row} did not run into it")


@case("timeouts")
def a_stream_that_stalls_runs_into_the_read_timeout(mock):
    runtime = client(mock.endpoint, read_timeout=0.4)
    with mock.fault(stall_mid_stream={"after": 3, "for": "600s"}):
        for row in ("ConverseStream", "InvokeModelWithResponseStream"):
            events, error = until_it_breaks(operations(runtime)[row]())
            assert events > 3 and "Read timed out" in str(error), (row, events, error)


@case("timeouts")
def a_timeout_is_tried_again(mock):
    runtime = client(mock.endpoint, attempts=None, read_timeout=0.3)
    with mock.fault(first_token_slow={"add": "600s"}), mock.counted("Converse", 3):
        try:
            runtime.converse(modelId=PROFILE, messages=HELLO)
        except ReadTimeoutError:
            return
    raise AssertionError("it was answered")


def guarded(mock, **keys):
    return client(mock.guarded, keys={**KEYS, **keys}, verify=mock.authority)


@case("signatures")
def a_right_signature_is_let_in(mock):
    for row, call in operations(guarded(mock)).items():
        assert call(), row
    arn = f"arn:aws:bedrock:{REGION}:111122223333:inference-profile/{PROFILE}"
    assert guarded(mock).converse(modelId=arn, messages=HELLO)["usage"], "the path is encoded twice in signatures"
    tokened = {"aws_access_key_id": "ASIATEMPORARY", "aws_secret_access_key": "s2"}
    assert guarded(mock, **tokened, aws_session_token="token").converse(modelId=PROFILE, messages=HELLO)


@case("signatures")
def point_11_a_wrong_signature_is_refused_in_its_own_words(mock):
    temporary = {"aws_access_key_id": "ASIATEMPORARY", "aws_secret_access_key": "s2"}
    expired = {"aws_access_key_id": "ASIAEXPIRED", "aws_secret_access_key": "s3"}
    table = [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException", "signature we calculated does not match"),
        ({"aws_access_key_id": "AKIANOBODY"}, "UnrecognizedClientException", "security token included"),
        ({**temporary, "aws_session_token": "other"}, "UnrecognizedClientException", "security token included"),
        ({**expired, "aws_session_token": "token"}, "ExpiredTokenException", "is expired"),
    ]
    for keys, code, text in table:
        says(refused(code, 403, guarded(mock, **keys).converse, modelId=PROFILE, messages=HELLO), text)


@contextmanager
def bearing(endpoint, token, verify=None):
    """A client that has an API key and nothing else."""
    os.environ["AWS_BEARER_TOKEN_BEDROCK"] = token
    try:
        yield boto3.session.Session().client(
            "bedrock-runtime",
            endpoint_url=endpoint,
            region_name=REGION,
            verify=verify,
            config=Config(retries={"total_max_attempts": 1}),
        )
    finally:
        del os.environ["AWS_BEARER_TOKEN_BEDROCK"]


@case("API keys")
def point_30_an_api_key_goes_over_tls_only(mock):
    with bearing(mock.guarded, "ABSKsecret", mock.authority) as runtime:
        assert runtime.converse(modelId=PROFILE, messages=HELLO)["usage"]
    with bearing(mock.endpoint, "ABSKsecret") as runtime, mock.counted("Converse", 0):
        try:
            runtime.converse(modelId=PROFILE, messages=HELLO)
        except BotoCoreError as error:
            assert "requires an HTTPS endpoint" in str(error), error
            return
    raise AssertionError("it went over plain HTTP")


@case("API keys")
def point_11_a_wrong_api_key_is_refused(mock):
    with bearing(mock.guarded, "ABSKb3RoZXI6a2V5", mock.authority) as runtime:
        try:
            runtime.converse(modelId=PROFILE, messages=HELLO)
        except ClientError as error:
            says(error.response, "Please make sure your API Key is valid.")
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
            return
    raise AssertionError("it was let in")
