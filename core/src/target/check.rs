//! Targets that can never be called: ARNs of something else, two halves that do not fit together, endpoints that
//! are AWS's own. Whether a Region or a model exists is not known here.

use super::{
    Account, ApplicationProfile, External, PromptRouter, Provisioned, TargetSpec,
    arn::{Arn, is_account},
    base_model,
};

/// What cannot work about a target, with the key it concerns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TargetProblem {
    /// Keys below the target's name, such as `["provisioned", "arn"]`.
    pub path: Vec<String>,
    pub message: String,
    pub hint: String,
}

/// A resource of Bedrock that an ARN may name.
struct Resource {
    what: &'static str,
    names: &'static [&'static str],
    /// Whether its id is twelve small letters and digits.
    twelve: bool,
    example: &'static str,
}

const PROVISIONED: Resource = Resource {
    what: "a provisioned model",
    names: &["provisioned-model"],
    twelve: true,
    example: "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl",
};
const APPLICATION: Resource = Resource {
    what: "an application inference profile",
    names: &["application-inference-profile"],
    twelve: true,
    example: "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl",
};
const ROUTER: Resource = Resource {
    what: "a prompt router",
    names: &["prompt-router", "default-prompt-router"],
    twelve: false,
    example: "arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/amazon.nova:1",
};

impl TargetSpec {
    /// Everything about it that can never work, whatever the world.
    pub fn problems(&self) -> Vec<TargetProblem> {
        let mut found = Found { kind: self.kind(), problems: Vec::new() };
        match self {
            TargetSpec::OnDemand(_) | TargetSpec::Profile(_) => {}
            TargetSpec::ApplicationProfile(target) => found.application_profile(target),
            TargetSpec::Provisioned(Provisioned { region, arn, account, .. }) => {
                found.arn(&PROVISIONED, arn, region, account.as_ref());
            }
            TargetSpec::PromptRouter(target) => found.prompt_router(target),
            TargetSpec::External(target) => found.external(target),
        }
        found.account(self.account());
        found.names(self);
        found.problems
    }
}

struct Found {
    kind: &'static str,
    problems: Vec<TargetProblem>,
}

impl Found {
    fn add(&mut self, keys: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        let path = [self.kind].iter().chain(keys).map(|key| (*key).to_owned()).collect();
        self.problems.push(TargetProblem { path, message: message.into(), hint: hint.into() });
    }

    fn arn(&mut self, wanted: &Resource, text: &str, region: &str, account: Option<&Account>) {
        let names = |arn: &Arn<'_>| arn.service == "bedrock" && wanted.names.contains(&arn.resource);
        let Some(arn) = Arn::parse(text).filter(names) else {
            let message = format!("\"{text}\" is not the ARN of {}", wanted.what);
            return self.add(&["arn"], message, format!("write such as \"{}\"", wanted.example));
        };
        if !arn.has_account() {
            let message = format!("\"{}\" is not an account", arn.account);
            self.add(&["arn"], message, "an account is twelve digits, such as 111122223333");
        }
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if arn.id.is_empty() || wanted.twelve && !(arn.id.len() == 12 && arn.id.bytes().all(letters)) {
            let message = format!("\"{}\" is not the id of {}", arn.id, wanted.what);
            self.add(&["arn"], message, format!("copy the whole ARN, such as \"{}\"", wanted.example));
        }
        if arn.region != region {
            let message = format!("the ARN lies in {}, not in {region}", arn.region);
            self.add(&["arn"], message, format!("call it in {}", arn.region));
        }
        if let Some(Account::Role(role)) = account
            && let Some(role) = Arn::parse(role)
            && role.account != arn.account
        {
            let message = format!("it belongs to account {}, and the role to {}", arn.account, role.account);
            self.add(&["account", "role"], message, "assume a role of the account that has it");
        }
    }

    fn application_profile(&mut self, target: &ApplicationProfile) {
        self.arn(&APPLICATION, &target.arn, &target.region, target.account.as_ref());
        if target.copies.contains("application-inference-profile") {
            let hint = "write the base model or cross-Region profile that it was made from";
            self.add(&["copies"], "an application profile is not made from another one", hint);
        }
    }

    fn prompt_router(&mut self, target: &PromptRouter) {
        self.arn(&ROUTER, &target.arn, &target.region, target.account.as_ref());
        let [one, other] = target.models.as_slice() else {
            let message = format!("a prompt router picks from two models, not {}", target.models.len());
            return self.add(
                &["models"],
                message,
                "write both, such as [amazon.nova-lite-v1:0, amazon.nova-pro-v1:0]",
            );
        };
        if one == other {
            self.add(&["models"], "both models are the same", "call it without a router");
        } else if family(one) != family(other) {
            let message = format!("\"{one}\" and \"{other}\" are not of one family");
            self.add(&["models"], message, "a prompt router picks between models such as two of amazon.nova");
        }
    }

    fn external(&mut self, target: &External) {
        let Some(host) = host(&target.endpoint) else {
            let message = format!("\"{}\" is not an endpoint", target.endpoint);
            return self.add(&["endpoint"], message, "write such as \"https://gateway.example\"");
        };
        if host.ends_with(".amazonaws.com") || host.ends_with(".api.aws") {
            let message = format!("{host} is AWS itself");
            let hint = "write on_demand, profile or another kind with its region, and leave the endpoint out";
            self.add(&["endpoint"], message, hint);
        }
        if target.model.is_empty() {
            self.add(&["model"], "there is no model", "write the model id as the endpoint knows it");
        }
    }

    fn account(&mut self, account: Option<&Account>) {
        match account {
            Some(Account::Profile(name)) if name.trim().is_empty() => {
                let hint = "write the name of a profile in your AWS configuration";
                self.add(&["account", "profile"], "the profile has no name", hint);
            }
            Some(Account::Role(role)) => self.role(role),
            _ => {}
        }
    }

    fn role(&mut self, role: &str) {
        const EXAMPLE: &str = "write such as \"arn:aws:iam::111122223333:role/bedrock-caller\"";
        let named = |arn: &Arn<'_>| arn.service == "iam" && arn.resource == "role" && !arn.id.is_empty();
        match Arn::parse(role).filter(named) {
            None => {
                self.add(&["account", "role"], format!("\"{role}\" is not the ARN of a role"), EXAMPLE);
            }
            Some(arn) if !is_account(arn.account) => {
                let message = match arn.account {
                    "" => "the role has no account".to_owned(),
                    other => format!("\"{other}\" is not the account of a role"),
                };
                self.add(&["account", "role"], message, EXAMPLE);
            }
            Some(_) => {}
        }
    }

    fn names(&mut self, target: &TargetSpec) {
        let common = target.common();
        for (key, name) in [("pool", common.pool), ("domain", common.domain)] {
            if name.is_some_and(|name| name.trim().is_empty()) {
                self.add(&[key], format!("the {key} has no name"), "write one, or leave it out");
            }
        }
    }
}

/// Host of an http or https address, without its port.
fn host(endpoint: &str) -> Option<&str> {
    let (scheme, rest) = endpoint.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => host.split(':').next()?,
    };
    let fit = !host.is_empty() && !host.contains(char::is_whitespace);
    (matches!(scheme, "http" | "https") && fit).then_some(host)
}

/// Vendor and product line, such as `amazon.nova`: the word up to the first sign that is no letter.
fn family(id: &str) -> &str {
    let id = base_model(id);
    let vendor = id.find('.').map_or(0, |dot| dot + 1);
    let line = id[vendor..].find(|letter: char| !letter.is_ascii_alphabetic());
    line.map_or(id, |end| &id[..vendor + end])
}
