//! A scenario that shares its world with others.

use std::{fs, path::Path};

use super::SOUND;
use crate::scenario::{Checked, load, problem::Problems};

/// Writes files into a fresh folder and loads the one called `spike.yaml`; the folder's name is left out of the texts.
fn loaded(files: &[(&str, &str)]) -> (Result<Checked, Problems>, impl Fn(String) -> String + use<>) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let place = folder.path().display().to_string();
    (load(&folder.path().join("spike.yaml")), move |text| text.replace(&place, "FOLDER"))
}

/// The sound scenario without its world and targets, and these as a file of their own.
fn split() -> (String, String) {
    let from = SOUND.find("targets:").expect("targets");
    let to = SOUND.find("slo:").expect("slo");
    let scenario = format!("{}include: world/us.yaml\n\n{}", &SOUND[..from], &SOUND[to..]);
    (scenario, format!("version: 1\n{}", &SOUND[from..to]))
}

fn refusal(files: &[(&str, &str)]) -> String {
    let (result, clean) = loaded(files);
    clean(result.expect_err("a refusal").to_string())
}

#[test]
fn a_shared_file_gives_what_the_scenario_lacks() {
    let (scenario, world) = split();
    let (result, clean) = loaded(&[("spike.yaml", &scenario), ("world/us.yaml", &world)]);
    let plan = result.map_err(|problems| clean(problems.to_string())).expect("sound").plan;
    assert_eq!(plan.targets.len(), 3);
}

#[test]
fn what_the_scenario_says_itself_goes_before() {
    let (scenario, world) = split();
    let own = "world: { regions: { us-east-1: {}, us-west-2: {}, eu-west-1: {} } }\n\
               targets: { west: { on_demand: { region: eu-west-1, model: anthropic.claude-3-haiku-20240307-v1:0 } } }\n";
    let (result, clean) = loaded(&[("spike.yaml", &(scenario + own)), ("world/us.yaml", &world)]);
    let plan = result.map_err(|problems| clean(problems.to_string())).expect("sound").plan;
    let west = plan.targets.iter().find(|target| target.name == "west").expect("west");
    assert_eq!(west.spec.region(), "eu-west-1");
}

#[test]
fn the_digest_covers_the_shared_file() {
    let (scenario, world) = split();
    let digest = |world: &str| {
        let (result, _) = loaded(&[("spike.yaml", &scenario), ("world/us.yaml", world)]);
        result.expect("sound").plan.digest
    };
    assert_eq!(digest(&world), digest(&world));
    assert_ne!(digest(&world), digest(&format!("{world}# changed\n")));
}

#[test]
fn problems_in_a_shared_file_carry_its_name() {
    let (scenario, world) = split();
    let broken =
        world.replace("max_output: 4096", "max_ouput: 4096").replace("region: us-west-2, model", "model");
    insta::assert_snapshot!(refusal(&[("spike.yaml", &scenario), ("world/us.yaml", &broken)]));
}

#[test]
fn semantic_problems_point_into_the_shared_file() {
    let (scenario, world) = split();
    let broken = world.replace("us-west-2: { rtt: 62ms }", "us-west-1: {}");
    insta::assert_snapshot!(refusal(&[("spike.yaml", &scenario), ("world/us.yaml", &broken)]));
}

#[test]
fn an_include_stays_inside_its_folder() {
    let (scenario, world) = split();
    let mut shown = String::new();
    for include in
        ["/etc/hostname", "../us.yaml", "world/../../us.yaml", "world/missing.yaml", "world", "\"\""]
    {
        let text = scenario.replace("world/us.yaml", include);
        shown +=
            &format!("## {include}\n\n{}\n\n", refusal(&[("spike.yaml", &text), ("world/us.yaml", &world)]));
    }
    insta::assert_snapshot!(shown);
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_folder() {
    let (scenario, world) = split();
    let outside = tempfile::NamedTempFile::new().expect("a file");
    fs::write(outside.path(), world).expect("a file");
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("world")).expect("a folder");
    std::os::unix::fs::symlink(outside.path(), folder.path().join("world/us.yaml")).expect("a link");
    fs::write(folder.path().join("spike.yaml"), scenario).expect("a file");
    let problems = load(&folder.path().join("spike.yaml")).expect_err("a refusal");
    assert!(problems.list[0].message.contains("leads out"), "{}", problems.to_string());
}

#[test]
fn a_shared_file_includes_nothing_further() {
    let (scenario, world) = split();
    let nested = format!("{world}include: other.yaml\n");
    insta::assert_snapshot!(refusal(&[("spike.yaml", &scenario), ("world/us.yaml", &nested)]));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let missing = load(Path::new("no-such-scenario.yaml")).expect_err("a refusal").to_string();
    insta::assert_snapshot!(missing);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spike.yaml");
    fs::write(&path, [b'a', b':', 0xff]).expect("a file");
    let problems = load(&path).expect_err("a refusal");
    assert!(problems.list[0].message.contains("is not UTF-8 text (byte 2)"), "{}", problems.to_string());
}
