//! Finding and reading files: the scenario, and the one file that it may include.
//!
//! Scenario files come from strangers, so an include stays inside the scenario's folder, links followed.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::tree::parse::BYTES_MAX;

/// Why a file was not read: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub message: String,
    pub hint: String,
}

fn refuse<T>(message: impl Into<String>, hint: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { message: message.into(), hint: hint.into() })
}

/// Reads a whole file that must be text and not too large.
pub fn read(path: &Path) -> Result<String, Refusal> {
    let shown = path.display();
    match read_bytes(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let hint = match path == Path::new("-") {
                true => "for standard input, write /dev/stdin",
                false => "check the name and the folder",
            };
            refuse(format!("there is no file {shown}"), hint)
        }
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            refuse(format!("{shown} is a folder"), "name one of the scenario files in it")
        }
        Err(error) => refuse(format!("cannot read {shown}: {error}"), ""),
        Ok(bytes) if bytes.len() > BYTES_MAX => refuse(
            format!("{shown} is larger than {} KiB", BYTES_MAX >> 10),
            "scenario files are short; is this one?",
        ),
        Ok(bytes) => String::from_utf8(bytes).or_else(|error| {
            let at = error.utf8_error().valid_up_to();
            refuse(format!("{shown} is not UTF-8 text (byte {at})"), "save it as UTF-8")
        }),
    }
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut bytes = Vec::new();
    // One byte more than allowed is enough to see that there are too many.
    fs::File::open(path)?.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The included file, which must lie in the scenario's folder or below.
pub fn inside(folder: &Path, include: &str) -> Result<PathBuf, Refusal> {
    let outside = || {
        refuse(
            format!("\"{include}\" leads out of the scenario's folder"),
            "write a path below the folder, such as \"world/claude.yaml\"",
        )
    };
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if include.is_empty() || !Path::new(include).components().all(plain) {
        return outside();
    }
    let path = folder.join(include);
    let real = |path: &Path| fs::canonicalize(path).ok();
    match (real(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }), real(&path)) {
        (Some(folder), Some(file)) if !file.starts_with(&folder) => outside(),
        _ => Ok(path),
    }
}
