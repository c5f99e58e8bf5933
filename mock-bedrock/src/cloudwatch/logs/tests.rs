//! CloudWatch Logs as its clients see it: groups, streams, events in and out, filters.

mod filters;

use serde_json::{Value, json};

use super::*;

const NOW: Millis = 1_764_547_200_000;

/// The service, and the time that it is told.
struct Bench {
    logs: Logs,
    now: Millis,
}

impl Bench {
    /// With a group `g` and a stream `s` in it.
    fn new() -> Bench {
        let mut bench = Bench { logs: Logs::new("111122223333", "us-east-1"), now: NOW };
        bench.ok("CreateLogGroup", json!({ "logGroupName": "g" }));
        bench.ok("CreateLogStream", json!({ "logGroupName": "g", "logStreamName": "s" }));
        bench
    }

    fn call(&mut self, operation: &str, body: Value) -> Answer {
        let body = body.as_object().expect("an object");
        let ask = Ask { now: self.now, account: "111122223333", region: "us-east-1", body };
        self.logs.answer(&ask, operation)
    }

    fn ok(&mut self, operation: &str, body: Value) -> Value {
        self.call(operation, body).unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    }

    fn refused(&mut self, operation: &str, body: Value) -> (&'static str, String) {
        let refusal = self.call(operation, body).expect_err(operation);
        (refusal.name, refusal.message)
    }

    fn put(&mut self, events: &[(Millis, &str)]) -> Value {
        let events: Vec<Value> = events
            .iter()
            .map(|(timestamp, message)| json!({ "timestamp": timestamp, "message": message }))
            .collect();
        self.ok("PutLogEvents", json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events }))
    }

    fn filter(&mut self, more: Value) -> Vec<String> {
        let mut body = json!({ "logGroupName": "g" });
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        messages(&self.ok("FilterLogEvents", body))
    }
}

fn messages(answer: &Value) -> Vec<String> {
    let events = answer["events"].as_array().expect("a list");
    events.iter().map(|event| event["message"].as_str().expect("text").to_owned()).collect()
}

fn names(answer: &Value, list: &str, member: &str) -> Vec<String> {
    let list = answer[list].as_array().expect("a list");
    list.iter().map(|one| one[member].as_str().expect("text").to_owned()).collect()
}

#[test]
fn a_group_is_made_once_described_and_gone_when_it_is_deleted() {
    let mut bench = Bench::new();
    let again = bench.refused("CreateLogGroup", json!({ "logGroupName": "g" }));
    assert_eq!(again, ("ResourceAlreadyExistsException", "The specified log group already exists".into()));
    bench.ok("PutRetentionPolicy", json!({ "logGroupName": "g", "retentionInDays": 7 }));
    let told = bench.ok("DescribeLogGroups", json!({ "logGroupNamePrefix": "g" }))["logGroups"][0].clone();
    let expected = json!({
        "logGroupName": "g", "creationTime": NOW, "retentionInDays": 7, "metricFilterCount": 0,
        "arn": "arn:aws:logs:us-east-1:111122223333:log-group:g:*",
        "logGroupArn": "arn:aws:logs:us-east-1:111122223333:log-group:g",
        "storedBytes": 0, "logGroupClass": "STANDARD",
    });
    assert_eq!(told, expected);
    bench.ok("DeleteRetentionPolicy", json!({ "logGroupName": "g" }));
    assert!(bench.ok("DescribeLogGroups", json!({}))["logGroups"][0].get("retentionInDays").is_none());
    bench.ok("DeleteLogGroup", json!({ "logGroupName": "g" }));
    let gone = bench.refused("DeleteLogGroup", json!({ "logGroupName": "g" }));
    assert_eq!(gone, ("ResourceNotFoundException", "The specified log group does not exist.".into()));
}

#[test]
fn lists_come_in_pages_that_miss_nothing() {
    let mut bench = Bench::new();
    for number in 0..7 {
        bench.ok("CreateLogGroup", json!({ "logGroupName": format!("page/{number}") }));
        bench.ok("CreateLogStream", json!({ "logGroupName": "g", "logStreamName": format!("p{number}") }));
    }
    for (operation, list, member, more) in [
        ("DescribeLogGroups", "logGroups", "logGroupName", json!({ "logGroupNamePrefix": "page/" })),
        (
            "DescribeLogStreams",
            "logStreams",
            "logStreamName",
            json!({ "logGroupName": "g", "logStreamNamePrefix": "p" }),
        ),
        (
            "DescribeLogStreams",
            "logStreams",
            "logStreamName",
            json!({ "logGroupName": "g", "descending": true }),
        ),
    ] {
        let (mut all, mut token) = (Vec::new(), Value::Null);
        for _ in 0..8 {
            let mut body = more.clone();
            body["limit"] = 3.into();
            body["nextToken"] = token;
            let page = bench.ok(operation, body);
            all.extend(names(&page, list, member));
            token = page["nextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        let mut sorted = all.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(all.len(), sorted.len(), "{operation} repeats: {all:?}");
        assert!(all.len() == 7 || all.len() == 8, "{operation}: {all:?}");
        assert!(all == sorted || all.iter().rev().eq(sorted.iter()), "in order: {all:?}");
    }
}

#[test]
fn what_breaks_a_limit_of_a_batch_refuses_it_whole() {
    let mut bench = Bench::new();
    let batch = |events: Value| json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events });
    let event = |timestamp: Millis, message: &str| json!({ "timestamp": timestamp, "message": message });
    let many: Vec<Value> = (0..10_001).map(|_| event(NOW, "x")).collect();
    let large = "x".repeat(600_000);
    let table = [
        (json!([]), "between 1 and 10000"),
        (Value::from(many), "between 1 and 10000"),
        (json!([event(NOW, "b"), event(NOW - 1, "a")]), "chronological order"),
        (json!([event(NOW - DAY - 1, "a"), event(NOW, "b")]), "24 hours"),
        (json!([event(NOW, &large), event(NOW, &large)]), "exceeds limit of 1048576"),
        (json!([event(NOW, &"x".repeat(1_048_577))]), "Log event too large"),
        (json!([event(NOW, "")]), "greater than or equal to 1"),
        (json!([event(-1, "x")]), "greater than or equal to 0"),
        (json!([{ "message": "x" }]), "'logEvents.1.member.timestamp'"),
    ];
    for (events, reason) in table {
        let (name, text) = bench.refused("PutLogEvents", batch(events));
        assert_eq!((name, text.contains(reason)), ("InvalidParameterException", true), "{reason}: {text}");
    }
    assert!(bench.filter(json!({})).is_empty(), "nothing of them is there");
    let body = json!({ "logGroupName": "g", "logStreamName": "t", "logEvents": [event(NOW, "x")] });
    assert_eq!(bench.refused("PutLogEvents", body).1, "The specified log stream does not exist.");
}

#[test]
fn events_too_old_or_too_new_are_left_out_and_told() {
    let mut bench = Bench::new();
    let answer = bench.put(&[(NOW - 15 * DAY, "old")]);
    assert_eq!(answer["rejectedLogEventsInfo"], json!({ "tooOldLogEventEndIndex": 1 }));
    let answer = bench.put(&[(NOW, "good"), (NOW + AHEAD + 1, "new")]);
    assert_eq!(answer["rejectedLogEventsInfo"], json!({ "tooNewLogEventStartIndex": 1 }));
    bench.ok("PutRetentionPolicy", json!({ "logGroupName": "g", "retentionInDays": 1 }));
    let answer = bench.put(&[(NOW - 2 * DAY, "expired")]);
    assert_eq!(answer["rejectedLogEventsInfo"], json!({ "expiredLogEventEndIndex": 1 }));
    assert_eq!(bench.filter(json!({})), ["good"]);
    bench.now += 2 * DAY;
    assert!(bench.filter(json!({})).is_empty(), "retention hides what is older than it");
}

const AHEAD: Millis = 7_200_000;

#[test]
fn events_are_filtered_by_pattern_time_and_stream_in_the_order_of_time() {
    let mut bench = Bench::new();
    bench.ok("CreateLogStream", json!({ "logGroupName": "g", "logStreamName": "t" }));
    bench.put(&[(NOW, r#"{"a":1}"#), (NOW + 20, r#"{"a":2}"#)]);
    let later = json!([{ "timestamp": NOW + 10, "message": "text a" }]);
    bench.ok("PutLogEvents", json!({ "logGroupName": "g", "logStreamName": "t", "logEvents": later }));
    assert_eq!(bench.filter(json!({})), [r#"{"a":1}"#, "text a", r#"{"a":2}"#], "streams are interleaved");
    assert_eq!(bench.filter(json!({ "filterPattern": "{ $.a > 1 }" })), [r#"{"a":2}"#]);
    assert_eq!(bench.filter(json!({ "filterPattern": "text" })), ["text a"]);
    assert_eq!(bench.filter(json!({ "logStreamNames": ["t"] })), ["text a"]);
    assert_eq!(bench.filter(json!({ "logStreamNamePrefix": "t" })), ["text a"]);
    assert_eq!(
        bench.filter(json!({ "startTime": NOW + 10, "endTime": NOW + 10 })),
        ["text a"],
        "both ends count"
    );
    assert!(bench.filter(json!({ "startTime": NOW + 11, "endTime": NOW + 10 })).is_empty());
    let (name, text) =
        bench.refused("FilterLogEvents", json!({ "logGroupName": "g", "filterPattern": "{ a }" }));
    assert_eq!((name, text.contains("a selector")), ("InvalidParameterException", true));
    let event = bench
        .ok("FilterLogEvents", json!({ "logGroupIdentifier": "arn:aws:logs:us-east-1:1:log-group:g:*" }));
    assert_eq!(event["events"][0]["logStreamName"], "s");
    assert_eq!(event["events"][0]["eventId"].as_str().map(str::len), Some(56));
}

#[test]
fn pages_of_found_events_follow_one_another_and_end() {
    let mut bench = Bench::new();
    let texts: Vec<String> = (0..25).map(|number| format!("event {number}")).collect();
    let events: Vec<(Millis, &str)> = texts.iter().map(|text| (NOW, text.as_str())).collect();
    bench.put(&events);
    let (mut all, mut token) = (Vec::new(), Value::Null);
    loop {
        let page =
            bench.ok("FilterLogEvents", json!({ "logGroupName": "g", "limit": 10, "nextToken": token }));
        all.extend(messages(&page));
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(all, texts);
    for token in ["x", "f/", "00000000000000000000000000000000f"] {
        let refused = bench.refused("FilterLogEvents", json!({ "logGroupName": "g", "nextToken": token }));
        assert_eq!(refused.1, "The specified nextToken is invalid.", "{token}");
    }
    let end = "7fffffffffffffffffffffffffffffff";
    let past = bench.ok("FilterLogEvents", json!({ "logGroupName": "g", "nextToken": end, "endTime": NOW }));
    assert!(messages(&past).is_empty());
}

#[test]
fn an_answer_holds_no_more_than_a_mebibyte() {
    let mut bench = Bench::new();
    let large = "x".repeat(400_000);
    for number in 0..3 {
        bench.put(&[(NOW + number, &large)]);
    }
    let page = bench.ok("FilterLogEvents", json!({ "logGroupName": "g" }));
    assert_eq!((messages(&page).len(), page["nextToken"].is_string()), (2, true));
}

#[test]
fn a_stream_is_read_from_either_end_and_its_tokens_stay_at_the_end() {
    let mut bench = Bench::new();
    bench.put(&[(NOW, "1"), (NOW + 1, "2"), (NOW + 2, "3"), (NOW + 3, "4"), (NOW + 4, "5")]);
    let get = |bench: &mut Bench, more: Value| {
        let mut body = json!({ "logGroupName": "g", "logStreamName": "s", "limit": 2 });
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let answer = bench.ok("GetLogEvents", body);
        let token = |name: &str| answer[name].clone();
        (messages(&answer).concat(), token("nextForwardToken"), token("nextBackwardToken"))
    };
    let (first, forward, _) = get(&mut bench, json!({ "startFromHead": true }));
    let (second, forward, backward) = get(&mut bench, json!({ "nextToken": forward }));
    let (third, forward, _) = get(&mut bench, json!({ "nextToken": forward }));
    let (end, same, _) = get(&mut bench, json!({ "nextToken": forward }));
    assert_eq!((&*first, &*second, &*third, &*end), ("12", "34", "5", ""));
    assert_eq!(same, forward, "the end gives the same token");
    assert_eq!(get(&mut bench, json!({ "nextToken": backward })).0, "12");
    let (last, _, backward) = get(&mut bench, json!({}));
    assert_eq!((&*last, &*get(&mut bench, json!({ "nextToken": backward })).0), ("45", "23"));
    let (until, _, _) = get(&mut bench, json!({ "startFromHead": true, "endTime": NOW + 1 }));
    assert_eq!(until, "1", "the end is not included");
    bench.put(&[(NOW + 9, "6")]);
    assert_eq!(get(&mut bench, json!({ "nextToken": forward })).0, "6", "a token goes on when more comes");
}

#[test]
fn what_does_not_fit_any_more_goes_in_the_order_in_which_it_came() {
    let mut bench = Bench::new();
    bench.put(&[(NOW + 50, "first")]);
    bench.put(&[(NOW, "second"), (NOW + 1, "third")]);
    let group = bench.logs.groups.get_mut("g").expect("the group");
    assert_eq!(group.bytes, 5 + 6 + 5 + 3 * EVENT_BYTES);
    group.make_room(2, BYTES_MAX);
    assert_eq!(bench.filter(json!({})), ["second", "third"]);
    bench.ok("DeleteLogStream", json!({ "logGroupName": "g", "logStreamName": "s" }));
    assert!(bench.filter(json!({})).is_empty());
    assert_eq!(bench.logs.groups["g"].bytes, 0);
}

#[test]
fn tags_are_kept_under_both_generations_of_operations() {
    let mut bench = Bench::new();
    bench.ok("TagLogGroup", json!({ "logGroupName": "g", "tags": { "a": "1", "b": "2" } }));
    let arn = "arn:aws:logs:us-east-1:111122223333:log-group:g";
    bench.ok("TagResource", json!({ "resourceArn": arn, "tags": { "c": "3" } }));
    bench.ok("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["a"] }));
    assert_eq!(
        bench.ok("ListTagsForResource", json!({ "resourceArn": arn })),
        json!({ "tags": { "b": "2", "c": "3" } })
    );
    bench.ok("UntagLogGroup", json!({ "logGroupName": "g", "tags": ["b"] }));
    assert_eq!(bench.ok("ListTagsLogGroup", json!({ "logGroupName": "g" })), json!({ "tags": { "c": "3" } }));
    assert_eq!(
        bench.refused("ListTagsForResource", json!({ "resourceArn": "arn:x" })).0,
        "ResourceNotFoundException"
    );
}

#[test]
fn members_of_a_wrong_type_and_unknown_operations_have_their_names() {
    let mut bench = Bench::new();
    assert_eq!(bench.refused("CreateLogGroup", json!({ "logGroupName": 3 })).0, "SerializationException");
    assert_eq!(
        bench.refused("CreateLogGroup", json!({ "logGroupName": "a b" })).0,
        "InvalidParameterException"
    );
    assert_eq!(
        bench.refused("CreateLogGroup", json!({})).1,
        "1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be null"
    );
    assert_eq!(bench.refused("Dance", json!({})).0, "UnknownOperationException");
}
