"""boto3 against the operations on models, where all goes well."""

import json

from boto3_client import chunks, client, native, refused, says
from suite import HELLO, MODEL, ON_DEMAND, PROFILE, REGION, case

CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 200,
    "messages": [{"role": "user", "content": "Say something."}],
}
NOVA = {"schemaVersion": "messages-v1", "messages": HELLO, "inferenceConfig": {"maxTokens": 200}}
# Model, a body in its own dialect, and where its answer has its text.
FAMILIES = [
    (PROFILE, CLAUDE, lambda body: body["content"][0]["text"]),
    ("us.amazon.nova-lite-v1:0", NOVA, lambda body: body["output"]["message"]["content"][0]["text"]),
    ("us.meta.llama3-3-70b-instruct-v1:0", {"prompt": "hi", "max_gen_len": 64}, lambda body: body["generation"]),
    ("amazon.titan-text-express-v1", {"inputText": "hi"}, lambda body: body["results"][0]["outputText"]),
    ("mistral.mistral-large-2402-v1:0", {"prompt": "hi"}, lambda body: body["outputs"][0]["text"]),
]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = {"tools": [{"toolSpec": {"name": "weather", "description": "tells it", "inputSchema": {"json": SCHEMA}}}]}


def texts(content):
    return "".join(block.get("text", "") for block in content)


@case("Converse")
def converse_answers(mock):
    answer = client(mock.endpoint).converse(modelId=PROFILE, messages=HELLO)
    usage = answer["usage"]
    assert answer["output"]["message"]["role"] == "assistant" and texts(answer["output"]["message"]["content"])
    assert answer["stopReason"] == "end_turn" and answer["metrics"]["latencyMs"] > 0
    assert usage["inputTokens"] > 0 and usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]


@case("Converse")
def converse_takes_everything_that_a_request_may_hold(mock):
    answer = client(mock.endpoint).converse(
        modelId=PROFILE,
        system=[{"text": "Be brief."}],
        messages=[*HELLO, {"role": "assistant", "content": [{"text": "Hm."}]}, *HELLO],
        inferenceConfig={"maxTokens": 3, "temperature": 0.5, "topP": 0.9, "stopSequences": ["#"]},
        additionalModelRequestFields={"top_k": 5},
        additionalModelResponseFieldPaths=["/stop_sequence"],
        guardrailConfig={"guardrailIdentifier": "abcdefgh", "guardrailVersion": "1", "trace": "enabled"},
        requestMetadata={"team": "a"},
        performanceConfig={"latency": "standard"},
        serviceTier={"type": "default"},
    )
    assert answer["stopReason"] == "max_tokens" and answer["usage"]["outputTokens"] == 3
    assert mock.records()[-1]["requestMetadata"] == {"team": "a"}


@case("Converse")
def point_02_converse_has_no_bedrock_headers(mock):
    headers = client(mock.endpoint).converse(modelId=PROFILE, messages=HELLO)["ResponseMetadata"]["HTTPHeaders"]
    assert not [name for name in headers if name.startswith("x-amzn-bedrock")], headers


@case("ConverseStream")
def converse_stream_comes_event_by_event(mock):
    answer = client(mock.endpoint).converse_stream(modelId=PROFILE, messages=HELLO)
    events = list(answer["stream"])
    names = [next(iter(event)) for event in events]
    assert names[0] == "messageStart" and names[-3:] == ["contentBlockStop", "messageStop", "metadata"], names
    assert set(names[1:-3]) == {"contentBlockDelta"}, names
    text = "".join(event["contentBlockDelta"]["delta"]["text"] for event in events[1:-3])
    usage = events[-1]["metadata"]["usage"]
    assert text and usage["outputTokens"] == len(events) - 4, usage


@case("InvokeModel")
def point_12_invoke_model_needs_neither_content_type_nor_accept(mock):
    runtime = client(mock.endpoint)
    seen = []
    runtime.meta.events.register("before-send.*", lambda request, **_: seen.append(request.headers))
    for model, body, text in FAMILIES:
        answer = runtime.invoke_model(modelId=model, body=json.dumps(body))
        assert text(native(answer)), model
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        assert int(headers["x-amzn-bedrock-output-token-count"]) > 0, headers
        assert int(headers["x-amzn-bedrock-input-token-count"]) > 0, headers
    sent = {name.lower() for headers in seen for name in headers}
    assert not sent & {"content-type", "accept"}, "boto3 sends them now; what is this test for?"


@case("InvokeModelWithResponseStream")
def native_streams_end_with_their_counts(mock):
    for model, body, _ in FAMILIES:
        answer = client(mock.endpoint).invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
        assert answer["contentType"] == "application/json"
        events = chunks(answer)
        assert len(events) > 1, model
        metrics = events[-1]["amazon-bedrock-invocationMetrics"]
        assert metrics["outputTokenCount"] > 0 and metrics["firstByteLatency"] > 0, metrics
        assert not any("amazon-bedrock-invocationMetrics" in event for event in events[:-1]), model


@case("CountTokens")
def count_tokens_says_what_converse_bills(mock):
    runtime = client(mock.endpoint)
    billed = runtime.converse(modelId=PROFILE, messages=HELLO)["usage"]["inputTokens"]
    counted = runtime.count_tokens(modelId=MODEL, input={"converse": {"messages": HELLO}})["inputTokens"]
    assert counted == billed
    body = json.dumps(CLAUDE)
    assert runtime.count_tokens(modelId=MODEL, input={"invokeModel": {"body": body}})["inputTokens"] > 0
    titan = "amazon.titan-text-express-v1"
    refusal = refused(
        "ValidationException", 400, runtime.count_tokens, modelId=titan, input={"converse": {"messages": HELLO}}
    )
    says(refusal, "doesn't support counting tokens")


@case("Converse", "tool use")
def a_tool_is_called_and_its_result_is_answered(mock):
    runtime = client(mock.endpoint)
    asked = runtime.converse(modelId=PROFILE, messages=HELLO, toolConfig=TOOLS)
    message = asked["output"]["message"]
    call = next(block["toolUse"] for block in message["content"] if "toolUse" in block)
    assert asked["stopReason"] == "tool_use" and call["name"] == "weather"
    assert isinstance(call["input"]["city"], str), "the input fits the tool's schema"
    result = {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"json": {"sky": "blue"}}]}}
    history = [*HELLO, message, {"role": "user", "content": [result]}]
    told = runtime.converse(modelId=PROFILE, messages=history, toolConfig=TOOLS)
    assert told["stopReason"] == "end_turn" and texts(told["output"]["message"]["content"])


@case("ConverseStream", "tool use")
def a_tools_input_comes_in_fragments(mock):
    answer = client(mock.endpoint).converse_stream(modelId=PROFILE, messages=HELLO, toolConfig=TOOLS)
    events = list(answer["stream"])
    start = next(event["contentBlockStart"] for event in events if "contentBlockStart" in event)
    assert start["start"]["toolUse"]["name"] == "weather", start
    deltas = [event["contentBlockDelta"] for event in events if "contentBlockDelta" in event]
    of_tool = [delta["delta"]["toolUse"]["input"] for delta in deltas if "toolUse" in delta["delta"]]
    assert isinstance(json.loads("".join(of_tool))["city"], str), of_tool
    stop = next(event["messageStop"]["stopReason"] for event in events if "messageStop" in event)
    assert stop == "tool_use"


@case("InvokeModel", "InvokeModelWithResponseStream", "tool use")
def claude_calls_tools_in_its_own_words(mock):
    body = json.dumps({**CLAUDE, "tools": [{"name": "weather", "input_schema": SCHEMA}]})
    runtime = client(mock.endpoint)
    whole = native(runtime.invoke_model(modelId=PROFILE, body=body))
    call = next(block for block in whole["content"] if block["type"] == "tool_use")
    assert whole["stop_reason"] == "tool_use" and isinstance(call["input"]["city"], str), whole
    events = chunks(runtime.invoke_model_with_response_stream(modelId=PROFILE, body=body))
    parts = [event["delta"].get("partial_json", "") for event in events if event["type"] == "content_block_delta"]
    assert isinstance(json.loads("".join(parts))["city"], str), parts


@case("Converse", "ConverseStream", "reasoning")
def reasoning_comes_before_the_text(mock):
    runtime = client(mock.endpoint)
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    ask = {"modelId": PROFILE, "messages": HELLO, "additionalModelRequestFields": thinking}
    content = runtime.converse(**ask)["output"]["message"]["content"]
    assert content[0]["reasoningContent"]["reasoningText"]["signature"] and texts(content[1:])
    deltas = [
        event["contentBlockDelta"]
        for event in runtime.converse_stream(**ask)["stream"]
        if "contentBlockDelta" in event
    ]
    kinds = [next(iter(delta["delta"].get("reasoningContent", {"": 0}))) for delta in deltas]
    assert kinds[0] == "text" and "signature" in kinds and kinds[-1] == "", kinds


@case("Converse", "prompt cache")
def point_20_input_tokens_are_the_uncached_part(mock):
    long = {"text": "x" * 20_000}
    content = [long, {"cachePoint": {"type": "default"}}, {"text": "And this?"}]
    ask = {"modelId": PROFILE, "messages": [{"role": "user", "content": content}]}
    runtime = client(mock.endpoint)
    first, second = (runtime.converse(**ask)["usage"] for _ in range(2))
    assert first["cacheWriteInputTokens"] == second["cacheReadInputTokens"] == 5_000, (first, second)
    assert first["inputTokens"] == second["inputTokens"] < 10, (first, second)


# What a model can be called by, in us-east-1.
NAMES = [
    ON_DEMAND,
    f"arn:aws:bedrock:{REGION}::foundation-model/{ON_DEMAND}",
    PROFILE,
    f"arn:aws:bedrock:{REGION}:111122223333:inference-profile/{PROFILE}",
    f"global.{MODEL}",
    f"arn:aws:bedrock:{REGION}:111122223333:inference-profile/global.{MODEL}",
]


@case("ARNs as model ids", "profiles")
def point_01_a_model_id_is_one_encoded_segment(mock):
    runtime = client(mock.endpoint)
    for name in NAMES:
        assert runtime.converse(modelId=name, messages=HELLO)["usage"]["outputTokens"] > 0, name
        events = list(runtime.converse_stream(modelId=name, messages=HELLO)["stream"])
        assert "metadata" in events[-1], name
        assert native(runtime.invoke_model(modelId=name, body=json.dumps(CLAUDE)))["content"], name
        assert chunks(runtime.invoke_model_with_response_stream(modelId=name, body=json.dumps(CLAUDE))), name
        assert mock.records()[-1]["modelId"] == name, "the record has the id as it was sent"


@case("ARNs as model ids", "profiles")
def what_callers_made_is_called_by_its_arn(mock):
    plane, runtime = client(mock.endpoint, "bedrock"), client(mock.endpoint)
    source = f"arn:aws:bedrock:{REGION}::foundation-model/{ON_DEMAND}"
    profile = plane.create_inference_profile(inferenceProfileName="mine", modelSource={"copyFrom": source})
    reserved = plane.create_provisioned_model_throughput(
        modelUnits=1, provisionedModelName="mine", modelId=ON_DEMAND
    )["provisionedModelArn"]
    plane_says = lambda: plane.get_provisioned_model_throughput(provisionedModelId=reserved)["status"]
    while plane_says() == "Creating":
        pass
    for arn in (profile["inferenceProfileArn"], reserved):
        answer = runtime.converse(modelId=arn, messages=HELLO)
        assert texts(answer["output"]["message"]["content"]), arn
    router = plane.list_prompt_routers()["promptRouterSummaries"][0]
    trace = runtime.converse(modelId=router["promptRouterArn"], messages=HELLO)["trace"]["promptRouter"]
    assert any(trace["invokedModelId"] in model["modelArn"] for model in router["models"]), trace


@case("profiles")
def point_24_and_25_a_profile_is_called_from_its_own_regions(mock):
    europe = client(mock.endpoint, region="eu-central-1")
    assert europe.converse(modelId=f"eu.{MODEL}", messages=HELLO)["usage"]
    refusal = refused("ValidationException", 400, europe.converse, modelId=PROFILE, messages=HELLO)
    says(refusal, "The provided model identifier is invalid.")


@case("profiles")
def a_model_behind_profiles_alone_says_so(mock):
    refusal = refused(
        "ValidationException",
        400,
        client(mock.endpoint).converse,
        modelId="anthropic.claude-opus-4-1-20250805-v1:0",
        messages=HELLO,
    )
    says(refusal, "with on-demand throughput isn\u2019t supported.")


@case("profiles")
def point_26_the_answer_does_not_say_which_region_served_it(mock):
    answers = [client(mock.endpoint).converse(modelId=f"global.{MODEL}", messages=HELLO) for _ in range(3)]
    for answer in answers:
        told = str(answer["ResponseMetadata"]) + str({key: answer[key] for key in answer if key != "output"})
        assert REGION not in told and "eu-" not in told and "us-west" not in told, told
