//! Policies, as far as they decide whether Bedrock may write logs: effects, principals, actions and resources with
//! wildcards. Conditions are taken to hold.

use serde_json::Value;

fn statements(policy: &str) -> Vec<Value> {
    let Ok(Value::Object(mut policy)) = serde_json::from_str(policy) else { return Vec::new() };
    match policy.remove("Statement") {
        Some(Value::Array(list)) => list,
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    }
}

pub fn is_well_formed(policy: &str) -> bool {
    let all = statements(policy);
    let good = |statement: &Value| {
        matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"))
            && (!texts(&statement["Action"]).is_empty() || !texts(&statement["NotAction"]).is_empty())
    };
    !all.is_empty() && all.iter().all(good)
}

/// Whether a service may take on the role.
pub fn trusts(policy: &str, service: &str) -> bool {
    statements(policy).iter().any(|statement| {
        statement["Effect"] == "Allow"
            && texts(&statement["Action"]).iter().any(|action| fits(action, "sts:AssumeRole"))
            && texts(&statement["Principal"]["Service"]).contains(&service)
    })
}

/// Whether an action on a resource is allowed, and not denied.
pub fn allows(policy: &str, action: &str, resource: &str) -> bool {
    let concerns = |statement: &&Value| {
        texts(&statement["Action"]).iter().any(|wanted| fits(wanted, action))
            && texts(&statement["Resource"]).iter().any(|wanted| fits(wanted, resource))
    };
    let all = statements(policy);
    let mut effects = all.iter().filter(concerns).map(|statement| statement["Effect"] == "Allow").peekable();
    effects.peek().is_some() && effects.all(|allow| allow)
}

/// One text or a list of them.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a text is as a pattern with `*` and `?` wants it, however actions are written.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.to_lowercase().chars().collect(), text.to_lowercase().chars().collect());
    // Where the last star stood, and what it took so far.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_policies_have_stars_and_question_marks() {
        let table = [
            ("logs:*", "logs:PutLogEvents", true),
            ("logs:put*", "logs:PutLogEvents", true),
            ("*", "anything", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*d", "abcd", true),
            ("*b*d", "abcde", false),
            ("", "", true),
            ("", "x", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(fits(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_denial_goes_before_what_allows() {
        let allow = r#"{"Effect":"Allow","Action":["logs:*"],"Resource":"*"}"#;
        let deny = r#"{"Effect":"Deny","Action":"logs:PutLogEvents","Resource":"arn:x:*"}"#;
        let policy =
            |list: &[&str]| format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, list.join(","));
        assert!(allows(&policy(&[allow]), "logs:PutLogEvents", "arn:x:y"));
        assert!(!allows(&policy(&[allow, deny]), "logs:PutLogEvents", "arn:x:y"));
        assert!(allows(&policy(&[allow, deny]), "logs:CreateLogStream", "arn:x:y"));
        assert!(!allows(&policy(&[]), "logs:PutLogEvents", "arn:x:y"));
        for broken in [
            "",
            "{}",
            "[]",
            r#"{"Statement":[{"Effect":"Maybe","Action":"x"}]}"#,
            r#"{"Statement":{"Effect":"Allow"}}"#,
        ] {
            assert!(!is_well_formed(broken), "{broken}");
        }
    }
}
