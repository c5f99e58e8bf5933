"""langchain-aws builds its two clients on one endpoint and uses them.

Usage: langchain_clients.py ENDPOINT

ChatBedrockConverse points the control plane at the runtime's endpoint, and asks it for what an application profile
stands for while it is being built. Exits with 1 at the first thing that does not work.
"""

import os
import sys

REGION = "us-east-1"


def chat(endpoint, model, **more):
    from langchain_aws import ChatBedrockConverse

    return ChatBedrockConverse(model=model, region_name=REGION, endpoint_url=endpoint, max_tokens=20, **more)


def main(endpoint):
    os.environ.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret", AWS_DEFAULT_REGION=REGION)
    plane = chat(endpoint, "anthropic.claude-3-haiku-20240307-v1:0").bedrock_client
    assert plane.meta.endpoint_url == endpoint, plane.meta.endpoint_url
    model = next(
        one
        for one in plane.list_foundation_models(byProvider="Anthropic")["modelSummaries"]
        if "ON_DEMAND" in one["inferenceTypesSupported"]
    )
    arn = plane.create_inference_profile(
        inferenceProfileName="langchain", modelSource={"copyFrom": model["modelArn"]}
    )["inferenceProfileArn"]
    built = chat(endpoint, arn, provider="anthropic")
    assert built.base_model_id == model["modelId"], built.base_model_id
    print("langchain-aws: both clients built on one endpoint")
    if "--calls" in sys.argv:
        for name in (model["modelId"], arn):
            answer = chat(endpoint, name, provider="anthropic").invoke("Say something.")
            assert answer.content and answer.usage_metadata["output_tokens"] > 0, answer
            parts = list(chat(endpoint, name, provider="anthropic").stream("Say something."))
            assert len(parts) > 1, parts
        print("langchain-aws: Converse and ConverseStream by model id and by application profile")
    plane.delete_inference_profile(inferenceProfileIdentifier=arn)


if __name__ == "__main__":
    main(sys.argv[1])
