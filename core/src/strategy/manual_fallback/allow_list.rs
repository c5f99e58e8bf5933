//! The shared module's check of model ids: a list of prefixes, behind the profiles that exist today. A target that
//! it refuses is never called; the program ends with an error of its own at every request.

const PREFIXES: [&str; 8] = [
    "anthropic.claude-",
    "amazon.nova-",
    "meta.llama",
    "us.",
    "eu.",
    "global.",
    // No profile has it.
    "regional.",
    // The standard partition only.
    "arn:aws:bedrock:",
];

const LENGTH_MAX: usize = 200;

/// Why the check refuses a model id.
pub(super) fn refusal(model_id: &str) -> Option<String> {
    if model_id.chars().count() > LENGTH_MAX {
        return Some(format!("its model check refuses ids of more than {LENGTH_MAX} characters"));
    }
    let known = PREFIXES.iter().any(|prefix| model_id.starts_with(prefix));
    (!known).then(|| format!("its model check refuses \"{model_id}\": it knows only {}", PREFIXES.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f3_4_a_profile_id_with_the_prefix_apac_is_refused() {
        assert!(refusal("apac.anthropic.claude-3-haiku-20240307-v1:0").is_some());
    }

    #[test]
    fn the_list_knows_three_vendors_and_four_prefixes_of_profiles() {
        for id in [
            "anthropic.claude-3-haiku-20240307-v1:0",
            "amazon.nova-lite-v1:0",
            "meta.llama3-8b-instruct-v1:0",
            "us.amazon.nova-lite-v1:0",
            "eu.amazon.nova-lite-v1:0",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl",
        ] {
            assert_eq!(refusal(id), None, "{id}");
        }
        for id in [
            "jp.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "au.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "ca.amazon.nova-lite-v1:0",
            "us-gov.anthropic.claude-3-haiku-20240307-v1:0",
            "mistral.mistral-large-2402-v1:0",
            "deepseek.r1-v1:0",
            "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:inference-profile/x",
        ] {
            assert!(refusal(id).is_some(), "{id}");
        }
        assert_eq!(refusal(&format!("us.{}", "x".repeat(197))), None);
        assert!(refusal(&format!("us.{}", "x".repeat(198))).is_some());
    }
}
