"""boto3 against CloudWatch Logs and CloudWatch: what a team sets up by hand to see where its calls are served."""

import json
import time

from boto3_client import client, refused
from suite import HELLO, PROFILE, REGION, case

GROUP = "/bedrock/calls"
STREAM = "aws/bedrock/modelinvocations"
# As the samples of AWS count what another Region served.
REROUTED = f'{{ ($.inferenceRegion = "*") && ($.inferenceRegion != "{REGION}") }}'


def watched(mock):
    """An account whose calls are logged into a group."""
    logs, bedrock = client(mock.endpoint, "logs"), client(mock.endpoint, "bedrock")
    logs.create_log_group(logGroupName=GROUP)
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=7)
    config = {"logGroupName": GROUP, "roleArn": "arn:aws:iam::111122223333:role/delivery"}
    bedrock.put_model_invocation_logging_configuration(
        loggingConfig={"cloudWatchConfig": config, "textDataDeliveryEnabled": False}
    )
    return logs


def events(logs, count):
    """The records in the group, once there are so many."""
    for _ in range(100):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, logStreamNames=[STREAM])
        found = [event["message"] for page in pages for event in page["events"]]
        records = [json.loads(message) for message in found if message.startswith("{")]
        if len(records) >= count:
            return found, records
        time.sleep(0.05)
    raise AssertionError(f"{len(records)} records came, not {count}")


@case("CloudWatch Logs")
def a_call_is_logged_behind_the_services_own_first_line(mock):
    logs = watched(mock)
    client(mock.endpoint).converse(modelId=PROFILE, messages=HELLO)
    found, (record,) = events(logs, 1)
    assert found[0] == "Permissions are correctly set for Amazon Bedrock logs.", found[0]
    assert record["modelId"] == PROFILE and record["schemaType"] == "ModelInvocationLog", record
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/bedrock")["logGroups"]
    assert group["retentionInDays"] == 7, group
    (stream,) = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert stream["logStreamName"] == STREAM
    refused("ResourceAlreadyExistsException", 400, logs.create_log_group, logGroupName=GROUP)
    logs.delete_log_group(logGroupName=GROUP)
    refused("ResourceNotFoundException", 400, logs.filter_log_events, logGroupName=GROUP)


@case("CloudWatch Logs")
def patterns_are_tested_on_samples_and_a_missing_field_is_no_reroute(mock):
    logs = client(mock.endpoint, "logs")
    samples = [
        json.dumps({"inferenceRegion": "us-west-2"}),
        json.dumps({"inferenceRegion": REGION}),
        json.dumps({"errorCode": "ThrottlingException"}),
        "Permissions are correctly set for Amazon Bedrock logs.",
    ]
    test = lambda pattern: [  # noqa: E731
        match["eventNumber"]
        for match in logs.test_metric_filter(filterPattern=pattern, logEventMessages=samples)["matches"]
    ]
    assert test(REROUTED) == [1]
    assert test('{ $.errorCode = "ThrottlingException" }') == [3]
    assert test('"Permissions are correctly"') == [4]
    broken = {"filterPattern": "{ $.a = }", "logEventMessages": samples}
    refused("InvalidParameterException", 400, logs.test_metric_filter, **broken)


@case("CloudWatch Logs", "CloudWatch")
def a_metric_filter_counts_into_a_metric_that_is_read_back(mock):
    logs, metrics = watched(mock), client(mock.endpoint, "cloudwatch")
    value = {"metricName": "Logged", "metricNamespace": "Mine", "metricValue": "1", "unit": "Count"}
    logs.put_metric_filter(
        logGroupName=GROUP,
        filterName="logged",
        filterPattern=f'{{ $.modelId = "{PROFILE}" }}',
        metricTransformations=[value],
    )
    (put,) = logs.describe_metric_filters(logGroupName=GROUP)["metricFilters"]
    assert put["filterName"] == "logged" and put["metricTransformations"] == [value], put
    runtime = client(mock.endpoint)
    for _ in range(3):
        runtime.converse(modelId=PROFILE, messages=HELLO)
    _, records = events(logs, 3)
    when = sorted(record["timestamp"] for record in records)
    query = {
        "Id": "m1",
        "MetricStat": {"Metric": {"Namespace": "Mine", "MetricName": "Logged"}, "Period": 60, "Stat": "Sum"},
    }
    doubled = {"Id": "e1", "Expression": "m1 * 2"}
    start, end = f"{when[0][:10]}T00:00:00Z", f"{when[-1][:10]}T23:59:59Z"
    answer = metrics.get_metric_data(MetricDataQueries=[query, doubled], StartTime=start, EndTime=end)
    sums = {one["Id"]: sum(one["Values"]) for one in answer["MetricDataResults"]}
    assert sums == {"m1": 3.0, "e1": 6.0}, sums
    (listed,) = metrics.list_metrics(Namespace="Mine")["Metrics"]
    assert listed["MetricName"] == "Logged", listed
    points = metrics.get_metric_statistics(
        Namespace="AWS/Bedrock",
        MetricName="Invocations",
        Dimensions=[{"Name": "ModelId", "Value": PROFILE}],
        StartTime=start,
        EndTime=end,
        Period=86400,
        Statistics=["Sum"],
    )["Datapoints"]
    assert sum(point["Sum"] for point in points) == 3.0, points
    logs.delete_metric_filter(logGroupName=GROUP, filterName="logged")
    assert logs.describe_metric_filters(logGroupName=GROUP)["metricFilters"] == []


@case("CloudWatch")
def a_teams_own_points_dashboards_and_alarms_are_kept(mock):
    metrics = client(mock.endpoint, "cloudwatch")
    now = time.time()
    metrics.put_metric_data(
        Namespace="Mine",
        MetricData=[{"MetricName": "Waits", "Timestamp": now, "Values": [1.0, 5.0], "Counts": [2.0, 1.0]}],
    )
    points = metrics.get_metric_statistics(
        Namespace="Mine",
        MetricName="Waits",
        StartTime=now - 3600,
        EndTime=now + 3600,
        Period=3600,
        Statistics=["SampleCount", "Sum", "Maximum"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in points) == 3.0, points
    assert sum(point["Sum"] for point in points) == 7.0 and max(point["Maximum"] for point in points) == 5.0
    body = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "hello"}}]})
    metrics.put_dashboard(DashboardName="board", DashboardBody=body)
    assert json.loads(metrics.get_dashboard(DashboardName="board")["DashboardBody"]) == json.loads(body)
    metrics.delete_dashboards(DashboardNames=["board"])
    refused("ResourceNotFound", 404, metrics.get_dashboard, DashboardName="board")
    metrics.put_metric_alarm(
        AlarmName="waits",
        Namespace="Mine",
        MetricName="Waits",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=3.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    (alarm,) = metrics.describe_alarms(AlarmNames=["waits"])["MetricAlarms"]
    assert alarm["Threshold"] == 3.0 and alarm["StateValue"] in ("INSUFFICIENT_DATA", "OK", "ALARM"), alarm
    metrics.delete_alarms(AlarmNames=["waits"])
    assert metrics.describe_alarms()["MetricAlarms"] == []
