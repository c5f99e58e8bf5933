use super::*;

mod conformance;

fn parse(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

fn matches(pattern: &str, message: &str) -> bool {
    parse(pattern).matches(&Message::new(message))
}

#[test]
fn a_missing_field_fulfils_no_comparison_and_neither_does_null_nor_a_list() {
    let pattern = r#"{ $.inferenceRegion != "us-east-1" }"#;
    let table = [
        (r#"{"inferenceRegion":"us-west-2"}"#, true),
        (r#"{"inferenceRegion":"us-east-1"}"#, false),
        (r#"{"errorCode":"ThrottlingException"}"#, false),
        (r#"{"inferenceRegion":null}"#, false),
        (r#"{"inferenceRegion":["us-west-2"]}"#, false),
        (r#"{"inferenceRegion":{"a":1}}"#, false),
        ("Permissions are correctly set for Amazon Bedrock logs.", false),
        (r#""inferenceRegion""#, false),
        (r#"{"inferenceRegion":"us-west-2""#, false),
    ];
    for (message, expected) in table {
        assert_eq!(matches(pattern, message), expected, "{message}");
    }
    let safe = r#"{ ($.inferenceRegion = *) && ($.inferenceRegion != "us-east-1") }"#;
    assert!(matches(safe, r#"{"inferenceRegion":"us-west-2"}"#));
    assert!(!matches(safe, r#"{"errorCode":"ThrottlingException"}"#));
}

#[test]
fn and_binds_tighter_than_or_and_parentheses_tighter_than_both() {
    let message = r#"{"a":1,"b":2}"#;
    let table = [
        ("{ $.a = 1 || $.b = 0 && $.a = 0 }", true),
        ("{ ($.a = 1 || $.b = 0) && $.a = 0 }", false),
        ("{ (($.a = 1)) }", true),
        ("{$.a=1&&$.b=2}", true),
        ("{$.a=0||$.b=2}", true),
    ];
    for (pattern, expected) in table {
        assert_eq!(matches(pattern, message), expected, "{pattern}");
    }
}

#[test]
fn numbers_texts_and_flags_compare_as_what_they_are() {
    let message = r#"{"n":400,"s":"400","d":-1.5,"t":true,"big":1e3,"empty":""}"#;
    let table = [
        ("{ $.n = 400 }", true),
        ("{ $.n = 400.0 }", true),
        ("{ $.n = 4e2 }", true),
        (r#"{ $.n = "400" }"#, true),
        ("{ $.s = 400 }", true),
        ("{ $.s = 400.0 }", false),
        ("{ $.s > 1 }", false),
        ("{ $.n = 4* }", true),
        ("{ $.d < -1 }", true),
        ("{ $.d >= -1.5 }", true),
        ("{ $.d <= -1.6 }", false),
        ("{ $.big = 1000 }", true),
        ("{ $.t = true }", true),
        ("{ $.t IS TRUE }", true),
        ("{ $.t IS FALSE }", false),
        ("{ $.n IS TRUE }", false),
        (r#"{ $.empty = "" }"#, true),
        ("{ $.empty = * }", true),
        ("{ $.absent = * }", false),
    ];
    for (pattern, expected) in table {
        assert_eq!(matches(pattern, message), expected, "{pattern}");
    }
}

#[test]
fn an_asterisk_is_a_wildcard_at_the_ends_only() {
    let table = [
        ("*Event", "PutEvent", true),
        ("*Event", "PutEvents", false),
        ("Event*", "EventId", true),
        ("*ven*", "PutEvents", true),
        ("Ev*ent", "Ev*ent", true),
        ("Ev*ent", "Event", false),
        ("*", "anything", true),
    ];
    for (value, name, expected) in table {
        let message = format!(r#"{{"name":"{name}"}}"#);
        for pattern in [format!("{{ $.name = {value} }}"), format!(r#"{{ $.name = "{value}" }}"#)] {
            assert_eq!(matches(&pattern, &message), expected, "{pattern} on {name}");
        }
    }
}

#[test]
fn selectors_reach_lists_every_entry_and_odd_names() {
    let message =
        r#"{"list":[{"id":1},{"id":2}],"a.b":"c","deep":[[0,1],[2,3]],"map":{"x":{"v":9}},"none":null}"#;
    let table = [
        ("{ $.list[1].id = 2 }", true),
        ("{ $.list[2].id = 2 }", false),
        ("{ $.list[*].id = 2 }", true),
        ("{ $.list[*].id = 3 }", false),
        ("{ $.list[*].id NOT EXISTS }", false),
        ("{ $.list[*].name NOT EXISTS }", true),
        ("{ $.map.*.v = 9 }", true),
        ("{ $.['a.b'] = c }", true),
        (r#"{ $.["a.b"] = c }"#, true),
        ("{ $['a.b'] = c }", true),
        ("{ $.deep[1][0] = 2 }", true),
        ("{ $.list = 1 }", false),
        ("{ $.list != 1 }", false),
        ("{ $.none IS NULL }", true),
        ("{ $.none NOT EXISTS }", false),
        ("{ $.nowhere IS NULL }", false),
    ];
    for (pattern, expected) in table {
        assert_eq!(matches(pattern, message), expected, "{pattern}");
    }
}

#[test]
fn what_is_no_pattern_is_refused_with_its_reason() {
    let long = "x".repeat(PATTERN_MAX + 1);
    let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(40), ")".repeat(40));
    let steps = format!("{{ ${} = 1 }}", ".a".repeat(100));
    let table = [
        ("{ $.a = 1", "starts with '{' it must end with '}'"),
        ("[a, b", "starts with '[' it must end with ']'"),
        ("foo.bar", "Invalid character(s) in term 'foo.bar'"),
        ("\"open", "Unterminated quote"),
        ("%open", "Unterminated regular expression"),
        ("{ a = 1 }", "a selector such as $.field"),
        ("{ $ = 1 }", "a field such as $.field"),
        ("{ $.a }", "an operator"),
        ("{ $.a == 1 }", "a value"),
        ("{ $.a > x }", "need a number"),
        ("{ $.a = 1 && }", "a selector"),
        ("{ $.a = 1 $.b = 2 }", "&&, || or the end"),
        ("{ ($.a = 1 }", "closing parenthesis"),
        ("{ $.a IS SOMETHING }", "NULL, TRUE or FALSE"),
        ("{ $.a NOT THERE }", "EXISTS"),
        ("{ $.a[x] = 1 }", "an index, * or a quoted name"),
        ("{ $.a[*].b[*] = 1 }", "one wildcard"),
        ("{ $.a[*]=1 && $.b[*]=1 && $.c[*]=1 && $.d[*]=1 }", "at most 3 wildcard selectors"),
        ("{ $.a = %(x)% }", "Invalid character '('"),
        ("{ $.a = %a!% }", "Invalid character '!'"),
        ("{ $.a = %[% }", "Invalid regular expression"),
        ("{ $.a = %a% || $.b = %b% || $.c = %c% }", "at most 2 regular expressions"),
        ("[a, ..., b, ...]", "one ellipsis"),
        ("[a = 1 && b = 2]", "name another column"),
        ("[a b]", "a comma"),
        ("[(a)]", "an operator"),
        ("[= 1]", "needs the name"),
        ("{}", "a selector"),
        (&long, "longer than 1024"),
        (&deep, "more than 32 deep"),
        (&steps, "more than 64 steps"),
    ];
    for (pattern, reason) in table {
        let problem = Pattern::parse(pattern).expect_err(pattern);
        assert!(problem.0.contains(reason), "{pattern}: {problem}");
    }
}

#[test]
fn the_limits_themselves_are_within() {
    parse(&"x".repeat(PATTERN_MAX));
    parse(&format!("{{ {}$.a = 1{} }}", "(".repeat(32), ")".repeat(32)));
    assert_eq!(parse("{ $.a = %a% || $.b = %b% }").regexes(), 2);
    parse("{ $.a[*]=1 && $.b[*]=1 && $.c[*]=1 }");
}

#[test]
fn a_hostile_regular_expression_is_refused_or_runs_in_linear_time() {
    assert!(Pattern::parse("%a{999}{999}{999}%").is_err());
    let slow = parse("{ $.a = %^a*a*a*a*b$% }");
    let message = format!(r#"{{"a":"{}"}}"#, "a".repeat(2_000));
    assert!(!slow.matches(&Message::new(&message)));
}

#[test]
fn values_are_taken_from_fields_and_columns() {
    let json = Message::new(r#"{"latency":12.5,"text":"12","list":[3,4],"flag":true,"none":null}"#);
    let pattern = parse("{ $.latency = * }");
    let value = |text: &str| {
        let selector = Selector::parse(text).expect("a selector");
        pattern.value(&json, &selector).map(|value| (value.text, value.number))
    };
    assert_eq!(value("$.latency"), Some(("12.5".into(), Some(12.5))));
    assert_eq!(value("$.text"), Some(("12".into(), None)), "a text is no number");
    assert_eq!(value("$.list[1]"), Some(("4".into(), Some(4.0))));
    assert_eq!(value("$.flag"), Some(("true".into(), None)));
    assert_eq!(
        (value("$.none"), value("$.list"), value("$.absent"), value("$column")),
        (None, None, None, None)
    );

    let columns = parse("[a, bytes]");
    let selector = Selector::parse("$bytes").expect("a selector");
    let found = columns.value(&Message::new("x 1534"), &selector).expect("a column");
    assert_eq!((found.text.as_str(), found.number), ("1534", Some(1534.0)));
    for broken in ["", "$", "$.", "x", "$.a b", "$.a = 1"] {
        assert!(Selector::parse(broken).is_err(), "{broken}");
    }
}

#[test]
fn the_columns_of_a_line_are_named_or_numbered() {
    let line = r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
    let found = parse("[..., request=*.html*, status_code=4*,]").extracted(&Message::new(line));
    let expected = [
        ("$1", "127.0.0.1"),
        ("$2", "-"),
        ("$3", "frank"),
        ("$4", "10/Oct/2000:13:25:15 -0700"),
        ("$7", "1534"),
        ("$request", "GET /index.html HTTP/1.0"),
        ("$status_code", "404"),
    ];
    let found: Vec<(&str, &str)> = found.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(found, expected);
    assert!(parse("{ $.a = 1 }").extracted(&Message::new(r#"{"a":1}"#)).is_empty());
}

proptest::proptest! {
    #[test]
    fn nothing_that_is_parsed_or_matched_panics(
        pattern in r#"[{\[]?[ $.a-c\[\]*'"=!<>&|()%?,0-9\\-]{0,40}[}\]]?"#,
        message in r#"[{\[]?[ "a-c:,0-9\[\]-]{0,40}[}\]]?"#,
    ) {
        if let Ok(pattern) = Pattern::parse(&pattern) {
            let message = Message::new(&message);
            let matched = pattern.matches(&message);
            proptest::prop_assert!(matched || pattern.extracted(&message).is_empty());
        }
    }
}
