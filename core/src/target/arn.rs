//! Amazon resource names, as far as targets have them.

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE/ID`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    /// Such as `provisioned-model`.
    pub resource: &'a str,
    pub id: &'a str,
}

impl<'a> Arn<'a> {
    /// The id may hold colons and slashes itself.
    pub fn parse(text: &'a str) -> Option<Arn<'a>> {
        let mut parts = text.splitn(6, ':');
        let (scheme, partition) = (parts.next()?, parts.next()?);
        let (service, region, account) = (parts.next()?, parts.next()?, parts.next()?);
        let (resource, id) = parts.next()?.split_once('/')?;
        let known = partition == "aws" || partition.starts_with("aws-");
        (scheme == "arn" && known).then_some(Arn { service, region, account, resource, id })
    }

    pub fn has_account(&self) -> bool {
        is_account(self.account)
    }
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
