//! Where a trace lies. Scenario files come from strangers, so a trace is a regular file below the scenario's own
//! folder, or below a folder that whoever runs it has named in a RICHTER_ variable.

use std::{
    ffi::OsString,
    path::{Component, Path, PathBuf},
};

/// Variables with other names are not read.
const PREFIX: &str = "RICHTER_";

/// What is wrong with a `file:` setting, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub struct Misplaced {
    pub message: String,
    pub hint: String,
}

/// Finds the file; `env` looks up an environment variable.
pub fn locate(
    file: &str,
    folder: &Path,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, Misplaced> {
    let (base, rest) = match file.strip_prefix('$') {
        Some(named) => from_variable(named, env)?,
        None => (folder.to_owned(), file),
    };
    let below =
        Path::new(rest).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !below || rest.is_empty() {
        return Err(Misplaced {
            message: format!("\"{file}\" does not lie below the scenario's folder"),
            hint: "put the trace beside the scenario, or name its folder in a variable and write $RICHTER_TRACES/NAME"
                .into(),
        });
    }
    let path = base.join(rest);
    match std::fs::metadata(&path) {
        Ok(found) if found.is_file() => Ok(path),
        Ok(_) => Err(Misplaced {
            message: format!("{} is not a regular file", path.display()),
            hint: "name a trace file".into(),
        }),
        Err(error) => Err(Misplaced {
            message: format!("{} cannot be opened: {error}", path.display()),
            hint: "check the name; a relative one starts at the scenario file's folder".into(),
        }),
    }
}

fn from_variable(named: &str, env: impl Fn(&str) -> Option<OsString>) -> Result<(PathBuf, &str), Misplaced> {
    let (name, rest) = named.split_once('/').unwrap_or((named, ""));
    if !name.starts_with(PREFIX) {
        return Err(Misplaced {
            message: format!("${name} is not read; only variables that start with {PREFIX} are"),
            hint: "set RICHTER_TRACES to the folder of the traces and write $RICHTER_TRACES/NAME".into(),
        });
    }
    match env(name).filter(|value| !value.is_empty()) {
        Some(value) => Ok((PathBuf::from(value), rest)),
        None => Err(Misplaced {
            message: format!("the environment variable {name} is not set"),
            hint: format!("set it to the folder that holds the traces: export {name}=/path/to/traces"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_found_below_the_scenario_or_below_a_named_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("traces")).expect("made");
        std::fs::write(folder.path().join("traces/a.csv"), "").expect("written");
        let here = folder.path().as_os_str().to_owned();
        let env = |name: &str| (name == "RICHTER_TRACES").then(|| here.clone());
        let elsewhere = Path::new("/nonexistent");
        assert_eq!(locate("traces/a.csv", folder.path(), env), Ok(folder.path().join("traces/a.csv")));
        assert_eq!(locate("./traces/a.csv", folder.path(), env), Ok(folder.path().join("./traces/a.csv")));
        assert_eq!(
            locate("$RICHTER_TRACES/traces/a.csv", elsewhere, env),
            Ok(folder.path().join("traces/a.csv"))
        );
        for (file, message) in [
            ("/etc/passwd", "does not lie below"),
            ("../secret.csv", "does not lie below"),
            ("$RICHTER_TRACES/../secret.csv", "does not lie below"),
            ("$RICHTER_TRACES", "does not lie below"),
            ("", "does not lie below"),
            ("traces", "not a regular file"),
            ("b.csv", "cannot be opened"),
            ("$HOME/a.csv", "only variables that start with RICHTER_"),
            ("$RICHTER_OTHER/a.csv", "RICHTER_OTHER is not set"),
        ] {
            let misplaced = locate(file, folder.path(), env).expect_err(file);
            assert!(misplaced.message.contains(message), "{file}: {misplaced:?}");
            assert!(!misplaced.hint.is_empty());
        }
    }
}
