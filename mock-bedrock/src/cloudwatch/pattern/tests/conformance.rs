//! The examples of AWS's own documentation, form by form: the user guide's pages on filter patterns (unstructured, JSON
//! and space-delimited events), the API reference's examples of TestMetricFilter, and the CLI's.
//!
//! Left out is one example of an old edition, `[w1!=ERROR&&w1!=WARN, w2]`, which was said to match the line
//! "ERROR WARN message"; its first word is ERROR, and it has three.

use super::*;

/// Pattern, message, and whether the documentation says that they match.
type Row = (&'static str, &'static str, bool);

fn check(table: &[Row]) {
    let wrong: Vec<String> = table
        .iter()
        .filter(|(pattern, message, expected)| matches(pattern, message) != *expected)
        .map(|(pattern, message, expected)| format!("{pattern} on {message} should be {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const E400: &str = "[ERROR 400] BAD REQUEST";
const E401: &str = "[ERROR 401] UNAUTHORIZED REQUEST";
const E419: &str = "[ERROR 419] MISSING ARGUMENTS";
const E420: &str = "[ERROR 420] INVALID ARGUMENTS";

#[test]
fn terms_in_unstructured_events() {
    check(&[
        ("ERROR", E400, true),
        ("ERROR", E401, true),
        ("ERROR", E419, true),
        ("ERROR", E420, true),
        ("ERROR ARGUMENTS", E419, true),
        ("ERROR ARGUMENTS", E420, true),
        ("ERROR ARGUMENTS", E400, false),
        ("?ERROR ?ARGUMENTS", E400, true),
        ("?ERROR ?ARGUMENTS", E401, true),
        ("?ERROR ?ARGUMENTS", E419, true),
        ("?ERROR ?ARGUMENTS", E420, true),
        ("?ERROR ?ARGUMENTS", "ARGUMENTS IS THE ONLY KEYWORD", true),
        ("?ERROR ?ARGUMENTS", "[INFO] REQUEST DONE", false),
        ("?ERROR ?ARGUMENTS REQUEST", "[INFO] REQUEST FAILED", true),
        ("?ERROR ?ARGUMENTS REQUEST", "[WARN] UNAUTHORIZED REQUEST", true),
        ("?ERROR ?ARGUMENTS REQUEST", E400, true),
        ("?ERROR ?ARGUMENTS REQUEST", E419, false),
        (r#""INTERNAL SERVER ERROR""#, "[ERROR 500] INTERNAL SERVER ERROR", true),
        (r#""INTERNAL SERVER ERROR""#, "[ERROR 500] INTERNAL ERROR OF SERVER", false),
        ("ERROR -ARGUMENTS", E400, true),
        ("ERROR -ARGUMENTS", E401, true),
        ("ERROR -ARGUMENTS", E419, false),
        ("ERROR -ARGUMENTS", E420, false),
        (r#"" ""#, E400, true),
        (r#"" ""#, "anything at all", true),
        ("", "anything at all", true),
        ("error", E400, false),
        // An older edition of the same page.
        ("ERROR", "[ERROR] A fatal exception has occurred", true),
        ("ERROR", "Exiting with ERRORCODE: -1", true),
        (r#""ERROR" - "Exiting""#, "Exiting with ERRORCODE: -1", false),
        (r#""ERROR" - "Exiting""#, "[ERROR] A fatal exception has occurred", true),
        ("ERROR Exception", "[ERROR] Caught IllegalArgumentException", true),
        ("ERROR Exception", "[ERROR] Unhandled Exception", true),
        ("Failed to process the request", "[WARN] Failed to process the request", true),
        ("Failed to process the request", "[ERROR] Unable to continue: Failed to process the request", true),
        ("ERROR", "ERROR WARN message", true),
        ("ERROR", "ERROR message", true),
        ("ERROR", "WARN message", false),
        ("?ERROR ?WARN", "WARN message", true),
        ("ERROR WARN", "ERROR WARN message", true),
        ("ERROR WARN", "ERROR message", false),
        ("ERROR -WARN", "ERROR message", true),
        ("ERROR -WARN", "ERROR WARN message", false),
        // The CLI's example of test-metric-filter.
        ("ERROR", "[ERROR] 400 BAD REQUEST", true),
        ("ERROR", "[INFO] 200 OK", false),
        // The API reference's.
        (r#""[ERROR]""#, "02 May 2014 00:34:16,142 [ERROR] Unhanded exception: InvalidQueryException", true),
        (r#""[ERROR]""#, "02 May 2014 00:34:12,525 [INFO] Starting the application", false),
        (
            r#""[ERROR]" Exception"#,
            "02 May 2014 00:34:16,142 [ERROR] Unhanded exception: InvalidQueryException",
            true,
        ),
        (r#""[ERROR]" Exception"#, "02 May 2014 00:34:16,224 [ERROR] Terminating the application", false),
    ]);
}

#[test]
fn regular_expressions_in_unstructured_events() {
    check(&[
        ("%AUTHORIZED%", E401, true),
        ("%AUTHORIZED%", "[SUCCESS 200] AUTHORIZED REQUEST", true),
        ("%AUTHORIZED%", E400, false),
        ("%^ERROR%", "ERROR at the start", true),
        ("%^ERROR%", "an ERROR later", false),
        ("%ERROR$%", "ends with ERROR", true),
        ("%colou?r%", "color", true),
        ("%colou?r%", "colour", true),
        ("%[a-z]%", "ABC", false),
        ("%[a-z]%", "ABc", true),
        ("%gray|grey%", "a grey day", true),
        ("%1{3}%", "0111", true),
        ("%1{3}%", "0110", false),
        (r"%10\.10\.0\.1%", "from 10.10.0.1", true),
        (r"%10\.10\.0\.1%", "from 10x10x0x1", false),
        (r"%\d{3} [a-z]+%", "404 missing", true),
        (r"%\s%", "no-blank", false),
    ]);
}

const TRAIL: &str = r#"{ "eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111",
  "arrayKey": [ "value", "another value" ],
  "objectList": [ { "name": "a", "id": 1 }, { "name": "b", "id": 2 } ],
  "SomeObject": null, "ThisFlag": true, "cluster.name": "c" }"#;

#[test]
fn fields_of_json_events() {
    check(&[
        (r#"{ $.eventType = "UpdateTrail" }"#, TRAIL, true),
        ("{ $.eventType = UpdateTrail }", TRAIL, true),
        ("{ $.eventType = updatetrail }", TRAIL, false),
        ("{ $.sourceIPAddress != 123.123.* }", TRAIL, true),
        ("{ $.sourceIPAddress != 111.111.* }", TRAIL, false),
        (r#"{ $.arrayKey[0] = "value" }"#, TRAIL, true),
        ("{ $.objectList[1].id = 2 }", TRAIL, true),
        ("{ $.SomeObject IS NULL }", TRAIL, true),
        ("{ $.eventType IS NULL }", TRAIL, false),
        ("{ $.SomeOtherObject NOT EXISTS }", TRAIL, true),
        ("{ $.SomeObject NOT EXISTS }", TRAIL, false),
        ("{ $.ThisFlag IS TRUE }", TRAIL, true),
        ("{ $.ThisFlag IS FALSE }", TRAIL, false),
        ("{ $.['cluster.name'] = \"c\" }", TRAIL, true),
        ("{ $.eventType = %Trail% }", TRAIL, true),
        ("{ $.eventType = %^Trail% }", TRAIL, false),
        (r"{ $.sourceIPAddress = %111\.111\.1[01]{2}\..*% }", TRAIL, true),
        ("{ $.arrayKey[*] = \"another value\" }", TRAIL, true),
        ("{ $.arrayKey[*] = \"a third value\" }", TRAIL, false),
        ("{$.foo = bar}", r#"{"foo": "bar"}"#, true),
        ("{$.foo = baz }", r#"{"foo": "bar"}"#, false),
        ("{$.foo = bar || $.foo = baz }", r#"{"foo": "baz"}"#, true),
    ]);
}

const NUMBERS: &str = r#"{ "latency": 500, "numbers": [ 0.001, 1000 ], "processes": [ 0, 0, 0, 0, { "averageRuntime": 55.5 } ],
  "errorCode": 400, "bandwidth": 75, "refreshRate": 60, "responseTime": 5, "users": [1, 2, 3] }"#;

#[test]
fn numbers_of_json_events() {
    check(&[
        ("{ $.latency >= 500 }", NUMBERS, true),
        ("{ $.latency > +1000 }", NUMBERS, false),
        ("{ $.latency < 50 }", NUMBERS, false),
        ("{ $.numbers[0] < 10e3 }", NUMBERS, true),
        ("{ $.numbers[0] < 10e-3 }", NUMBERS, true),
        ("{ $.numbers[0] = 1e-3 }", NUMBERS, true),
        ("{ $.numbers[0] != 1e+3 }", NUMBERS, true),
        ("{ $.numbers[1] != 1e+3 }", NUMBERS, false),
        ("{ $.processes[4].averageRuntime <= 55.5 }", NUMBERS, true),
        ("{ $.errorCode = 400 }", NUMBERS, true),
        ("{ $.errorCode != 500 }", NUMBERS, true),
        ("{ $.bandwidth > 75 }", NUMBERS, false),
        ("{ $.refreshRate >= 60 }", NUMBERS, true),
        ("{ $.responseTime <= 5 }", NUMBERS, true),
        ("{ $.users = 1 }", NUMBERS, false),
        ("{ $.users != 1 }", NUMBERS, false),
    ]);
}

const USERS: &str = r#"{ "user": { "id": 1, "email": "John.Stiles@example.com" },
  "users": [ { "id": 2, "email": "John.Doe@example.com" }, { "id": 3, "email": "Jane.Doe@example.com" } ],
  "actions": [ "GET", "PUT", "DELETE" ], "coordinates": [ [0, 1, 2], [4, 5, 6], [7, 8, 9] ] }"#;

#[test]
fn compound_expressions_on_json_events() {
    check(&[
        (r#"{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }"#, USERS, true),
        (r#"{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }"#, USERS, false),
        (
            r#"{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }"#,
            USERS,
            true,
        ),
        (
            r#"{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }"#,
            USERS,
            false,
        ),
        // From the CIS benchmark's patterns, as AWS's Security Hub documents them.
        (
            r#"{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") && ($.userIdentity.type = "IAMUser") }"#,
            r#"{"eventName":"ConsoleLogin","additionalEventData":{"MFAUsed":"No"},"userIdentity":{"type":"IAMUser"}}"#,
            true,
        ),
        (
            r#"{($.errorCode="*UnauthorizedOperation") || ($.errorCode="AccessDenied*")}"#,
            r#"{"errorCode":"Client.UnauthorizedOperation"}"#,
            true,
        ),
        (
            r#"{$.userIdentity.type="Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType !="AwsServiceEvent"}"#,
            r#"{"userIdentity":{"type":"Root"},"eventType":"AwsApiCall"}"#,
            true,
        ),
        (
            "{($.eventSource=kms.amazonaws.com) && (($.eventName=DisableKey) || ($.eventName=ScheduleKeyDeletion))}",
            r#"{"eventSource":"kms.amazonaws.com","eventName":"ScheduleKeyDeletion"}"#,
            true,
        ),
    ]);
}

const OK_GIF: &str =
    r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 200 1534"#;
const BROKEN_GIF: &str =
    r#"127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] "GET /apache_pb.gif HTTP/1.0" 500 5324"#;
const NO_HTML: &str = r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
const OK_HTML: &str =
    r#"127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] "GET /about-us/index.html HTTP/1.0" 200 5324"#;

#[test]
fn columns_of_space_delimited_events() {
    check(&[
        ("[ip, user, username, timestamp, request, status_code, bytes]", OK_GIF, true),
        ("[ip, user, username, timestamp, request, status_code]", OK_GIF, false),
        ("[]", OK_GIF, true),
        ("[..., status_code, bytes]", OK_GIF, true),
        ("[ip, user, ..., status_code, bytes]", OK_GIF, true),
        ("[ip, user, ...]", OK_GIF, true),
        ("[..., size]", OK_GIF, true),
        ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", OK_GIF, true),
        ("[ip, user, username, timestamp, request, status_code, bytes > 2000]", OK_GIF, false),
        ("[ip, user, username, timestamp, request, status_code = 200, bytes]", OK_GIF, true),
        ("[ip, user, username, timestamp, request, status_code = 200, bytes]", BROKEN_GIF, false),
        ("[..., status_code=200, size]", BROKEN_GIF, false),
        ("[..., status_code!=200, size]", BROKEN_GIF, true),
        ("[ip, user, username, timestamp, request, status_code = 4*, bytes]", NO_HTML, true),
        ("[ip, user, username, timestamp, request, status_code = 4*, bytes]", OK_HTML, false),
        ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", NO_HTML, true),
        ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", BROKEN_GIF, false),
        ("[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", NO_HTML, true),
        (
            "[ip, user, username, timestamp, request, status_code = 403 || status_code = 404, bytes]",
            NO_HTML,
            true,
        ),
        (
            "[ip, user, username, timestamp, request, status_code = 4* && status_code != 403, bytes]",
            NO_HTML,
            true,
        ),
        (
            r"[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]",
            NO_HTML,
            true,
        ),
        (
            r"[ip=%127\.0\.1\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]",
            NO_HTML,
            false,
        ),
        ("[..., request=*.html*, status_code=4*,]", NO_HTML, true),
        ("[..., request=*.html*, status_code=4*,]", OK_HTML, false),
        ("[w1=ERROR, w2]", "ERROR message", true),
        ("[w1=ERROR, w2]", "WARN message", false),
        ("[w1=ERROR, w2]", "ERROR WARN message", false),
        ("[w1=ERROR || w1=WARN, w2]", "ERROR message", true),
        ("[w1=ERROR || w1=WARN, w2]", "WARN message", true),
        ("[w1!=ERROR&&w1!=WARN, w2]", "INFO message", true),
        ("[w1!=ERROR&&w1!=WARN, w2]", "WARN message", false),
    ]);
}
