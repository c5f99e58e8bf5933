//! What a request is for. Names of runs come percent-encoded as one segment of the path; they are only ever looked up in
//! the list of runs that exist.

use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    Index,
    /// The same with a slash, so that what the page names lies beside it.
    Slash(String),
    Page(String),
    Data(String),
    Events(String),
    Icon,
    Unknown,
    NotAllowed,
}

impl Route {
    pub fn of(method: &Method, path: &str) -> Route {
        if method != Method::GET && method != Method::HEAD {
            return Route::NotAllowed;
        }
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["", ""] => Route::Index,
            ["", "favicon.ico"] => Route::Icon,
            ["", "runs", name] if !name.is_empty() => Route::Slash(format!("/runs/{name}/")),
            ["", "runs", name, ""] => named(name, Route::Page),
            ["", "runs", name, "run.json"] => named(name, Route::Data),
            ["", "runs", name, "events"] => named(name, Route::Events),
            _ => Route::Unknown,
        }
    }
}

fn named(name: &str, route: fn(String) -> Route) -> Route {
    match percent_decode_str(name).decode_utf8() {
        Ok(name) if !name.is_empty() => route(name.into_owned()),
        _ => Route::Unknown,
    }
}

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Where a run's page is.
pub fn path_of(name: &str) -> String {
    format!("/runs/{}/", utf8_percent_encode(name, KEPT))
}

/// Whether a request was meant for this machine by name. A page elsewhere can make a browser ask a name of its own that
/// leads here; it cannot make it say another name.
pub fn is_this_machine(host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_one_meaning() {
        let get = |path: &str| Route::of(&Method::GET, path);
        assert_eq!(get("/"), Route::Index);
        assert_eq!(get("/runs/a"), Route::Slash("/runs/a/".into()));
        assert_eq!(get("/runs/a%20b%2F../"), Route::Page("a b/..".into()));
        assert_eq!(get("/runs/a/run.json"), Route::Data("a".into()));
        assert_eq!(get("/runs/a/events"), Route::Events("a".into()));
        for path in ["/runs/", "/runs//", "/runs/a/../run.json", "/x", "", "/runs/%ff/"] {
            assert_eq!(get(path), Route::Unknown, "{path}");
        }
        assert_eq!(Route::of(&Method::POST, "/"), Route::NotAllowed);
        for name in ["viral-spike", "a b", "ü/..", "%2e"] {
            assert_eq!(get(&path_of(name)), Route::Page(name.into()));
        }
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "localhost:4600", "127.0.0.1:80", "[::1]:4600", "[::1]"] {
            assert!(is_this_machine(Some(host)), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", ""] {
            assert!(!is_this_machine(Some(host)), "{host}");
        }
        assert!(!is_this_machine(None));
    }
}
