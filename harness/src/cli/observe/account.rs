//! The account at the other end: who calls, and one shell for each Region.

use super::Subject;
use crate::{
    aws::{self, Access},
    cli::Color,
    exit::Exit,
    observe::cloud::{Cloud, Patience},
};

/// Who calls, found once.
#[derive(Debug)]
pub struct Account {
    access: Access,
    pub id: String,
}

impl Account {
    /// Finds credentials and asks whose they are.
    pub async fn of(subject: &Subject, color: Color) -> Result<Account, Exit> {
        let region = subject.region(color)?;
        let refuse = |error: &dyn std::fmt::Display| {
            eprintln!("error: {error}");
            Exit::Access
        };
        let access = aws::load(&subject.aws, region.as_deref()).await.map_err(|error| refuse(&error))?;
        let identity = access.identity().await.map_err(|error| refuse(&error))?;
        eprintln!("account {} as {}", identity.account, identity.arn);
        Ok(Account { access, id: identity.account })
    }

    pub fn cloud(&self, region: &str) -> Cloud {
        Cloud::new(&self.access.in_region(region), Patience::default())
    }
}
