//! House rules that no lint can see: what may depend on what, what a source file may hold, and whether the texts
//! still say what the code does.
//!
//! Every test lists all the places that break its rule. The rules themselves are pure functions over text, so that
//! each can show what it refuses.

mod code_map;
mod feature_lines;
mod locks;
mod markdown;
mod parts;
mod points;
mod source;
mod tables;
mod texts;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The three parts that must not know each other, as (folder, name in source).
const PARTS: [(&str, &str); 3] =
    [("core", "richter_core"), ("mock-bedrock", "richter_mock_bedrock"), ("reports", "richter_reports")];

/// What a build or a run leaves behind.
const NOT_OURS: [&str; 5] = ["target", "out", ".git", "tests/fuzz/corpus", "tests/fuzz/artifacts"];

/// One file of the repository, by its path from the root.
#[derive(Debug)]
struct File {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is a folder of the root").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every text file under `folder`, in order of path; `""` is the whole repository.
fn files_under(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty(), "no files under {folder:?}");
    files
}

fn collect(folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a readable folder lists its entries").path();
        let inside = path.strip_prefix(root()).expect("the walk starts at the root");
        let inside = inside.to_str().expect("our own file names are text").to_owned();
        if NOT_OURS.contains(&inside.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            files.push(File { path: inside, text });
        }
    }
}

/// What cargo prints, run at the root without the network.
fn cargo(arguments: &[&str]) -> String {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program)
        .args(arguments)
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs these tests, so it is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints text")
}

#[track_caller]
fn refuse(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}
