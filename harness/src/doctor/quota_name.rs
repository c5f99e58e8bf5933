//! Which quota of Service Quotas limits which pool. AWS names a quota in words and never by a model's id, so the words
//! of both are compared: `Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5 V1` is the quota
//! of `us.anthropic.claude-sonnet-4-5-20250929-v1:0`. Only a name that says exactly the model counts, so that a quota
//! for long contexts, or for another size of the model, is never taken for it.

/// Kinds of pools, as the names tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolKind {
    OnDemand,
    Geographic,
    Global,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    Requests,
    Tokens,
}

/// The cap on all models together.
pub const TOKENS_PER_DAY: &str = "Cross-Model Max Tokens Per Day";

impl PoolKind {
    pub const fn name(self) -> &'static str {
        match self {
            PoolKind::OnDemand => "on demand",
            PoolKind::Geographic => "profile",
            PoolKind::Global => "global profile",
        }
    }
}

/// Whether a quota's name is that of a pool.
pub fn fits(name: &str, kind: PoolKind, counts: Counts, model: &str) -> bool {
    let name = name.to_lowercase();
    let Some((what, whose)) = name.split_once(" per minute for ") else { return false };
    let kind_fits = match kind {
        PoolKind::OnDemand => what.starts_with("on-demand"),
        PoolKind::Geographic => what.starts_with("cross-region"),
        PoolKind::Global => what.starts_with("global"),
    };
    let counts_fits = what.ends_with(match counts {
        Counts::Requests => "requests",
        Counts::Tokens => "tokens",
    });
    kind_fits && counts_fits && words_of_name(whose) == words_of_id(model)
}

/// Makers, whose names stand before the models' in one order or another.
const MAKERS: &[&str] = &[
    "ai21",
    "labs",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "mistral",
    "ai",
    "moonshot",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "minimax",
    "zai",
    "z",
];

fn words_of_name(name: &str) -> Vec<String> {
    let words = name.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty());
    kept(words.map(str::to_owned).collect())
}

/// `claude-3-5-sonnet-20241022-v2:0` is `claude 3.5 sonnet v2`, and `llama3-3-70b-instruct-v1:0` is `llama 3.3 70b instruct`.
fn words_of_id(id: &str) -> Vec<String> {
    let id = id.to_lowercase();
    let (maker, rest) = id.split_once('.').unwrap_or(("", &id));
    let rest = rest.split(':').next().unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    for part in rest.split('-').filter(|part| !is_date(part)) {
        let (letters, digits) = split(part);
        let number = letters.is_empty() && !digits.is_empty();
        match words.last_mut() {
            Some(last) if number && last.ends_with(|c: char| c.is_ascii_digit()) => {
                *last += &format!(".{digits}")
            }
            _ if number || digits.is_empty() || letters == "v" => words.push(part.to_owned()),
            _ => words.extend([letters.to_owned(), digits.to_owned()]),
        }
    }
    let maker = maker.to_owned();
    kept(words.into_iter().filter(|word| *word != maker).collect())
}

/// Without makers, and without a first version, which most names leave out.
fn kept(words: Vec<String>) -> Vec<String> {
    let dropped = |word: &str| MAKERS.contains(&word) || word == "v1";
    words.into_iter().filter(|word| !dropped(word)).collect()
}

fn is_date(part: &str) -> bool {
    part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Letters, then digits up to the end; `70b` is all letters in this sense.
fn split(part: &str) -> (&str, &str) {
    let digits = part.len() - part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    part.split_at(part.len() - digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_quotas_are_told_by_their_words() {
        use Counts::{Requests, Tokens};
        use PoolKind::{Geographic, Global, OnDemand};
        let sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        let table = [
            (
                "Cross-Region InvokeModel tokens per minute for Anthropic Claude Sonnet 4.5",
                Geographic,
                Tokens,
                sonnet,
                true,
            ),
            (
                "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5 V1",
                Geographic,
                Tokens,
                sonnet,
                true,
            ),
            (
                "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5 V1 1M Context Length",
                Geographic,
                Tokens,
                sonnet,
                false,
            ),
            (
                "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4",
                Geographic,
                Tokens,
                sonnet,
                false,
            ),
            (
                "Global cross-Region model inference tokens per minute for Anthropic Claude Sonnet 4.5",
                Global,
                Tokens,
                sonnet,
                true,
            ),
            (
                "Global cross-Region model inference tokens per minute for Anthropic Claude Sonnet 4.5",
                Geographic,
                Tokens,
                sonnet,
                false,
            ),
            (
                "Global cross-Region model inference tokens per day for Anthropic Claude Sonnet 4.5",
                Global,
                Tokens,
                sonnet,
                false,
            ),
            (
                "On-demand model inference requests per minute for Anthropic Claude 3 Haiku",
                OnDemand,
                Requests,
                "anthropic.claude-3-haiku-20240307-v1:0",
                true,
            ),
            (
                "On-demand model inference requests per minute for Anthropic Claude 3 Haiku",
                OnDemand,
                Tokens,
                "anthropic.claude-3-haiku-20240307-v1:0",
                false,
            ),
            (
                "On-demand model inference requests per minute for Anthropic Claude 3.5 Haiku",
                OnDemand,
                Requests,
                "anthropic.claude-3-haiku-20240307-v1:0",
                false,
            ),
            (
                "On-demand model inference tokens per minute for Anthropic Claude 3.5 Sonnet V2",
                OnDemand,
                Tokens,
                "anthropic.claude-3-5-sonnet-20241022-v2:0",
                true,
            ),
            (
                "On-demand model inference tokens per minute for Anthropic Claude 3.5 Sonnet",
                OnDemand,
                Tokens,
                "anthropic.claude-3-5-sonnet-20241022-v2:0",
                false,
            ),
            (
                "On-demand model inference tokens per minute for Anthropic Claude 3.5 Sonnet",
                OnDemand,
                Tokens,
                "anthropic.claude-3-5-sonnet-20240620-v1:0",
                true,
            ),
            (
                "On-demand InvokeModel tokens per minute for Amazon Nova Pro",
                OnDemand,
                Tokens,
                "amazon.nova-pro-v1:0",
                true,
            ),
            (
                "On-demand InvokeModel tokens per minute for Amazon Nova 2 Lite",
                OnDemand,
                Tokens,
                "amazon.nova-2-lite-v1:0",
                true,
            ),
            (
                "On-demand InvokeModel tokens per minute for Amazon Nova Lite",
                OnDemand,
                Tokens,
                "amazon.nova-2-lite-v1:0",
                false,
            ),
            (
                "Cross-region model inference tokens per minute for Meta Llama 3.3 70B Instruct",
                Geographic,
                Tokens,
                "meta.llama3-3-70b-instruct-v1:0",
                true,
            ),
            (
                "On-demand model inference tokens per minute for Mistral AI Mistral Large 2407",
                OnDemand,
                Tokens,
                "mistral.mistral-large-2407-v1:0",
                true,
            ),
            (
                "On-demand model inference tokens per minute for Mistral Large 2407",
                OnDemand,
                Tokens,
                "mistral.mistral-large-2402-v1:0",
                false,
            ),
            (TOKENS_PER_DAY, Global, Tokens, sonnet, false),
        ];
        for (name, kind, counts, model, expected) in table {
            assert_eq!(fits(name, kind, counts, model), expected, "{name} for {model}");
        }
    }
}
