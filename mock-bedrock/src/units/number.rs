//! Plain numbers with a suffix of size: what the other quantities are made of.

/// Splits `12.5ms` into its number and its unit; no sign, no exponent, no more than 18 digits.
pub(super) fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let digits: String = text[..end].chars().filter(|c| *c != '_').collect();
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    digits.parse::<f64>().ok().map(|number| (number, text[end..].trim()))
}

pub(super) fn scaled(text: &str) -> Option<f64> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" | "m" => 1e6,
        "B" | "G" => 1e9,
        _ => return None,
    };
    Some(number * factor)
}

pub(super) fn plain(number: f64) -> String {
    for (factor, unit) in [(1e9, "B"), (1e6, "M"), (1e3, "k")] {
        let scaled = number / factor;
        if scaled >= 1.0 && (scaled * 1000.0).fract() == 0.0 {
            return format!("{scaled}{unit}");
        }
    }
    format!("{number}")
}
