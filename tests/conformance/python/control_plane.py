"""boto3 against every operation of the control plane, STS and Service Quotas.

Usage: control_plane.py ENDPOINT

Needs a server with the standard world, or any world that serves at least one model on demand in us-east-1 and reaches
it through a profile. Exits with 1 at the first thing that is not as Bedrock has it.
"""

import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"


def client(endpoint, service, **more):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
        **more,
    )


def refused(code, status, call, **arguments):
    """The call fails with this name and status."""
    try:
        call(**arguments)
    except ClientError as error:
        got = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert got == (code, status), f"{got}: {error}"
        assert error.response["Error"]["Message"], "a refusal says why"
        return
    raise AssertionError(f"{call} was not refused with {code}")


def status_of(answer):
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def models(bedrock):
    summaries = bedrock.list_foundation_models()["modelSummaries"]
    on_demand = [one for one in summaries if "ON_DEMAND" in one["inferenceTypesSupported"]]
    assert on_demand, "no model on demand"
    for one in summaries:
        assert one["modelArn"] == f"arn:aws:bedrock:{REGION}::foundation-model/{one['modelId']}", one
        assert one["modelLifecycle"]["status"] in ("ACTIVE", "LEGACY"), one
    model = on_demand[0]
    for name in (model["modelId"], model["modelArn"]):
        assert bedrock.get_foundation_model(modelIdentifier=name)["modelDetails"] == model
    of_provider = bedrock.list_foundation_models(byProvider=model["providerName"])["modelSummaries"]
    assert model in of_provider and all(one["providerName"] == model["providerName"] for one in of_provider)
    refused("ResourceNotFoundException", 404, bedrock.get_foundation_model, modelIdentifier="no.model")
    return model


def profiles(bedrock, model):
    listed = bedrock.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 3})
    pages = [page["inferenceProfileSummaries"] for page in listed]
    assert all(len(page) <= 3 for page in pages), "a page is longer than was asked"
    everything = [one for page in pages for one in page]
    assert everything == bedrock.list_inference_profiles(maxResults=1000)["inferenceProfileSummaries"]
    assert all(one["type"] == "SYSTEM_DEFINED" for one in everything), "nothing was made yet"
    system = everything[0]
    got = bedrock.get_inference_profile(inferenceProfileIdentifier=system["inferenceProfileArn"])
    assert got["inferenceProfileId"] == system["inferenceProfileId"]
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
    return made


def tags(bedrock, arn):
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "team", "value": "a"}]
    bedrock.tag_resource(resourceARN=arn, tags=[{"key": "cost", "value": "b"}])
    bedrock.untag_resource(resourceARN=arn, tagKeys=["team"])
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "cost", "value": "b"}]


def provisioned(bedrock, model, wait):
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
    until = time.monotonic() + wait
    while got["status"] != "InService" and time.monotonic() < until:
        time.sleep(0.2)
        got = bedrock.get_provisioned_model_throughput(provisionedModelId="mine")
    if got["status"] == "InService":
        bedrock.update_provisioned_model_throughput(provisionedModelId=arn, desiredProvisionedModelName="yours")
        assert bedrock.get_provisioned_model_throughput(provisionedModelId=arn)["provisionedModelName"] == "yours"
    bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    refused(
        "ResourceNotFoundException", 404, bedrock.get_provisioned_model_throughput, provisionedModelId=arn
    )


def routers(bedrock):
    listed = bedrock.list_prompt_routers()["promptRouterSummaries"]
    for one in listed:
        assert one["type"] == "default" and len(one["models"]) == 2 and one["status"] == "AVAILABLE", one
    if not listed:
        return
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


def logging(bedrock, logs):
    logs.create_log_group(logGroupName="bedrock")
    assert "loggingConfig" not in bedrock.get_model_invocation_logging_configuration()
    config = {
        "cloudWatchConfig": {"logGroupName": "bedrock", "roleArn": "arn:aws:iam::111122223333:role/logs"},
        "textDataDeliveryEnabled": True,
    }
    assert status_of(bedrock.put_model_invocation_logging_configuration(loggingConfig=config)) == 200
    assert bedrock.get_model_invocation_logging_configuration()["loggingConfig"] == config
    bedrock.delete_model_invocation_logging_configuration()
    assert "loggingConfig" not in bedrock.get_model_invocation_logging_configuration()


def identity(endpoint):
    got = client(endpoint, "sts").get_caller_identity()
    assert len(got["Account"]) == 12 and f"::{got['Account']}:" in got["Arn"] and got["UserId"], got


def quotas(endpoint):
    service = client(endpoint, "service-quotas")
    for name in ("list_service_quotas", "list_aws_default_service_quotas"):
        pages = service.get_paginator(name).paginate(ServiceCode="bedrock", PaginationConfig={"PageSize": 5})
        listed = [quota for page in pages for quota in page["Quotas"]]
        assert len({quota["QuotaCode"] for quota in listed}) == len(listed), "codes are unique"
    for quota in listed[:3]:
        for get in (service.get_service_quota, service.get_aws_default_service_quota):
            assert get(ServiceCode="bedrock", QuotaCode=quota["QuotaCode"])["Quota"] == quota
    refused("NoSuchResourceException", 400, service.get_service_quota, ServiceCode="bedrock", QuotaCode="L-00000000")
    refused("NoSuchResourceException", 400, service.list_service_quotas, ServiceCode="nothing")


def unknown(bedrock):
    refused_without_text = None
    try:
        bedrock.list_guardrails()
    except ClientError as error:
        refused_without_text = error.response
    assert refused_without_text, "an operation that is not served was answered"
    assert refused_without_text["Error"]["Code"] == "UnknownOperationException", refused_without_text


def main(endpoint):
    bedrock = client(endpoint, "bedrock")
    model = models(bedrock)
    made = profiles(bedrock, model)
    tags(bedrock, made[0])
    for arn in made:
        assert status_of(bedrock.delete_inference_profile(inferenceProfileIdentifier=arn)) == 200
    refused("ResourceNotFoundException", 404, bedrock.delete_inference_profile, inferenceProfileIdentifier=made[0])
    provisioned(bedrock, model, wait=10)
    routers(bedrock)
    logging(bedrock, client(endpoint, "logs"))
    identity(endpoint)
    quotas(endpoint)
    unknown(bedrock)
    print("control plane: every operation answered as boto3 expects")


if __name__ == "__main__":
    main(sys.argv[1])
