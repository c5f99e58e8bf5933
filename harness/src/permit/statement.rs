//! A policy as IAM reads it. Lists are sorted and hold nothing twice, so that one scenario always gives one text.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Operator, then key, then values.
pub type Conditions = BTreeMap<&'static str, BTreeMap<&'static str, BTreeSet<String>>>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    pub statement: Vec<Statement>,
}

/// What one statement allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    pub sid: &'static str,
    effect: &'static str,
    pub action: BTreeSet<&'static str>,
    pub resource: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub condition: Conditions,
}

impl Policy {
    /// Leaves out statements that are about nothing.
    pub fn new(statements: Vec<Statement>) -> Policy {
        let statement =
            statements.into_iter().filter(|one| !one.resource.is_empty() && !one.action.is_empty()).collect();
        Policy { version: "2012-10-17", statement }
    }
}

impl Statement {
    pub fn new(
        sid: &'static str,
        actions: impl IntoIterator<Item = &'static str>,
        resources: impl IntoIterator<Item = String>,
    ) -> Statement {
        Statement {
            sid,
            effect: "Allow",
            action: actions.into_iter().collect(),
            resource: resources.into_iter().collect(),
            condition: Conditions::new(),
        }
    }

    /// For actions that name no resource.
    pub fn on_all(sid: &'static str, actions: impl IntoIterator<Item = &'static str>) -> Statement {
        Statement::new(sid, actions, ["*".to_owned()])
    }

    pub fn when(
        mut self,
        operator: &'static str,
        key: &'static str,
        values: impl IntoIterator<Item = String>,
    ) -> Statement {
        self.condition.entry(operator).or_default().entry(key).or_default().extend(values);
        self
    }

    /// Only in these Regions.
    pub fn in_regions<'a>(self, regions: impl IntoIterator<Item = &'a str>) -> Statement {
        let regions: Vec<String> = regions.into_iter().map(str::to_owned).collect();
        if regions.is_empty() {
            Statement { resource: BTreeSet::new(), ..self }
        } else {
            self.when("StringEquals", "aws:RequestedRegion", regions)
        }
    }
}
