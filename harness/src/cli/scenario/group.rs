//! A log group of CloudWatch Logs as the source of records.

use clap::Args;
use jiff::Timestamp;

use crate::{
    aws::{self, AwsArgs},
    exit::Exit,
    observe::{
        cloud::{
            Cloud, Patience,
            collect::{Place, Window},
        },
        record::Line,
        records::Counts,
    },
};

#[derive(Debug, Args)]
pub struct GroupArgs {
    /// Read this log group, in the Region that --region names, instead of files.
    #[arg(long, value_name = "NAME", conflicts_with = "logs")]
    pub log_group: Option<String>,
    /// The profile of the AWS CLI whose credentials read the log group.
    #[arg(long, value_name = "NAME", requires = "log_group")]
    profile: Option<String>,
    /// Where to send calls, instead of to AWS.
    #[arg(long, value_name = "URL", requires = "log_group")]
    endpoint_url: Option<String>,
}

/// Everything, where nothing else is said.
pub fn window(from: Option<Timestamp>, to: Option<Timestamp>) -> Window {
    let to = to.unwrap_or_else(Timestamp::now);
    Window { from_ms: from.map_or(0, Timestamp::as_millisecond), to_ms: to.as_millisecond() }
}

impl GroupArgs {
    /// Gives each record to `take`, in the order of their times.
    pub fn read(
        &self,
        name: &str,
        region: Option<&str>,
        window: Window,
        mut take: impl FnMut(Line),
    ) -> anyhow::Result<Result<Counts, Exit>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let aws = AwsArgs {
                profile: self.profile.clone(),
                regions: region.iter().map(|region| (*region).to_owned()).collect(),
                endpoint_url: self.endpoint_url.clone(),
                ..AwsArgs::default()
            };
            let access = match aws::load(&aws, region).await {
                Ok(access) => access,
                Err(error) => {
                    eprintln!("error: {error}");
                    eprintln!("help: {}", error.fix);
                    return Ok(Err(Exit::Access));
                }
            };
            let Some(region) = access.region().map(str::to_owned) else {
                eprintln!("error: no Region is named, and log groups are a Region's");
                eprintln!("help: say --region");
                return Ok(Err(Exit::Usage));
            };
            let cloud = Cloud::new(&access.in_region(&region), Patience::default());
            let (group, namespace) = (name.to_owned(), String::new());
            let mut counts = Counts::default();
            let mut each = |line: Line, _, _: &str| {
                counts.note(&line);
                take(line);
            };
            Place { cloud, region, group, namespace }.records(window, &mut each).await?;
            Ok(Ok(counts))
        })
    }
}
