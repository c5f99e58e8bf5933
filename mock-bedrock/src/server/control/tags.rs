//! Tags on what callers made.

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Answer, Ask, Control,
    arn::Arn,
    ask::{Allowed, Body, invalid, required},
    holdings::{TAGS_MAX, Tags, missing},
    nothing, ok,
    profiles::{APPLICATION, mine},
    provisioned::PROVISIONED,
    routers::CUSTOM,
};
use crate::server::reply::{Layer, WireError};

impl Control {
    pub(super) fn tag(&mut self, ask: &Ask<'_>) -> Answer {
        let body = Body::of(ask.request)?;
        let new = match body.list("tags")? {
            Some(_) => read(&body, "tags")?,
            None => return Err(required("tags")),
        };
        let arn = body.required_text("resourceARN")?;
        let tags = self.tags_of(ask, arn)?;
        let added = new.keys().filter(|key| !tags.contains_key(*key)).count();
        if tags.len() + added > TAGS_MAX {
            return Err(too_many());
        }
        tags.extend(new);
        nothing()
    }

    pub(super) fn untag(&mut self, ask: &Ask<'_>) -> Answer {
        let body = Body::of(ask.request)?;
        let keys = body.list("tagKeys")?.ok_or_else(|| required("tagKeys"))?;
        let tags = self.tags_of(ask, body.required_text("resourceARN")?)?;
        for key in keys.iter().filter_map(Value::as_str) {
            tags.shift_remove(key);
        }
        nothing()
    }

    pub(super) fn list_tags(&mut self, ask: &Ask<'_>) -> Answer {
        let body = Body::of(ask.request)?;
        let tags = self.tags_of(ask, body.required_text("resourceARN")?)?;
        let list: Vec<Value> =
            tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        ok(json!({ "tags": list }))
    }

    fn tags_of(&mut self, ask: &Ask<'_>, text: &str) -> Result<&mut Tags, WireError> {
        let not_found = || missing("resource", text);
        let arn = Arn::parse(text).ok_or_else(|| invalid("The provided ARN is invalid."))?;
        if !mine(ask, &arn) {
            return Err(not_found());
        }
        let held = self.held_mut(ask);
        let tags = match arn.kind {
            APPLICATION => held.profiles.get_mut(arn.id).map(|one| &mut one.tags),
            PROVISIONED => held.provisioned.get_mut(arn.id).map(|one| &mut one.tags),
            CUSTOM => held.routers.get_mut(arn.id).map(|one| &mut one.tags),
            _ => None,
        };
        tags.ok_or_else(not_found)
    }
}

/// A list of tags in a body.
pub fn read(body: &Body<'_>, name: &str) -> Result<Tags, WireError> {
    let mut tags = Tags::new();
    for tag in body.structures(name, "tags")?.unwrap_or_default() {
        let key = tag.limited("key", 128, Allowed::Anything)?.ok_or_else(|| required("tags.key"))?;
        tags.insert(key.to_owned(), tag.required_text("value")?.to_owned());
    }
    if tags.len() > TAGS_MAX { Err(too_many()) } else { Ok(tags) }
}

fn too_many() -> WireError {
    let text = format!("The number of tags exceeds the limit of {TAGS_MAX}.");
    WireError::new(Layer::Bedrock, StatusCode::BAD_REQUEST, "TooManyTagsException", text)
}
