//! Names of Bedrock's resources.

use sha2::{Digest, Sha256};

/// An ARN of the service, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// Empty in the ARN that a global profile lists.
    pub region: &'a str,
    /// Empty for foundation models.
    pub account: &'a str,
    /// Such as `inference-profile`.
    pub kind: &'a str,
    pub id: &'a str,
}

impl<'a> Arn<'a> {
    pub fn parse(text: &'a str) -> Option<Arn<'a>> {
        let mut parts = text.splitn(6, ':');
        let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let (kind, id) = resource.split_once('/')?;
        let whole = arn == "arn" && partition.starts_with("aws") && service == "bedrock" && !id.is_empty();
        whole.then_some(Arn { region, account, kind, id })
    }
}

/// The partition that a Region lies in.
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("cn-") {
        "aws-cn"
    } else {
        "aws"
    }
}

pub fn model(region: &str, id: &str) -> String {
    format!("arn:{}:bedrock:{region}::foundation-model/{id}", partition(region))
}

/// A resource that belongs to an account.
pub fn owned(region: &str, account: &str, kind: &str, id: &str) -> String {
    format!("arn:{}:bedrock:{region}:{account}:{kind}/{id}", partition(region))
}

/// Twelve characters `[a-z0-9]`, as Bedrock's ids are; the same for the same parts.
pub fn id(parts: &[&str]) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    digest.iter().take(12).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_taken_apart_whole_or_not_at_all() {
        let profile = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.m-v1:0";
        let taken =
            Arn { region: "us-east-1", account: "111122223333", kind: "inference-profile", id: "us.m-v1:0" };
        assert_eq!(Arn::parse(profile), Some(taken));
        let global = Arn { region: "", account: "", kind: "foundation-model", id: "m" };
        assert_eq!(Arn::parse("arn:aws:bedrock:::foundation-model/m"), Some(global));
        let broken = [
            "",
            "m",
            "arn:aws:bedrock:r:a:kind",
            "arn:aws:bedrock:r:a:kind/",
            "arn:aws:s3:r:a:k/i",
            "arn:x:bedrock:::k/i",
        ];
        for text in broken {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ids_have_the_form_of_bedrocks_and_differ() {
        let (one, other) = (id(&["a", "b"]), id(&["ab"]));
        assert_ne!(one, other);
        assert_eq!(
            (one.len(), one.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())),
            (12, true)
        );
    }

    #[test]
    fn arns_lie_in_their_regions_partition() {
        assert_eq!(model("us-gov-west-1", "m"), "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/m");
        assert_eq!(
            owned("eu-west-1", "1", "prompt-router", "x"),
            "arn:aws:bedrock:eu-west-1:1:prompt-router/x"
        );
    }
}
