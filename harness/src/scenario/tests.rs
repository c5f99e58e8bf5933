//! What people see when a scenario is wrong: a table of mistakes, each made in an otherwise sound scenario, and the
//! texts that follow. The texts are the specification; read them when they change.

use std::path::Path;

use super::{Checked, load_text, problem::Problems};

mod hostile;
mod include;

/// A sound scenario; the tests break it in one place each.
pub const SOUND: &str = include_str!("tests/sound.yaml");

const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";

pub fn load(text: &str) -> Result<Checked, Problems> {
    load_text("spike.yaml", text, Path::new("src/scenario/tests"))
}

/// One mistake: what it is, the text to replace, and what stands there instead.
type Case = (&'static str, &'static str, &'static str);

/// The rendered problems of each case under its title.
fn rendered(cases: &[Case]) -> String {
    let mut text = String::new();
    for (title, sound, broken) in cases {
        assert!(SOUND.contains(sound), "{title}: the sound scenario has no {sound:?}");
        let shown = match load(&SOUND.replacen(sound, broken, 1)) {
            Ok(checked) if checked.warnings.list.is_empty() => panic!("{title}: nothing was found wrong"),
            Ok(checked) => checked.warnings.to_string(),
            Err(problems) => problems.to_string(),
        };
        text += &format!("## {title}\n\n{shown}\n\n");
    }
    text
}

macro_rules! mistakes {
    ($($test:ident: [$($case:expr),+ $(,)?];)+) => {$(
        #[test]
        fn $test() {
            insta::assert_snapshot!(rendered(&[$($case),+]));
        }
    )+};
}

mistakes! {
    not_yaml: [
        ("a bracket is not closed", "api: invoke_model, input", "api: [invoke_model, input"),
        ("a tab indents", "  limiter:", "\tlimiter:"),
        ("a colon without a space", "name: spike", "name:spike"),
        ("a quote is not closed", "question: Which", "question: \"Which"),
        ("an unknown anchor", "rate: 4/s, arrivals", "rate: *calm, arrivals"),
        ("a tag", "seed: 7", "seed: !!int 7"),
        ("a merge key", "chat:", "<<:"),
        ("a list as a key", "seed: 7", "? [a, b]\n: 7"),
        ("a second document", "traffic:", "---\ntraffic:"),
        ("a directive", "version: 1", "%YAML 1.2\n---\nversion: 1"),
        ("a key written twice", "seed: 7", "seed: 7\nreplications: 3\nseed: 8"),
    ];
    versions: [
        ("no version", "version: 1\n", ""),
        ("a version of tomorrow", "version: 1", "version: 2"),
        ("no number at all", "version: 1", "version: one"),
    ];
    unknown_keys: [
        ("a slip in a section's name", "strategies:", "stragegies:"),
        ("a slip in a setting", "max_output: 4096", "max_ouput: 4096"),
        ("a hyphen for an underscore", "first_token: 5s", "first-token: 5s"),
        ("a setting of another tool", "seed: 7", "seed: 7\nthreads: 8"),
        ("a key that is not text", "seed: 7", "seed: 7\n12: 8"),
    ];
    unknown_choices: [
        ("an API", "api: converse_stream", "api: converse_streaming"),
        ("a limiter", "limiter: token_bucket", "limiter: leaky_bucket"),
        ("a kind of target", "east: { on_demand:", "east: { ondemand:"),
        ("a strategy", "one-region: { direct:", "one-region: { directly:"),
        ("a shape of the rate", "{ flash_crowd:", "{ flashcrowd:"),
        ("an arrival process", "arrivals: poisson", "arrivals: poison"),
        ("a distribution", "output: { log_normal:", "output: { lognormal:"),
        ("two choices at once", "one-region: { direct: { target: east } }", "one-region: { direct: { target: east }, sdk: { target: east } }"),
        ("a choice that needs settings", "one-region: { direct: { target: east } }", "one-region: direct"),
        ("settings for a choice that takes none", "arrivals: poisson", "arrivals: { poisson: { cv: 2 } }"),
    ];
    wrong_types: [
        ("text for a number", "seed: 7", "seed: seven"),
        ("a quoted number", "seed: 7", "seed: \"7\""),
        ("a negative number", "seed: 7", "seed: -7"),
        ("a number too large", "replications: 3", "replications: 5000000000"),
        ("a fraction", "replications: 3", "replications: 2.5"),
        ("yes for true", "measured: false", "measured: no"),
        ("a number for text", "name: spike", "name: 2026"),
        ("nothing for text", "direct: { target: east }", "direct: { target: }"),
        ("a word for a map", "slo: { first_token: 5s }", "slo: 5s"),
        ("a map for a list", "  phases:\n", "  phases: { calm: 2m }\n  ignored:\n"),
        ("a list for a map", "regions: { us-east-1: {}, us-west-2: { rtt: 62ms } }", "regions: [us-east-1, us-west-2]"),
        ("a list for text", "region: us-west-2, model", "region: [us-west-2], model"),
        ("a word for a target", "west: { on_demand: { region: us-west-2, model: anthropic.claude-3-haiku-20240307-v1:0 } }", "west: us-west-2"),
        ("a number for a strategy", "one-region: { direct: { target: east } }", "one-region: 5"),
        ("infinity", "burndown: 1", "burndown: .inf"),
    ];
    wrong_quantities: [
        ("a rate without a unit", "rate: 4/s, arrivals", "rate: 40, arrivals"),
        ("a rate per fortnight", "rate: 4/s, arrivals", "rate: 40/fortnight, arrivals"),
        ("a length without a unit", "for: 2m", "for: 120"),
        ("a length in beats", "for: 2m", "for: 2 beats"),
        ("a share without a unit", "share: 80%", "share: 0.8"),
        ("a share above the whole", "share: 80%", "share: 180%"),
        ("tokens with a fraction", "max_tokens: 1024", "max_tokens: 1.5"),
        ("tokens below nothing", "input: 4000", "input: -5"),
        ("a distribution upside down", "{ p50: 450ms, p99: 2s }", "{ p50: 2s, p99: 450ms }"),
        ("a distribution without a half", "{ p50: 450ms, p99: 2s }", "{ p50: 450ms }"),
        ("money without a currency", "spend: 5 USD", "spend: 5"),
        ("success without a length", "50% for 60s", "50%"),
    ];
    missing: [
        ("a field in a line", "region: us-west-2, model", "model"),
        ("a field in a block", "      max_output: 4096\n", ""),
        ("a question without words", "question: Which way keeps answers coming?", "question: \"\""),
        ("a name without a value", "name: spike", "name:"),
    ];
    targets: [
        ("a target that does not exist", "direct: { target: east }", "direct: { target: eats }"),
        ("one of several does not exist", "targets: [east, west]", "targets: [east, north]"),
        ("an ARN of something else", "profile: { source: us-east-1, id: us.anthropic.claude-3-haiku-20240307-v1:0 }", "application_profile: { region: us-east-1, arn: abcdefghijkl, copies: us.anthropic.claude-3-haiku-20240307-v1:0 }"),
        ("a copy of a model that is not in the world", "profile: { source: us-east-1, id: us.anthropic.claude-3-haiku-20240307-v1:0 }", "application_profile: { region: us-east-1, arn: \"arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl\", copies: amazon.nova-lite-v1:0 }"),
        ("provisioned capacity of somewhere else", "profile: { source: us-east-1, id: us.anthropic.claude-3-haiku-20240307-v1:0 }", "provisioned: { region: us-west-2, arn: \"arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl\" }"),
        ("a role without an account", "us-west-2, model: anthropic.claude-3-haiku-20240307-v1:0", "us-west-2, model: anthropic.claude-3-haiku-20240307-v1:0, account: { role: \"arn:aws:iam:::role/caller\" }"),
        ("a router over two families", "profile: { source: us-east-1, id: us.anthropic.claude-3-haiku-20240307-v1:0 }", "prompt_router: { region: us-east-1, arn: \"arn:aws:bedrock:us-east-1:111122223333:prompt-router/abc\", models: [anthropic.claude-3-haiku-20240307-v1:0, amazon.nova-lite-v1:0] }"),
        ("AWS as somebody else", "profile: { source: us-east-1, id: us.anthropic.claude-3-haiku-20240307-v1:0 }", "external: { endpoint: \"https://bedrock-runtime.us-east-1.amazonaws.com\", region: us-east-1, model: anthropic.claude-3-haiku-20240307-v1:0 }"),
        ("a target that nobody uses", "targets: [east, west]", "targets: [east]"),
        ("a Region that is not in the world", "region: us-west-2, model", "region: us-west-1, model"),
        ("a model that is not in the world", "east: { on_demand: { region: us-east-1, model: anthropic.claude-3-haiku-20240307-v1:0", "east: { on_demand: { region: us-east-1, model: anthropic.claude-3-sonnet-20240229-v1:0"),
        ("a profile called as a model", "model: anthropic.claude-3-haiku-20240307-v1:0 } }\n  us:", "model: us.anthropic.claude-3-haiku-20240307-v1:0 } }\n  us:"),
        ("a profile that leads nowhere", "source: us-east-1, id: us.", "source: us-east-1, id: eu."),
        ("a price for nobody", "prices: { east:", "prices: { north:"),
        ("half a price", "input: 0.25 USD/M, output: 1.25 USD/M", "input: 0.25 USD/M"),
        ("a price without a unit", "input: 0.25 USD/M", "input: 0.25"),
    ];
    names: [
        ("a name with a blank", "one-region:", "one region:"),
        ("an empty name", "batch:", "\"\":"),
        ("a name that fills a line", "batch:", "a-class-with-a-name-that-no-column-of-a-table-could-hold:"),
        ("no replications", "replications: 3", "replications: 0"),
        ("too many replications", "replications: 3", "replications: 1001"),
    ];
    worlds: [
        ("a Region's neighbour", "us-west-2: { requests: 400/min", "us-west-3: { requests: 400/min"),
        ("an account without quotas", "  quotas:\n", "  accounts: { own: {}, b: { quotas: { on_demand: { us-east-9: {} } } } }\n  quotas:\n"),
        ("a quota of nothing", "requests: 800/min", "requests: 0/min"),
    ];
    requests: [
        ("more output than the model has", "max_tokens: 1024", "max_tokens: 5000"),
        ("prompts beyond the context", "{ p50: 600, p99: 4000 }", "{ p50: 300k, p99: 400k }"),
        ("shares that do not add up", "share: 80%", "share: 70%"),
    ];
    phases: [
        ("two of one name", "name: after", "name: spike"),
        ("one of no length", "name: after, for: 5m", "name: after, for: 0s"),
        ("one before the other has ended", "name: after, for: 5m", "name: after, from: 5m, for: 5m"),
        ("one without requests", "name: after, for: 5m, rate: 4/s", "name: after, for: 5m"),
        ("one with two sources", "name: after, for: 5m, rate: 4/s", "name: after, for: 5m, rate: 4/s, population: { users: 5, think: 1s }"),
        ("a trace that is not there", "name: after, for: 5m, rate: 4/s", "name: after, for: 5m, trace: { file: none.csv, format: azure }"),
    ];
    faults: [
        ("a phase that does not exist", "during: { phase: spike,", "during: { phase: spiek,"),
        ("after the end of its phase", "after: 60s, for: 90s", "after: 7m"),
        ("after the end of the run", "from: 10s, for: 20s", "from: 20m, for: 20s"),
        ("a Region that is not in the world", "on: { region: us-west-2 }", "on: { region: us-west-9 }"),
        ("a model that is not in the world", "on: { region: us-west-2 }", "on: { model: titan }"),
        ("a tenant that is no class", "on: { region: us-west-2 }", "on: { tenant: chats }"),
        ("a kind that does not exist", "error_burst:", "errors_burst:"),
        ("no kind", "      first_token_slow: { add: 2s }\n", ""),
        ("two kinds", "      first_token_slow: { add: 2s }\n", "      first_token_slow: { add: 2s }\n      tokens_slow: { factor: 2 }\n"),
        ("an exception that does not exist", "ServiceUnavailableException: 70%", "ServiceUnavailable: 70%"),
        ("two of one name", "- slow-start:", "- brown-out:"),
        ("settings beside the name", "  - slow-start:\n      first_token_slow: { add: 2s }\n      during:", "  - slow-start:\n    first_token_slow: { add: 2s }\n    during:"),
        ("no name", "  - slow-start:\n      first_token_slow: { add: 2s }\n      during: { from: 10s, for: 20s }", "  - {}"),
    ];
    strategies: [
        ("no attempts", "mode: standard", "mode: standard, max_attempts: 0"),
        ("very many attempts", "mode: standard", "mode: standard, max_attempts: 50"),
        ("an unknown mode", "mode: standard", "mode: standart"),
        ("no targets", "targets: [east, west]", "targets: []"),
    ];
    bounds: [
        ("an answer in no time", "slo: { first_token: 5s }", "slo: { first_token: 0s }"),
    ];
    expectations: [
        ("an unknown metric", "success >= 60%", "sucess >= 60%"),
        ("no bound", "success >= 60%", "success"),
        ("an unknown strategy", "of: two-regions, in", "of: two-region, in"),
        ("an unknown phase", "in: spike", "in: spiek"),
        ("one unknown of several", "of: [two-regions, sdk-retries]", "of: [two-regions, sdk]"),
        ("an unknown target", "success >= 60%", "share(north) >= 60%"),
        ("an unknown model", "success >= 60%", "model_share(amazon.nova-lite-v1:0) >= 60%"),
        ("recovery from nothing", ", after: spike", ""),
        ("a rival that does not exist", "better_than: one-region", "better_than: no-region"),
    ];
}

#[test]
fn one_reading_reports_the_mistakes_of_all_parts() {
    let breaks = [
        ("seed: 7", "seed: seven"),
        ("rate: 4/s, arrivals", "rate: 40, arrivals"),
        ("share: 80%", "share: 0.8"),
        ("max_output: 4096", "max_ouput: 4096"),
        ("{ p50: 450ms, p99: 2s }", "{ p50: 450 }"),
        ("direct: { target: east }", "direct: { target: eats }"),
        ("spend: 5 USD", "spend: 5"),
        ("region: us-west-2, model", "model"),
    ];
    let text = breaks.iter().fold(SOUND.to_owned(), |text, (sound, broken)| {
        assert!(text.contains(sound), "{sound}");
        text.replacen(sound, broken, 1)
    });
    let problems = load(&text).expect_err("eight mistakes");
    assert_eq!(problems.errors(), 8);
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn the_sound_scenario_is_sound() {
    let checked = load(SOUND).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(checked.warnings.is_empty(), "{}", checked.warnings);
}

#[test]
fn a_plan_is_explained_before_it_runs() {
    let checked = load(SOUND).unwrap_or_else(|problems| panic!("{problems}"));
    let text = super::explain::explain(&checked.plan);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    insta::assert_snapshot!(text);
}

/// The sound scenario without one of its sections, which blank lines part.
fn without(section: &str) -> String {
    let parts: Vec<&str> = SOUND.split("\n\n").filter(|part| !part.starts_with(section)).collect();
    parts.join("\n\n")
}

#[test]
fn a_missing_section_is_one_problem() {
    let mut shown = String::new();
    for section in ["targets:", "world:", "traffic:", "strategies:"] {
        let problems = load(&without(section)).expect_err(section);
        shown += &format!("## {section}\n\n{problems}\n\n");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_spike_that_no_quota_notices_is_doubted() {
    let calm =
        without("faults:").replace("requests: 400/min, tokens: 300k/min", "requests: 4k/min, tokens: 9M/min");
    let calm = calm.replace("requests: 800/min, tokens: 600k/min", "requests: 4k/min, tokens: 9M/min");
    let checked = load(&calm).unwrap_or_else(|problems| panic!("{problems}"));
    insta::assert_snapshot!(checked.warnings.to_string());
    for noticed in [calm.replacen("4k/min", "400/min", 1), calm.replacen("9M/min", "300k/min", 1)] {
        let checked = load(&noticed).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(checked.warnings.is_empty(), "{}", checked.warnings);
    }
}

#[test]
fn a_strategy_that_checks_model_ids_is_not_given_one_that_it_refuses() {
    let fallback = "manual_fallback: { chain: { cross_region: [east, west] }, sdk_retries: false }";
    let sound = SOUND.replace("ordered: { targets: [east, west] }", fallback);
    assert!(load(&sound).is_ok());
    let problems = load(&sound.replace("anthropic.claude-3-haiku-20240307-v1:0", "mistral.large-2402"))
        .expect_err("two models that the check refuses");
    assert_eq!(problems.errors(), 2);
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn a_flood_of_mistakes_is_cut_and_still_an_error() {
    let unknown: String = (0..200).map(|n| format!("unknown{n}: 1\n")).collect();
    let problems = load(&format!("{SOUND}{unknown}")).expect_err("unknown keys");
    assert_eq!(problems.list.len(), 50);
    assert_eq!(problems.summary(), "50 errors and perhaps more in spike.yaml");
}

#[test]
fn warnings_do_not_push_errors_out() {
    let spare: String = (0..60)
        .map(|n| format!("  t{n}: {{ on_demand: {{ region: us-east-1, model: {MODEL} }} }}\n"))
        .collect();
    let many = SOUND.replace("targets:\n", &format!("targets:\n{spare}"));
    assert_eq!(load(&many).map(|checked| checked.warnings.list.len()).ok(), Some(50));
    let broken = many.replace("share: 80%", "share: 70%");
    assert_eq!(load(&broken).expect_err("shares of 90%").errors(), 1);
}
