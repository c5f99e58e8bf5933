"""Has llmeter send requests to a mock, as its users do, and prints the CPU time of a request in microseconds.

usage: llmeter_load.py API URL MODEL REQUESTS CLIENTS
"""

import asyncio
import sys
import time

import boto3
from botocore.config import Config
from llmeter.endpoints import BedrockConverse, BedrockConverseStream
from llmeter.runner import Runner


def main() -> None:
    api, url, model, requests, clients = sys.argv[1:]
    kind = BedrockConverseStream if api == "converse_stream" else BedrockConverse
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="mock",
        aws_secret_access_key="mock",
        config=Config(max_pool_connections=int(clients)),
    )
    endpoint = kind(model_id=model, bedrock_boto3_client=client)
    payload = endpoint.create_payload("word " * 100, max_tokens=2048)
    runner = Runner(endpoint, clients=int(clients))

    def run(each: int):
        return asyncio.run(runner.run(payload=payload, n_requests=each))

    run(5)
    start = time.process_time()
    result = run(int(requests) // int(clients))
    used = time.process_time() - start
    failed = sum(1 for response in result.responses if response.error)
    if failed or not result.responses:
        sys.exit(f"{failed} of {len(result.responses)} requests failed")
    print(f"\ncpu_us {used / len(result.responses) * 1e6}")


if __name__ == "__main__":
    main()
