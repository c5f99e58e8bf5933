//! Asks AWS everything that the checks need. All of it reads and none of it costs anything; calls go out side by side.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_config::SdkConfig;
use aws_sdk_bedrock::{
    Client as Bedrock,
    types::{
        AgreementStatus, AuthorizationStatus, EntitlementAvailability, InferenceType, RegionAvailability,
    },
};
use aws_sdk_servicequotas::Client as Quotas;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextRef, dyn_dispatch_hint},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{DateTime, config_bag::ConfigBag, date_time::Format};
use richter_core::target::{Account, TargetSpec, base_model};
use richter_mock_bedrock::profile::split_geography;

use super::facts::{
    AccountFacts, Availability, CredentialFacts, Facts, LoggingFacts, PlaceFacts, ProfileFacts, QuotaFacts,
    TargetFacts, Told,
};
use crate::{
    aws::{Access, AccessError, Source},
    scenario::plan::Plan,
};

/// What one account can be asked with, or why it cannot.
type Way = Result<Asker, AccessError>;

pub async fn facts(plan: &Plan, access: &Access) -> Facts {
    let dates = Dates::default();
    let mut ways: Vec<(Option<Account>, Way)> = vec![(None, Ok(Asker::new(access.clone(), &dates)))];
    for account in plan.targets.iter().filter_map(|target| target.spec.account()) {
        if !ways.iter().any(|(known, _)| known.as_ref() == Some(account)) {
            let way = access.of_account(account).await.map(|access| Asker::new(access, &dates));
            ways.push((Some(account.clone()), way));
        }
    }
    let mut accounts = Vec::new();
    for (account, way) in &ways {
        accounts.push(account_facts(account.as_ref(), way).await);
    }
    let asked = plan.targets.iter().map(|target| {
        let account = ways.iter().position(|(known, _)| known.as_ref() == target.spec.account());
        let account = account.unwrap_or(0);
        let (name, spec, way) = (target.name.clone(), target.spec.clone(), ways[account].1.clone());
        async move {
            let (region, id) = (spec.region().to_owned(), spec.model_id().to_owned());
            TargetFacts { name, account, region, id, told: told(&way, &spec).await }
        }
    });
    let targets = all(asked).await;
    let places = places(&targets, &ways).await;
    let destinations = destinations(&targets, &ways).await;
    Facts { accounts, ahead_s: dates.ahead_s(), targets, places, destinations }
}

/// Runs them side by side; the results keep the order.
async fn all<T: Send + 'static>(
    asked: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = asked.map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        match task.await {
            Ok(result) => results.push(result),
            Err(broken) => std::panic::resume_unwind(broken.into_panic()),
        }
    }
    results
}

async fn account_facts(account: Option<&Account>, way: &Way) -> AccountFacts {
    let name = account.map_or("", Account::name).to_owned();
    match way {
        Err(error) => AccountFacts { name, credentials: Err(error.clone()), identity: Err(error.clone()) },
        Ok(asker) => {
            let access = &asker.access;
            let renewed = !matches!(access.source(), Source::Environment | Source::ApiKey);
            let credentials = CredentialFacts {
                source: access.source().to_string(),
                expires_unix_s: access.expires().and_then(unix_s),
                renewed,
                end_unknown: access.has_token() && access.expires().is_none(),
                api_key: access.has_api_key(),
                keys: access.has_keys(),
            };
            let identity = asker.identity().await;
            AccountFacts { name, credentials: Ok(credentials), identity }
        }
    }
}

fn unix_s(at: SystemTime) -> Option<u64> {
    at.duration_since(UNIX_EPOCH).ok().map(|span| span.as_secs())
}

async fn told(way: &Way, spec: &TargetSpec) -> Told {
    if let Some(endpoint) = spec.endpoint() {
        return Told::Nothing { why: format!("{endpoint} is no endpoint of AWS, and is not asked") };
    }
    let asker = match way {
        Ok(asker) => asker,
        Err(error) => return Told::Nothing { why: format!("its account cannot be asked: {error}") },
    };
    let region = spec.region();
    match spec {
        TargetSpec::OnDemand(_) => {
            let model = base_model(spec.model_id()).to_owned();
            let on_demand = asker.on_demand(region, &model).await;
            let available = asker.available(region, &model).await;
            Told::Model { model, on_demand, available }
        }
        TargetSpec::Profile(_) | TargetSpec::ApplicationProfile(_) => {
            Told::Profile { found: asker.profile(region, spec.model_id()).await }
        }
        TargetSpec::Provisioned(_) => {
            Told::Capacity { found: asker.provisioned(region, spec.model_id()).await, wanted: "InService" }
        }
        TargetSpec::PromptRouter(_) => {
            Told::Capacity { found: asker.router(region, spec.model_id()).await, wanted: "AVAILABLE" }
        }
        TargetSpec::External(_) => Told::Nothing { why: "it is no part of AWS".to_owned() },
    }
}

async fn places(
    targets: &[TargetFacts],
    ways: &[(Option<Account>, Way)],
) -> BTreeMap<(usize, String), PlaceFacts> {
    let mut wanted: BTreeMap<(usize, String), Asker> = BTreeMap::new();
    for target in targets.iter().filter(|target| !matches!(target.told, Told::Nothing { .. })) {
        if let Ok(asker) = &ways[target.account].1 {
            wanted.entry((target.account, target.region.clone())).or_insert_with(|| asker.clone());
        }
    }
    let asked = wanted.into_iter().map(|(key, asker)| async move {
        let (quotas, logging) = (asker.quotas(&key.1).await, asker.logging(&key.1).await);
        (key, PlaceFacts { quotas, logging })
    });
    all(asked).await.into_iter().collect()
}

async fn destinations(
    targets: &[TargetFacts],
    ways: &[(Option<Account>, Way)],
) -> BTreeMap<(usize, String, String), Result<Availability, AccessError>> {
    let mut wanted: BTreeMap<(usize, String, String), Asker> = BTreeMap::new();
    for target in targets {
        let (Told::Profile { found: Ok(profile) }, Ok(asker)) = (&target.told, &ways[target.account].1)
        else {
            continue;
        };
        // A global profile's request names no Region to a policy.
        for region in profile.destinations.iter().filter(|_| !profile.global) {
            for model in &profile.models {
                let key = (target.account, region.clone(), model.clone());
                wanted.entry(key).or_insert_with(|| asker.clone());
            }
        }
    }
    let asked = wanted.into_iter().map(|(key, asker)| async move {
        let available = asker.available(&key.1, &key.2).await;
        (key, available)
    });
    all(asked).await.into_iter().collect()
}

/// Clients of one account.
#[derive(Debug, Clone)]
struct Asker {
    access: Access,
    dates: Dates,
}

impl Asker {
    fn new(access: Access, dates: &Dates) -> Asker {
        Asker { access, dates: dates.clone() }
    }

    fn config(&self, region: &str) -> SdkConfig {
        self.access.in_region(region)
    }

    fn bedrock(&self, region: &str) -> Bedrock {
        let config = aws_sdk_bedrock::config::Builder::from(&self.config(region));
        Bedrock::from_conf(config.interceptor(self.dates.clone()).build())
    }

    async fn identity(&self) -> Result<crate::aws::Identity, AccessError> {
        self.access.identity().await
    }

    async fn on_demand(&self, region: &str, model: &str) -> Result<bool, AccessError> {
        let asked = self.bedrock(region).get_foundation_model().model_identifier(model).send().await;
        let asked = asked.map_err(|error| self.access.refused("bedrock:GetFoundationModel", &error))?;
        let types = asked.model_details().map(|details| details.inference_types_supported());
        Ok(types.is_some_and(|types| types.contains(&InferenceType::OnDemand)))
    }

    async fn available(&self, region: &str, model: &str) -> Result<Availability, AccessError> {
        let asked = self.bedrock(region).get_foundation_model_availability().model_id(model).send().await;
        let asked =
            asked.map_err(|error| self.access.refused("bedrock:GetFoundationModelAvailability", &error))?;
        let signed = asked
            .agreement_availability()
            .is_none_or(|agreement| *agreement.status() == AgreementStatus::Available);
        Ok(Availability {
            granted: signed
                && *asked.authorization_status() == AuthorizationStatus::Authorized
                && *asked.entitlement_availability() == EntitlementAvailability::Available,
            in_region: *asked.region_availability() == RegionAvailability::Available,
        })
    }

    async fn profile(&self, region: &str, id: &str) -> Result<ProfileFacts, AccessError> {
        let asked =
            self.bedrock(region).get_inference_profile().inference_profile_identifier(id).send().await;
        let asked = asked.map_err(|error| self.access.refused("bedrock:GetInferenceProfile", &error))?;
        let (mut models, mut destinations, mut global) = (Vec::new(), Vec::new(), false);
        for arn in asked.models().iter().filter_map(|model| model.model_arn()) {
            let (region, model) = (arn.split(':').nth(3).unwrap_or_default(), base_model(arn));
            // The model without a Region is how a global profile is told.
            global |= region.is_empty();
            keep(&mut models, model);
            if !region.is_empty() {
                keep(&mut destinations, region);
            }
        }
        let id = asked.inference_profile_id();
        global |= split_geography(id).is_some_and(|(geography, _)| geography == "global");
        Ok(ProfileFacts { status: asked.status().as_str().to_owned(), models, destinations, global })
    }

    async fn provisioned(&self, region: &str, arn: &str) -> Result<String, AccessError> {
        let asked =
            self.bedrock(region).get_provisioned_model_throughput().provisioned_model_id(arn).send().await;
        let asked =
            asked.map_err(|error| self.access.refused("bedrock:GetProvisionedModelThroughput", &error))?;
        Ok(asked.status().as_str().to_owned())
    }

    async fn router(&self, region: &str, arn: &str) -> Result<String, AccessError> {
        let asked = self.bedrock(region).get_prompt_router().prompt_router_arn(arn).send().await;
        let asked = asked.map_err(|error| self.access.refused("bedrock:GetPromptRouter", &error))?;
        Ok(asked.status().as_str().to_owned())
    }

    async fn logging(&self, region: &str) -> Result<Option<LoggingFacts>, AccessError> {
        let asked = self.bedrock(region).get_model_invocation_logging_configuration().send().await;
        let asked = asked
            .map_err(|error| self.access.refused("bedrock:GetModelInvocationLoggingConfiguration", &error))?;
        Ok(asked.logging_config().map(|config| LoggingFacts {
            group: config.cloud_watch_config().map(|logs| logs.log_group_name().to_owned()),
            bucket: config.s3_config().map(|bucket| bucket.bucket_name().to_owned()),
        }))
    }

    async fn quotas(&self, region: &str) -> Result<Vec<QuotaFacts>, AccessError> {
        if !self.access.has_keys() {
            return Err(AccessError::only_an_api_key());
        }
        let client = Quotas::new(&self.config(region));
        let mut pages = client.list_service_quotas().service_code("bedrock").into_paginator().items().send();
        let mut quotas = Vec::new();
        while let Some(quota) = pages.next().await {
            let quota =
                quota.map_err(|error| self.access.refused("servicequotas:ListServiceQuotas", &error))?;
            quotas.push(QuotaFacts {
                code: quota.quota_code().unwrap_or_default().to_owned(),
                name: quota.quota_name().unwrap_or_default().to_owned(),
                value: quota.value().unwrap_or_default(),
                adjustable: quota.adjustable(),
            });
        }
        Ok(quotas)
    }
}

fn keep(list: &mut Vec<String>, text: &str) {
    if !list.iter().any(|known| known == text) {
        list.push(text.to_owned());
    }
}

/// Reads the Date of each answer, and compares it with this machine's clock.
#[derive(Debug, Clone, Default)]
struct Dates(Arc<Mutex<Option<i64>>>);

impl Dates {
    /// By the last answer.
    fn ahead_s(&self) -> Option<i64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Dates {
    fn name(&self) -> &'static str {
        "Dates"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        let here = components.time_source().and_then(|time| unix_s(time.now()));
        if let (Some(there), Some(here)) = (date, here) {
            let ahead = i64::try_from(here).unwrap_or(i64::MAX).saturating_sub(there.secs());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
        Ok(())
    }
}
