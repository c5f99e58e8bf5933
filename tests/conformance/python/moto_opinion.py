"""moto's server takes the calls that `richter observe setup` makes, as a second opinion that they are well formed.

moto knows CloudWatch by its older protocols only, so boto3 carries the calls there: what `--dry-run` prints is what is
sent (a test of richter's own), and botocore holds each against the service's model before it leaves.

Usage: moto_opinion.py < DRY_RUN
"""

import json
import logging
import os
import re
import sys

from moto.server import ThreadedMotoServer

os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, NO_PROXY="*")

import boto3  # noqa: E402
from botocore import xform_name  # noqa: E402

KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
HEAD = re.compile(r"^(?P<region>\S+): (?P<service>\w+):(?P<operation>\w+)  # ")
# Texts of JSON, which the dry run shows as what they hold.
TEXTS = ("AssumeRolePolicyDocument", "PolicyDocument", "DashboardBody")
# Not known to moto; botocore has looked at their form all the same.
UNKNOWN = {"TestMetricFilter"}


def calls(lines):
    """(Region, service, operation, body) of each call that a dry run prints."""
    heads = [(number, match) for number, line in enumerate(lines) if (match := HEAD.match(line))]
    ends = [number for number, _ in heads[1:]] + [len(lines)]
    for (number, head), end in zip(heads, ends):
        body = json.loads("\n".join(lines[number + 1 : end]))
        for name in TEXTS:
            if isinstance(body.get(name), (dict, list)):
                body[name] = json.dumps(body[name])
        yield head["region"], head["service"], head["operation"], body


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = lambda service, region: boto3.client(  # noqa: E731
        service, endpoint_url=endpoint, region_name=region, **KEYS
    )
    made = {}
    for region, service, operation, body in calls(sys.stdin.read().splitlines()):
        caller = client(service, region)
        shape = caller.meta.service_model.operation_model(operation).input_shape
        if operation in UNKNOWN:
            unknown = set(body) - set(shape.members)
            assert not unknown, f"{operation} has no {unknown}"
            continue
        getattr(caller, xform_name(operation))(**body)
        made.setdefault((region, operation), []).append(body)
    assert made, "the dry run has no call"
    for region in {region for region, _ in made}:
        count = lambda operation: len(made[region, operation])  # noqa: E731,B023
        logs, metrics = client("logs", region), client("cloudwatch", region)
        assert len(logs.describe_metric_filters()["metricFilters"]) == count("PutMetricFilter")
        assert len(metrics.describe_alarms()["MetricAlarms"]) == count("PutMetricAlarm")
        assert len(metrics.list_dashboards()["DashboardEntries"]) >= count("PutDashboard")
        (group,) = logs.describe_log_groups()["logGroups"]
        (put,) = made[region, "PutRetentionPolicy"]
        assert group["retentionInDays"] == put["retentionInDays"], group
    server.stop()
    print(f"moto took {sum(map(len, made.values()))} calls and has what they made")


if __name__ == "__main__":
    main()
