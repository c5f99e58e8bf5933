//! Queries as guides for Bedrock have them, and those of each command.

use super::*;

const ONE: &str = r#"{"modelId":"us.m","region":"us-east-1","inferenceRegion":"us-west-2","requestId":"a","output":{"outputTokenCount":20,"outputBodyJson":{"metrics":{"latencyMs":250}}},"input":{"inputTokenCount":10,"inputBodyJson":{"messages":[{"content":[{"text":"hello"}]}]}}}"#;
const TWO: &str = r#"{"modelId":"us.m","region":"us-east-1","requestId":"b","output":{"outputTokenCount":30,"outputBodyJson":{"metrics":{"latencyMs":150}}},"input":{"inputTokenCount":15}}"#;
const THROTTLED: &str =
    r#"{"modelId":"us.n","region":"us-east-1","requestId":"c","errorCode":"ThrottlingException"}"#;
const FIRST: &str = "Permissions are correctly set for Amazon Bedrock logs.";
/// 2025-12-01T00:00:00Z
const NOW: i64 = 1_764_547_200_000;

/// The rows that a query finds, without the pointers, as text.
fn rows(query: &str) -> Vec<String> {
    let query = Query::parse(query).unwrap_or_else(|problem| panic!("{query}: {problem:?}"));
    let lines = (0..).zip([FIRST, ONE, TWO, THROTTLED]).map(|(number, message)| Line {
        group: "g",
        stream: "s",
        message,
        timestamp: NOW + 60_000 * i64::try_from(number).expect("few"),
        ingested: NOW,
        number,
    });
    let tell = |row: Vec<(String, String)>| {
        let shown = row.into_iter().filter(|(name, _)| name != "@ptr");
        shown.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    run(&query, lines).rows.into_iter().map(tell).collect()
}

#[test]
fn the_queries_of_the_guides_find_what_they_should() {
    let table: &[(&str, &[&str])] = &[
        (
            "filter ispresent(inferenceRegion) | stats count(*) as calls by modelId, region, inferenceRegion",
            &["modelId=us.m region=us-east-1 inferenceRegion=us-west-2 calls=1"],
        ),
        (
            "fields output.outputBodyJson.metrics.latencyMs as latency | filter ispresent(latency) \
             | stats pct(latency, 95) as p95, avg(latency), count(*) by bin(1h)",
            &["bin(1h)=2025-12-01 00:00:00.000 p95=250 avg(latency)=200 count(*)=2"],
        ),
        (
            "filter errorCode = 'ThrottlingException' | stats count(*) by modelId",
            &["modelId=us.n count(*)=1"],
        ),
        (
            "fields requestId, input.inputBodyJson.messages.0.content.0.text as prompt | filter ispresent(prompt)",
            &["requestId=a prompt=hello"],
        ),
        (
            "stats sum(input.inputTokenCount) as input, sum(output.outputTokenCount) as output by modelId | sort input desc",
            &["modelId=us.m input=25 output=50", "", "modelId=us.n"],
        ),
        (
            "filter @message like /Throttl/ | fields @timestamp, errorCode",
            &["@timestamp=2025-12-01 00:03:00.000 errorCode=ThrottlingException"],
        ),
        (
            "filter ispresent(modelId) | stats 100 * sum(ispresent(errorCode)) / count(*) as throttled",
            &["throttled=33.3333"],
        ),
    ];
    for (query, expected) in table {
        assert_eq!(rows(query), *expected, "{query}");
    }
}

#[test]
fn each_command_does_its_part() {
    let table: &[(&str, &[&str])] = &[
        (
            "fields requestId | filter ispresent(requestId) | sort requestId asc",
            &["requestId=a", "requestId=b", "requestId=c"],
        ),
        ("fields requestId | filter ispresent(requestId)", &["requestId=c", "requestId=b", "requestId=a"]),
        ("fields requestId | filter ispresent(requestId) | limit 1", &["requestId=c"]),
        (
            "filter requestId in ['a', 'c'] | fields requestId | sort requestId",
            &["requestId=a", "requestId=c"],
        ),
        ("filter requestId not in ['a', 'c'] | display requestId", &["requestId=b"]),
        (
            "filter requestId not like 'a' | display requestId | sort requestId",
            &["requestId=b", "requestId=c"],
        ),
        ("filter inferenceRegion != 'us-east-1' | display requestId", &["requestId=a"]),
        (
            "filter not ispresent(modelId) | display @message",
            &["@message=Permissions are correctly set for Amazon Bedrock logs."],
        ),
        (
            "fields modelId | filter ispresent(modelId) | dedup modelId | sort modelId",
            &["modelId=us.m", "modelId=us.n"],
        ),
        (
            "parse @message 'Permissions are * set for * logs' as how, what | filter ispresent(how) | display how, what",
            &["how=correctly what=Amazon Bedrock"],
        ),
        (
            "parse @message /Permissions are (?<how>\\w+)/ | filter ispresent(how) | display how",
            &["how=correctly"],
        ),
        ("parse 'requestId\":\"*\"' as id | stats count(id) as ids, count(*) as all", &["ids=3 all=4"]),
        (
            "stats count_distinct(modelId) as models, min(input.inputTokenCount) as least, max(input.inputTokenCount) as most",
            &["models=2 least=10 most=15"],
        ),
        ("stats earliest(requestId) as first, latest(requestId) as last", &["first=a last=c"]),
        (
            "fields `requestId` as id, toupper(id) as big, strlen(id) as n | filter id = 'a' | display big, n",
            &["big=A n=1"],
        ),
        (
            "fields 7 / 2 as a, 7 % 4 as b, 2 ^ 3 as c, -(1 + 1) * 2 as d | limit 1 | display a, b, c, d",
            &["a=3.5 b=3 c=8 d=-4"],
        ),
        ("fields 1 / 0 as nothing | limit 1 | display nothing", &[""]),
        (
            "filter input.inputTokenCount > 10 and input.inputTokenCount <= 15 or requestId == 'c' | stats count(*)",
            &["count(*)=2"],
        ),
        (
            "stats count(*) as n by datefloor(@timestamp, 2m) as at | sort at",
            &["at=2025-12-01 00:00:00.000 n=2", "at=2025-12-01 00:02:00.000 n=2"],
        ),
        (
            "# a comment\nfields @logStream # and another\n| limit 1 | display @logStream, @log",
            &["@logStream=s @log=g"],
        ),
        ("fields requestId # a comment\n| filter requestId = 'a'", &["requestId=a"]),
        ("filter requestId = 'nobody' | stats count(*) as n", &["n=0"]),
        ("filter requestId = 'nobody' | stats count(*) as n by modelId", &[]),
        (
            "fields coalesce(inferenceRegion, region) as served | filter ispresent(served) | stats count(*) by served",
            &["served=us-east-1 count(*)=2", "served=us-west-2 count(*)=1"],
        ),
    ];
    for (query, expected) in table {
        assert_eq!(rows(query), *expected, "{query}");
    }
}

#[test]
fn a_row_without_stats_points_at_its_event_and_shows_time_and_message_of_itself() {
    let query = Query::parse("limit 1").expect("a query");
    let line = Line { group: "g", stream: "s", message: "m", timestamp: NOW, ingested: NOW, number: 7 };
    let found = run(&query, [line].into_iter());
    let names: Vec<&str> = found.rows[0].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names, found.matched), (vec!["@timestamp", "@message", "@ptr"], 1));
}

#[test]
fn what_is_no_query_is_refused_with_its_place() {
    let deep = format!("filter {}a{}", "(".repeat(60), ")".repeat(60));
    let table = [
        ("", 0, "unknown command"),
        ("dance", 0, "unknown command 'dance'"),
        ("fields a |", 10, "unknown command"),
        ("fields a b", 9, "| or the end"),
        ("filter a =", 10, "an expression"),
        ("filter (a", 9, "a closing parenthesis"),
        ("filter dance(a)", 7, "unknown function 'dance'"),
        ("filter a = 'open", 11, "a quote is not closed"),
        ("filter a like /open", 14, "a regular expression is not closed"),
        ("filter a like /(/", 14, "no regular expression"),
        ("stats count(*) by bin(5)", 23, "a length has a unit"),
        ("limit x", 6, "a whole number"),
        ("parse @message 'a * b'", 22, "1 parts and 0 names"),
        ("parse @message 'a * b' as x, y", 30, "1 parts and 2 names"),
        ("fields `open", 7, "an expression"),
        (deep.as_str(), 56, "nest more than"),
    ];
    for (query, at, reason) in table {
        let problem = Query::parse(query).expect_err(query);
        assert_eq!((problem.at, problem.message.contains(reason)), (at, true), "{query}: {problem:?}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_that_is_asked_panics(query in "(fields|filter|stats|sort|parse|limit)? ?[ a-c@.'\"/()*|,=<>0-9by`-]{0,40}") {
        if let Ok(query) = Query::parse(&query) {
            let line = Line { group: "g", stream: "s", message: ONE, timestamp: NOW, ingested: NOW, number: 1 };
            run(&query, [line].into_iter());
        }
    }
}
