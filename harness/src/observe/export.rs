//! The same description as code, for people who keep their accounts that way: CloudFormation as JSON, Terraform as HCL.
//! Nothing is said here that the calls do not say.
//!
//! Neither knows a resource for the account's logging configuration that restores what stood there before: Terraform has
//! one that replaces it, CloudFormation has none, and both texts say so.

mod cloudformation;
mod terraform;

pub use cloudformation::cloudformation;
pub use terraform::terraform;

/// A name that both formats take for a resource: what `text` holds of letters and digits, each word capitalised.
fn logical(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
            .unwrap_or_default()
    };
    words.map(capital).collect()
}

#[cfg(test)]
mod tests;
