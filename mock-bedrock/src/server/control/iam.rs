//! IAM, as far as somebody needs it who makes the role that Bedrock writes logs by: roles and their inline policies.
//!
//! Roles belong to the account, whatever the Region. A role that was just made or changed is not usable at once, as in the
//! real IAM, where changes take a while to be seen everywhere; how long is a setting. A role that was never made here is
//! taken to be right.

mod policy;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::{
    Ask, Control,
    form::{escape, xml},
    holdings::Tags,
    sts::parameter,
};
use crate::{Nanos, server::auth::session::letters};

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
const VERSION: &str = "2010-05-08";
const ROLES_MAX: usize = 1_000;
const POLICIES_MAX: usize = 100;
/// Most characters of a policy.
const DOCUMENT_MAX: usize = 10_240;

#[derive(Debug, Clone)]
pub struct Role {
    path: String,
    description: Option<String>,
    trust: String,
    policies: BTreeMap<String, String>,
    tags: Tags,
    made: Nanos,
    /// When it or one of its policies was last changed.
    changed: Nanos,
}

/// Roles by account and name.
pub type Roles = BTreeMap<(String, String), Role>;

/// Status, name and text.
type Refusal = (StatusCode, &'static str, String);

/// Whether a form is for IAM.
pub fn is_meant(ask: &Ask<'_>) -> bool {
    ask.caller.service == "iam" || parameter(ask.request, "Version").as_deref() == Some(VERSION)
}

impl Control {
    pub(super) fn iam(&mut self, ask: &Ask<'_>, request_id: &str) -> Response<Bytes> {
        let action = parameter(ask.request, "Action").unwrap_or_default();
        let result = match action.as_str() {
            "CreateRole" => self.create_role(ask),
            "GetRole" => self.role(ask).map(|(name, role)| told(ask, name, role)),
            "DeleteRole" => self.delete_role(ask),
            "UpdateAssumeRolePolicy" => self.update_trust(ask),
            "PutRolePolicy" => self.put_policy(ask),
            "GetRolePolicy" => self.get_policy(ask),
            "ListRolePolicies" => self.list_policies(ask),
            "DeleteRolePolicy" => self.delete_policy(ask),
            "ListRoleTags" => {
                self.role(ask).map(|(_, role)| tags_of(role) + "<IsTruncated>false</IsTruncated>")
            }
            "TagRole" => self.tag_role(ask),
            // What others may have attached is nothing here, and clients ask before they delete.
            "ListAttachedRolePolicies" => {
                self.role(ask).map(|_| "<AttachedPolicies/><IsTruncated>false</IsTruncated>".to_owned())
            }
            action => Err((
                StatusCode::BAD_REQUEST,
                "InvalidAction",
                format!("Could not find operation {action} for version {VERSION}"),
            )),
        };
        match result {
            Ok(result) => {
                let body = format!(
                    "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result>\
                     <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
                );
                xml(StatusCode::OK, body, request_id)
            }
            Err((status, name, text)) => {
                let body = format!(
                    "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{name}</Code>\
                     <Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
                    escape(&text)
                );
                xml(status, body, request_id)
            }
        }
    }

    /// Why Bedrock cannot use a role to write to a log group; none if it can.
    pub(super) fn role_refuses(&self, ask: &Ask<'_>, role: &str, group_arn: &str) -> bool {
        let name = role.rsplit('/').next().unwrap_or_default();
        let Some(known) = self.roles.get(&(ask.caller.account.clone(), name.to_owned())) else {
            return false;
        };
        let seen = known.changed.saturating_add(self.settings.role_usable_after) <= ask.when.now;
        let stream = format!("{group_arn}:log-stream:{}", crate::cloudwatch::STREAM);
        let may =
            |action: &str| known.policies.values().any(|policy| policy::allows(policy, action, &stream));
        !(seen
            && policy::trusts(&known.trust, "bedrock.amazonaws.com")
            && may("logs:CreateLogStream")
            && may("logs:PutLogEvents"))
    }

    fn create_role(&mut self, ask: &Ask<'_>) -> Result<String, Refusal> {
        let name = name(ask, "RoleName")?;
        let trust = document(ask, "AssumeRolePolicyDocument")?;
        let path = parameter(ask.request, "Path").unwrap_or_else(|| "/".to_owned());
        if !path.starts_with('/') || !path.ends_with('/') {
            return Err(invalid(
                "The specified value for path is invalid. It must begin and end with /".to_owned(),
            ));
        }
        let key = (ask.caller.account.clone(), name.clone());
        if self.roles.contains_key(&key) {
            let text = format!("Role with name {name} already exists.");
            return Err((StatusCode::CONFLICT, "EntityAlreadyExists", text));
        }
        if self.roles.len() >= ROLES_MAX {
            let text = format!("Cannot exceed quota for RolesPerAccount: {ROLES_MAX}");
            return Err((StatusCode::CONFLICT, "LimitExceeded", text));
        }
        let now = ask.when.now;
        let role = Role {
            path,
            description: parameter(ask.request, "Description"),
            trust,
            policies: BTreeMap::new(),
            tags: tags(ask),
            made: now,
            changed: now,
        };
        let result = told(ask, &name, &role);
        self.roles.insert(key, role);
        Ok(result)
    }

    fn role<'a>(&'a self, ask: &Ask<'_>) -> Result<(&'a str, &'a Role), Refusal> {
        let name = name(ask, "RoleName")?;
        let found = self.roles.get_key_value(&(ask.caller.account.clone(), name.clone()));
        found.map(|((_, name), role)| (name.as_str(), role)).ok_or_else(|| no_role(&name))
    }

    fn role_mut(&mut self, ask: &Ask<'_>) -> Result<&mut Role, Refusal> {
        let name = name(ask, "RoleName")?;
        let role = self.roles.get_mut(&(ask.caller.account.clone(), name.clone()));
        role.ok_or_else(|| no_role(&name))
    }

    fn delete_role(&mut self, ask: &Ask<'_>) -> Result<String, Refusal> {
        let (name, role) = self.role(ask)?;
        if !role.policies.is_empty() {
            let text = "Cannot delete entity, must delete policies first.";
            return Err((StatusCode::CONFLICT, "DeleteConflict", text.to_owned()));
        }
        let key = (ask.caller.account.clone(), name.to_owned());
        self.roles.remove(&key);
        Ok(String::new())
    }

    fn update_trust(&mut self, ask: &Ask<'_>) -> Result<String, Refusal> {
        let trust = document(ask, "PolicyDocument")?;
        let role = self.role_mut(ask)?;
        (role.trust, role.changed) = (trust, ask.when.now);
        Ok(String::new())
    }

    fn put_policy(&mut self, ask: &Ask<'_>) -> Result<String, Refusal> {
        let (policy, text) = (name(ask, "PolicyName")?, document(ask, "PolicyDocument")?);
        let role = self.role_mut(ask)?;
        if role.policies.len() >= POLICIES_MAX && !role.policies.contains_key(&policy) {
            let text = format!("Cannot exceed quota for PoliciesPerRole: {POLICIES_MAX}");
            return Err((StatusCode::CONFLICT, "LimitExceeded", text));
        }
        // The same again changes nothing that would have to be seen everywhere.
        if role.policies.get(&policy) != Some(&text) {
            role.changed = ask.when.now;
        }
        role.policies.insert(policy, text);
        Ok(String::new())
    }

    fn get_policy(&mut self, ask: &Ask<'_>) -> Result<String, Refusal> {
        let policy = name(ask, "PolicyName")?;
        let (role, held) = self.role(ask)?;
        let text = held.policies.get(&policy).ok_or_else(|| no_policy(&policy))?;
        Ok(format!(
            "<RoleName>{}</RoleName><PolicyName>{}</PolicyName><PolicyDocument>{}</PolicyDocument>",
            escape(role),
            escape(&policy),
            percent(text)
        ))
    }

    fn list_policies(&mut self, ask: &Ask<'_>) -> Result<String, Refusal> {
        let (_, role) = self.role(ask)?;
        let members: String =
            role.policies.keys().map(|name| format!("<member>{}</member>", escape(name))).collect();
        Ok(format!("<PolicyNames>{members}</PolicyNames><IsTruncated>false</IsTruncated>"))
    }

    fn delete_policy(&mut self, ask: &Ask<'_>) -> Result<String, Refusal> {
        let policy = name(ask, "PolicyName")?;
        let role = self.role_mut(ask)?;
        role.policies.remove(&policy).ok_or_else(|| no_policy(&policy))?;
        role.changed = ask.when.now;
        Ok(String::new())
    }

    fn tag_role(&mut self, ask: &Ask<'_>) -> Result<String, Refusal> {
        let more = tags(ask);
        self.role_mut(ask)?.tags.extend(more);
        Ok(String::new())
    }
}

fn invalid(text: String) -> Refusal {
    (StatusCode::BAD_REQUEST, "ValidationError", text)
}

fn no_role(name: &str) -> Refusal {
    (StatusCode::NOT_FOUND, "NoSuchEntity", format!("The role with name {name} cannot be found."))
}

fn no_policy(name: &str) -> Refusal {
    (StatusCode::NOT_FOUND, "NoSuchEntity", format!("The role policy with name {name} cannot be found."))
}

fn name(ask: &Ask<'_>, member: &str) -> Result<String, Refusal> {
    let most = if member == "RoleName" { 64 } else { 128 };
    let text = parameter(ask.request, member).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c);
    if text.is_empty() || text.len() > most || !text.chars().all(allowed) {
        return Err(invalid(format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: \
             +=,.@_- and at most {most} of them"
        )));
    }
    Ok(text)
}

/// A policy's text, as it was sent.
fn document(ask: &Ask<'_>, member: &str) -> Result<String, Refusal> {
    let text = parameter(ask.request, member).unwrap_or_default();
    if text.len() > DOCUMENT_MAX {
        let text = format!("Maximum policy size of {DOCUMENT_MAX} bytes exceeded");
        return Err((StatusCode::CONFLICT, "LimitExceeded", text));
    }
    if policy::is_well_formed(&text) {
        return Ok(text);
    }
    let text = "This policy contains invalid Json, or no statements with Effect and Action";
    Err((StatusCode::BAD_REQUEST, "MalformedPolicyDocument", text.to_owned()))
}

fn tags(ask: &Ask<'_>) -> Tags {
    let pairs = (1..=super::holdings::TAGS_MAX).map_while(|place| {
        let part = |name: &str| parameter(ask.request, &format!("Tags.member.{place}.{name}"));
        Some((part("Key")?, part("Value").unwrap_or_default()))
    });
    pairs.collect()
}

fn tags_of(role: &Role) -> String {
    let member = |(key, value): (&String, &String)| {
        format!("<member><Key>{}</Key><Value>{}</Value></member>", escape(key), escape(value))
    };
    format!("<Tags>{}</Tags>", role.tags.iter().map(member).collect::<String>())
}

fn told(ask: &Ask<'_>, name: &str, role: &Role) -> String {
    let partition = super::arn::partition(&ask.caller.region);
    let arn = format!("arn:{partition}:iam::{}:role{}{name}", ask.caller.account, role.path);
    let description = role
        .description
        .as_ref()
        .map(|text| format!("<Description>{}</Description>", escape(text)))
        .unwrap_or_default();
    format!(
        "<Role><Path>{}</Path><RoleName>{}</RoleName><RoleId>{}</RoleId><Arn>{}</Arn><CreateDate>{}</CreateDate>\
         <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument>{description}<MaxSessionDuration>3600</MaxSessionDuration>{}\
         </Role>",
        escape(&role.path),
        escape(name),
        letters("AROA", &arn, 17),
        escape(&arn),
        ask.when.text(role.made),
        percent(&role.trust),
        if role.tags.is_empty() { String::new() } else { tags_of(role) }
    )
}

/// Policies come back percent-encoded.
fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}
