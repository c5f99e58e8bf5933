"""boto3 against every operation of the control plane, STS and Service Quotas."""

import time

from botocore.exceptions import ClientError

from boto3_client import client, refused
from suite import HELLO, PROFILE, REGION, case


def plane(mock):
    return client(mock.endpoint, "bedrock")


def status_of(answer):
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def some_model(bedrock):
    """A model that can be called on demand."""
    summaries = bedrock.list_foundation_models()["modelSummaries"]
    return next(one for one in summaries if "ON_DEMAND" in one["inferenceTypesSupported"])


@case("ListFoundationModels, GetFoundationModel")
def models_are_listed_and_got(mock):
    bedrock = plane(mock)
    summaries = bedrock.list_foundation_models()["modelSummaries"]
    for one in summaries:
        assert one["modelArn"] == f"arn:aws:bedrock:{REGION}::foundation-model/{one['modelId']}", one
        assert one["modelLifecycle"]["status"] in ("ACTIVE", "LEGACY"), one
    model = some_model(bedrock)
    for name in (model["modelId"], model["modelArn"]):
        assert bedrock.get_foundation_model(modelIdentifier=name)["modelDetails"] == model
    of_provider = bedrock.list_foundation_models(byProvider=model["providerName"])["modelSummaries"]
    assert model in of_provider and all(one["providerName"] == model["providerName"] for one in of_provider)
    refused("ResourceNotFoundException", 404, bedrock.get_foundation_model, modelIdentifier="no.model")


@case("inference profiles: list, get")
def system_profiles_come_page_by_page(mock):
    bedrock = plane(mock)
    listed = bedrock.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 3})
    pages = [page["inferenceProfileSummaries"] for page in listed]
    assert all(len(page) <= 3 for page in pages), "a page is longer than was asked"
    everything = [one for page in pages for one in page]
    assert everything == bedrock.list_inference_profiles(maxResults=1000)["inferenceProfileSummaries"]
    assert all(one["type"] == "SYSTEM_DEFINED" for one in everything), "nothing was made yet"
    system = everything[0]
    got = bedrock.get_inference_profile(inferenceProfileIdentifier=system["inferenceProfileArn"])
    assert got["inferenceProfileId"] == system["inferenceProfileId"]


@case("inference profiles: create, delete", "tags")
def application_profiles_are_made_tagged_and_deleted(mock):
    bedrock = plane(mock)
    model = some_model(bedrock)
    system = bedrock.list_inference_profiles(maxResults=1)["inferenceProfileSummaries"][0]
    made = []
    for number, source in enumerate((model["modelArn"], system["inferenceProfileArn"])):
        answer = bedrock.create_inference_profile(
            inferenceProfileName=f"team {number}",
            description="for the team",
            modelSource={"copyFrom": source},
            tags=[{"key": "team", "value": "a"}],
        )
        assert status_of(answer) == 201 and answer["status"] == "ACTIVE", answer
        made.append(answer["inferenceProfileArn"])
    own = bedrock.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    assert [one["inferenceProfileArn"] for one in own] == made
    assert bedrock.get_inference_profile(inferenceProfileIdentifier=made[0])["models"] == [
        {"modelArn": model["modelArn"]}
    ]
    refused(
        "ConflictException",
        400,
        bedrock.create_inference_profile,
        inferenceProfileName="team 0",
        modelSource={"copyFrom": model["modelArn"]},
    )
    refused(
        "ValidationException",
        400,
        bedrock.create_inference_profile,
        inferenceProfileName="x",
        modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/no.model"},
    )
    tags(bedrock, made[0])
    for arn in made:
        assert status_of(bedrock.delete_inference_profile(inferenceProfileIdentifier=arn)) == 200
    refused("ResourceNotFoundException", 404, bedrock.delete_inference_profile, inferenceProfileIdentifier=made[0])


def tags(bedrock, arn):
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "team", "value": "a"}]
    bedrock.tag_resource(resourceARN=arn, tags=[{"key": "cost", "value": "b"}])
    bedrock.untag_resource(resourceARN=arn, tagKeys=["team"])
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "cost", "value": "b"}]


@case("provisioned throughput")
def provisioned_throughput_is_created_and_then_in_service(mock):
    bedrock = plane(mock)
    model = some_model(bedrock)
    answer = bedrock.create_provisioned_model_throughput(
        modelUnits=1, provisionedModelName="mine", modelId=model["modelId"]
    )
    assert status_of(answer) == 201
    arn = answer["provisionedModelArn"]
    got = bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    assert got["status"] in ("Creating", "InService") and got["modelArn"] == model["modelArn"], got
    assert got["creationTime"].tzinfo, "times are read as times"
    listed = bedrock.list_provisioned_model_throughputs(nameContains="mine")["provisionedModelSummaries"]
    assert [one["provisionedModelArn"] for one in listed] == [arn]
    until = time.monotonic() + 30
    while got["status"] == "Creating" and time.monotonic() < until:
        time.sleep(0.1)
        got = bedrock.get_provisioned_model_throughput(provisionedModelId="mine")
    assert got["status"] == "InService", got
    bedrock.update_provisioned_model_throughput(provisionedModelId=arn, desiredProvisionedModelName="yours")
    assert bedrock.get_provisioned_model_throughput(provisionedModelId=arn)["provisionedModelName"] == "yours"
    bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    refused(
        "ResourceNotFoundException", 404, bedrock.get_provisioned_model_throughput, provisionedModelId=arn
    )


@case("prompt routers")
def prompt_routers_are_made_and_deleted(mock):
    bedrock = plane(mock)
    listed = bedrock.list_prompt_routers()["promptRouterSummaries"]
    for one in listed:
        assert one["type"] == "default" and len(one["models"]) == 2 and one["status"] == "AVAILABLE", one
    assert listed, "the standard world has pairs of models"
    pair = listed[0]["models"]
    arn = bedrock.create_prompt_router(
        promptRouterName="mine",
        models=pair,
        fallbackModel=pair[1],
        routingCriteria={"responseQualityDifference": 10},
    )["promptRouterArn"]
    got = bedrock.get_prompt_router(promptRouterArn=arn)
    assert (got["models"], got["fallbackModel"], got["type"]) == (pair, pair[1], "custom"), got
    bedrock.delete_prompt_router(promptRouterArn=arn)
    refused("ResourceNotFoundException", 404, bedrock.get_prompt_router, promptRouterArn=arn)


@case("invocation logging")
def the_logging_configuration_is_kept(mock):
    bedrock = plane(mock)
    client(mock.endpoint, "logs").create_log_group(logGroupName="bedrock")
    assert "loggingConfig" not in bedrock.get_model_invocation_logging_configuration()
    config = {
        "cloudWatchConfig": {"logGroupName": "bedrock", "roleArn": "arn:aws:iam::111122223333:role/logs"},
        "textDataDeliveryEnabled": True,
    }
    assert status_of(bedrock.put_model_invocation_logging_configuration(loggingConfig=config)) == 200
    assert bedrock.get_model_invocation_logging_configuration()["loggingConfig"] == config
    bedrock.delete_model_invocation_logging_configuration()
    assert "loggingConfig" not in bedrock.get_model_invocation_logging_configuration()


@case("STS GetCallerIdentity")
def sts_says_who_calls(mock):
    got = client(mock.endpoint, "sts").get_caller_identity()
    assert len(got["Account"]) == 12 and f"::{got['Account']}:" in got["Arn"] and got["UserId"], got


@case("Service Quotas")
def quotas_are_listed_and_got(mock):
    service = client(mock.endpoint, "service-quotas")
    for name in ("list_service_quotas", "list_aws_default_service_quotas"):
        pages = service.get_paginator(name).paginate(ServiceCode="bedrock", PaginationConfig={"PageSize": 5})
        listed = [quota for page in pages for quota in page["Quotas"]]
        assert len({quota["QuotaCode"] for quota in listed}) == len(listed), "codes are unique"
    for quota in listed[:3]:
        for get in (service.get_service_quota, service.get_aws_default_service_quota):
            assert get(ServiceCode="bedrock", QuotaCode=quota["QuotaCode"])["Quota"] == quota
    refused("NoSuchResourceException", 400, service.get_service_quota, ServiceCode="bedrock", QuotaCode="L-00000000")
    refused("NoSuchResourceException", 400, service.list_service_quotas, ServiceCode="nothing")


@case("CloudWatch Logs")
def log_groups_keep_events_and_find_them(mock):
    logs = client(mock.endpoint, "logs")
    logs.create_log_group(logGroupName="mine")
    logs.create_log_stream(logGroupName="mine", logStreamName="one")
    events = [{"timestamp": int(time.time() * 1000), "message": message} for message in ("alpha", "beta")]
    logs.put_log_events(logGroupName="mine", logStreamName="one", logEvents=events)
    found = logs.filter_log_events(logGroupName="mine", filterPattern="beta")["events"]
    assert [event["message"] for event in found] == ["beta"], found


@case("CloudWatch")
def point_28_cloudwatch_speaks_json_to_boto3(mock):
    metrics = client(mock.endpoint, "cloudwatch")
    sent = []
    metrics.meta.events.register("before-send.*", lambda request, **_: sent.append(request.headers["Content-Type"]))
    now = time.time()
    point = {"MetricName": "m", "Value": 3.0, "Timestamp": now, "Unit": "Count"}
    assert status_of(metrics.put_metric_data(Namespace="mine", MetricData=[point])) == 200
    query = {"Id": "q", "MetricStat": {"Metric": {"Namespace": "mine", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}}
    found = metrics.get_metric_data(MetricDataQueries=[query], StartTime=now - 300, EndTime=now + 300)
    assert found["MetricDataResults"][0]["Values"] == [3.0], found
    assert all(b"json" in kind if isinstance(kind, bytes) else "json" in kind for kind in sent), sent


def of_bedrock(mock, name):
    """Sum of one of Bedrock's own metrics of a model, over the time around now."""
    metric = {"Namespace": "AWS/Bedrock", "MetricName": name, "Dimensions": [{"Name": "ModelId", "Value": PROFILE}]}
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    now = time.time()
    span = {"StartTime": now - 7200, "EndTime": now + 7200}
    found = client(mock.endpoint, "cloudwatch").get_metric_data(MetricDataQueries=[query], **span)
    return sum(found["MetricDataResults"][0]["Values"])


@case("CloudWatch")
def point_27_invocations_are_successes_and_throttles_are_neither_they_nor_errors(mock):
    runtime = client(mock.endpoint)
    for kind, status in (("ThrottlingException", 429), ("InternalServerException", 500)):
        with mock.failing(kind):
            refused(kind, status, runtime.converse, modelId=PROFILE, messages=HELLO)
    for _ in range(2):
        runtime.converse(modelId=PROFILE, messages=HELLO)
    expected = {"Invocations": 2, "InvocationThrottles": 1, "InvocationServerErrors": 1, "InvocationClientErrors": 0}
    until = time.monotonic() + 30
    while (seen := {name: of_bedrock(mock, name) for name in expected}) != expected and time.monotonic() < until:
        time.sleep(0.2)
    assert seen == expected, seen


@case("unknown operations")
def an_unknown_operation_says_so(mock):
    try:
        plane(mock).list_guardrails()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "UnknownOperationException", error.response
        return
    raise AssertionError("an operation that is not served was answered")
