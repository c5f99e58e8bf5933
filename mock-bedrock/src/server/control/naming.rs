//! What Bedrock's console calls a model, read out of its id: `anthropic.claude-sonnet-4-5-20250929-v1:0` is Anthropic's
//! Claude Sonnet 4.5. A world may hold any id, so this is a rule and not a list.

/// A model as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    pub provider: String,
    pub name: String,
    pub input: &'static [&'static str],
    pub output: &'static [&'static str],
}

const PROVIDERS: [(&str, &str); 13] = [
    ("ai21", "AI21 Labs"),
    ("amazon", "Amazon"),
    ("anthropic", "Anthropic"),
    ("cohere", "Cohere"),
    ("deepseek", "DeepSeek"),
    ("google", "Google"),
    ("luma", "Luma AI"),
    ("meta", "Meta"),
    ("mistral", "Mistral AI"),
    ("openai", "OpenAI"),
    ("qwen", "Qwen"),
    ("stability", "Stability AI"),
    ("writer", "Writer"),
];

const TEXT: &[&str] = &["TEXT"];
const TEXT_IMAGE: &[&str] = &["TEXT", "IMAGE"];
const EMBEDDING: &[&str] = &["EMBEDDING"];

impl Naming {
    pub fn of(id: &str) -> Naming {
        let (vendor, rest) = id.split_once('.').unwrap_or(("", id));
        let provider =
            PROVIDERS.iter().find(|(known, _)| *known == vendor).map(|(_, name)| (*name).to_owned());
        let embeds = rest.contains("embed");
        let sees = rest.contains("claude-") && !rest.contains("claude-v2") && !rest.contains("instant")
            || ["nova-lite", "nova-pro", "nova-premier", "nova-2", "llama4"]
                .iter()
                .any(|name| rest.contains(name));
        Naming {
            provider: provider.unwrap_or_else(|| capital(vendor)),
            name: words(rest),
            input: if sees { TEXT_IMAGE } else { TEXT },
            output: if embeds { EMBEDDING } else { TEXT },
        }
    }

    /// As quotas name a model.
    pub fn full(&self) -> String {
        format!("{} {}", self.provider, self.name)
    }
}

/// The family that prompt routers must not mix: `anthropic.claude`, `amazon.nova`, `meta.llama`.
pub fn family(id: &str) -> String {
    let (vendor, rest) = id.split_once('.').unwrap_or((id, ""));
    let name: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    format!("{vendor}.{name}")
}

/// Prompt routing was refused for Claude 4 and later when it was last tried.
pub fn routes_prompts(id: &str) -> bool {
    match id.strip_prefix("anthropic.claude-") {
        Some(rest) => ["3-", "v2", "instant"].iter().any(|old| rest.starts_with(old)),
        None => id.starts_with("amazon.nova") || id.starts_with("meta.llama"),
    }
}

/// Words of an id with capitals, dates and versions left out, and numbers that follow one another joined by points.
fn words(rest: &str) -> String {
    let parts = rest.split([':', '/']).next().unwrap_or_default().split('-').flat_map(split_number);
    let mut words: Vec<String> = Vec::new();
    for part in parts.filter(|part| !is_date(part) && !is_version(part)) {
        match words.last_mut() {
            Some(last) if is_number(part) && is_number(last) => last.extend([".", part]),
            _ => words.push(if part.ends_with('b') && is_number(&part[..part.len() - 1]) {
                part.to_uppercase()
            } else {
                capital(part)
            }),
        }
    }
    words.join(" ")
}

/// `llama3` is two words, `70b` is one.
fn split_number(part: &str) -> impl Iterator<Item = &str> {
    let letters = part.len() - part.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (name, number) = part.split_at(part.len() - letters);
    let whole = name.is_empty() || name == "v" || number.is_empty();
    let (first, second) = if whole { (part, "") } else { (name, number) };
    [first, second].into_iter().filter(|word| !word.is_empty())
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn is_date(part: &str) -> bool {
    part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_out_of_ids() {
        let table = [
            ("anthropic.claude-3-haiku-20240307-v1:0", "Anthropic Claude 3 Haiku"),
            ("anthropic.claude-sonnet-4-5-20250929-v1:0", "Anthropic Claude Sonnet 4.5"),
            ("anthropic.claude-sonnet-4-6", "Anthropic Claude Sonnet 4.6"),
            ("anthropic.claude-3-5-haiku-20241022-v1:0", "Anthropic Claude 3.5 Haiku"),
            ("anthropic.claude-v2:1", "Anthropic Claude"),
            ("amazon.nova-pro-v1:0", "Amazon Nova Pro"),
            ("amazon.nova-2-lite-v1:0", "Amazon Nova 2 Lite"),
            ("amazon.titan-embed-text-v2:0", "Amazon Titan Embed Text"),
            ("meta.llama3-3-70b-instruct-v1:0", "Meta Llama 3.3 70B Instruct"),
            ("mistral.mistral-large-2407-v1:0", "Mistral AI Mistral Large 2407"),
            ("acme.rocket", "Acme Rocket"),
            ("plain", " Plain"),
        ];
        for (id, name) in table {
            assert_eq!(Naming::of(id).full(), name, "{id}");
        }
    }

    #[test]
    fn modalities_follow_the_family() {
        let table = [
            ("anthropic.claude-3-haiku-20240307-v1:0", TEXT_IMAGE, TEXT),
            ("amazon.nova-micro-v1:0", TEXT, TEXT),
            ("amazon.nova-lite-v1:0", TEXT_IMAGE, TEXT),
            ("amazon.titan-embed-text-v2:0", TEXT, EMBEDDING),
        ];
        for (id, input, output) in table {
            let naming = Naming::of(id);
            assert_eq!((naming.input, naming.output), (input, output), "{id}");
        }
    }

    #[test]
    fn families_keep_prompt_routers_together_and_new_claudes_have_none() {
        let table = [
            ("anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude", true),
            ("anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude", false),
            ("amazon.nova-pro-v1:0", "amazon.nova", true),
            ("meta.llama3-3-70b-instruct-v1:0", "meta.llama", true),
            ("mistral.mistral-large-2407-v1:0", "mistral.mistral", false),
        ];
        for (id, name, routes) in table {
            assert_eq!((&*family(id), routes_prompts(id)), (name, routes), "{id}");
        }
    }
}
