"""langchain-aws against mock-bedrock: both of its chat models, over both of its clients.

Usage: langchain_suite.py ENDPOINT GUARDED_ENDPOINT AUTHORITY_FILE SHOWN_FILE
"""

import logging

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError, ReadTimeoutError
from langchain_aws import ChatBedrock, ChatBedrockConverse
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import SecretStr

import suite
from suite import KEYS, MODEL, ON_DEMAND, PROFILE, REGION, case

# How each chat model calls Bedrock: in one piece, and as a stream.
ROWS = {ChatBedrockConverse: ("Converse", "ConverseStream"), ChatBedrock: ("InvokeModel", "InvokeModelWithResponseStream")}


SECRETS = {name: SecretStr(value) for name, value in KEYS.items()}
# It logs what it raises, and these cases want it raised.
logging.getLogger("langchain_aws").setLevel(logging.CRITICAL)


@tool
def weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"sunny in {city}"


def chat(kind, mock, model=PROFILE, attempts=1, **more):
    config = Config(retries={"total_max_attempts": attempts}) if attempts else None
    return kind(
        model=model, region_name=REGION, endpoint_url=mock.endpoint, config=config, max_tokens=60, **SECRETS, **more
    )


def both(mock, **more):
    """Each chat model with its rows."""
    return [(chat(kind, mock, **more), *rows) for kind, rows in ROWS.items()]


def application_profile(mock, source=ON_DEMAND):
    plane = boto3.client("bedrock", endpoint_url=mock.endpoint, region_name=REGION, **KEYS)
    return plane.create_inference_profile(
        inferenceProfileName="langchain",
        modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{source}"},
    )["inferenceProfileArn"]


@case("Converse", "InvokeModel")
def chat_models_answer(mock):
    for model, row, _ in both(mock):
        with mock.counted(row, 1):
            answer = model.invoke("Say something.")
        usage = answer.usage_metadata
        assert answer.content and usage["output_tokens"] > 0, (row, answer)
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], (row, usage)


@case("ConverseStream", "InvokeModelWithResponseStream")
def chat_models_stream(mock):
    for model, _, row in both(mock):
        with mock.counted(row, 1):
            parts = list(model.stream("Say something."))
        whole = sum(parts[1:], parts[0])
        assert len(parts) > 3 and whole.content and whole.usage_metadata["output_tokens"] > 0, (row, whole)


@case("tool use")
def tools_are_bound_called_and_answered(mock):
    for model, row, _ in both(mock):
        bound = model.bind_tools([weather])
        asked = HumanMessage("How is it in Rome?")
        said = bound.invoke([asked])
        (call,) = said.tool_calls
        assert call["name"] == "weather" and isinstance(call["args"]["city"], str), (row, call)
        result = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
        told = bound.invoke([asked, said, result])
        assert not told.tool_calls and told.content, (row, told)


@case("tool use")
def tools_are_called_in_streams(mock):
    for model, _, row in both(mock):
        parts = list(model.bind_tools([weather]).stream("How is it in Rome?"))
        whole = sum(parts[1:], parts[0])
        (call,) = whole.tool_calls
        assert call["name"] == "weather" and isinstance(call["args"]["city"], str), (row, whole)


@case("tool use")
def structured_output_fits_its_schema(mock):
    city = {"properties": {"city": {"type": "string"}}, "required": ["city"]}
    schema = {"title": "Place", "description": "a place", "type": "object", **city}
    for model, row, _ in both(mock):
        found = model.with_structured_output(schema).invoke("Where?")
        assert isinstance(found["city"], str), (row, found)


@case("CountTokens")
def tokens_are_counted_by_bedrock(mock):
    for model, _, _ in both(mock):
        # Short of the service they would count with a tokenizer of their own, which is not installed.
        assert model.get_num_tokens_from_messages([HumanMessage("x" * 400)]) >= 100, model


@case("profiles", "ARNs as model ids", "inference profiles: list, get")
def point_29_both_clients_share_one_endpoint(mock):
    arn = application_profile(mock)
    model = chat(ChatBedrockConverse, mock, model=arn, provider="anthropic")
    assert model.bedrock_client.meta.endpoint_url == mock.endpoint
    assert model.base_model_id == ON_DEMAND, model.base_model_id
    for kind in ROWS:
        model = chat(kind, mock, model=arn, provider="anthropic")
        assert model.invoke("Say something.").content, kind
        assert len(list(model.stream("Say something."))) > 1, kind


@case("ARNs as model ids", "profiles")
def chat_models_take_profiles_and_arns(mock):
    for kind in ROWS:
        for name in (f"arn:aws:bedrock:{REGION}:111122223333:inference-profile/{PROFILE}", f"global.{MODEL}"):
            model = chat(kind, mock, model=name, provider="anthropic")
            assert model.invoke("Say something.").content, (kind, name)


@case("reasoning")
def thinking_is_seen(mock):
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    answer = chat(ChatBedrockConverse, mock, additional_model_request_fields=thinking).invoke("Why?")
    assert any(block["type"] == "reasoning_content" for block in answer.content), answer.content


@case("errors before the answer")
def errors_keep_their_names(mock):
    for kind in ("ThrottlingException", "ServiceUnavailableException", "ValidationException", "ModelTimeoutException"):
        with mock.failing(kind):
            for model, row, _ in both(mock):
                try:
                    model.invoke("Say something.")
                except Exception as error:
                    cause = error if isinstance(error, ClientError) else error.__cause__ or error
                    assert kind in f"{cause!r} {error!r}", (row, error)
                else:
                    raise AssertionError(f"{row} did not fail")


@case("errors inside the stream")
def errors_inside_streams_are_raised(mock):
    with mock.fault(exception_mid_stream={"error": "ThrottlingException", "after": 3}):
        for model, _, row in both(mock):
            parts = []
            try:
                for part in model.stream("Say something."):
                    parts.append(part)
            except EventStreamError as error:
                assert parts and "throttlingException" in str(error), (row, error)
                continue
            raise AssertionError(f"{row} did not fail")


@case("retries, counted by the server")
def max_retries_are_attempts_beyond_the_first(mock):
    for retries in (0, 1):
        model = chat(ChatBedrockConverse, mock, attempts=None, max_retries=retries)
        with mock.failing("ServiceUnavailableException"), mock.counted("Converse", retries + 1):
            try:
                model.invoke("Say something.")
            except ClientError:
                continue
        raise AssertionError("it did not fail")


@case("timeouts")
def a_timeout_is_obeyed(mock):
    model = chat(ChatBedrockConverse, mock, attempts=None, timeout=1, max_retries=0)
    with mock.fault(first_token_slow={"add": "600s"}), mock.counted("Converse", 1):
        try:
            model.invoke("Say something.")
        except ReadTimeoutError:
            return
    raise AssertionError("it was answered")


if __name__ == "__main__":
    suite.main()
