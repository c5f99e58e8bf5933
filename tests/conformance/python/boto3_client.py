"""boto3's clients as these suites make them, and the two ways in which its calls end."""

import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from suite import KEYS, REGION


def client(endpoint, service="bedrock-runtime", region=REGION, attempts=1, keys=KEYS, verify=None, **config):
    """A client as a user makes it, but for one attempt; `attempts=None` leaves retries as boto3 has them."""
    if attempts is not None:
        config["retries"] = {"total_max_attempts": attempts}
    return boto3.client(
        service, endpoint_url=endpoint, region_name=region, verify=verify, config=Config(**config), **keys
    )


def refused(code, status, call, **arguments):
    """The call fails with this name and status; gives what the client knows of the refusal."""
    try:
        call(**arguments)
    except ClientError as error:
        response = error.response
        got = (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"])
        assert got == (code, status), f"{got}: {error}"
        assert response["Error"]["Message"], "a refusal says why"
        assert response["ResponseMetadata"]["RequestId"], "a refusal has a request id"
        return response
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def says(response, text):
    message = response["Error"]["Message"]
    assert text in message, f"{message!r} does not say {text!r}"


def native(answer):
    """Body of an InvokeModel answer."""
    return json.loads(answer["body"].read())


def chunks(answer):
    """The model's own events in a native stream."""
    return [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
