//! Names in sentences: lists, and the name that somebody may have meant.

/// Names listed before "and others".
const LISTED_MAX: usize = 14;

/// `a, b, c`, cut short when long.
pub fn list<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED_MAX).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(shown.len());
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The known name that `word` most likely stands for.
pub fn nearest<'n, S: AsRef<str>>(word: &str, known: &'n [S]) -> Option<&'n str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    if word.chars().count() > 80 {
        return None;
    }
    let close = |name: &str| {
        let distance = strsim::osa_distance(&word, &plain(name));
        let allowed = (name.chars().count().max(word.chars().count()) / 3).max(1);
        (distance <= allowed).then_some(distance)
    };
    known
        .iter()
        .map(AsRef::as_ref)
        .filter(|name| !name.is_empty())
        .filter_map(|name| close(name).map(|distance| (distance, name)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// What to write instead of an unknown word.
pub fn suggest<S: AsRef<str>>(word: &str, known: &[S]) -> String {
    match (nearest(word, known), known) {
        (_, []) => "there is none to choose from".into(),
        (Some(name), [_]) => format!("did you mean \"{name}\"?"),
        (Some(name), _) => format!("did you mean \"{name}\"? known: {}", list(known)),
        (None, _) => format!("known: {}", list(known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let known = ["first_token", "per_token", "max_output"];
        for (word, meant) in [
            ("first-token", Some("first_token")),
            ("frist_token", Some("first_token")),
            ("max_outputs", Some("max_output")),
            ("temperature", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert!(list(&names).ends_with("13 and 6 more"));
    }
}
