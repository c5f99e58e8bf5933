//! Problems of a scenario as workflow commands of GitHub Actions, which shows them beside the lines of a pull request.

use crate::scenario::problem::{Problem, Problems, Severity};

/// GitHub shows ten of each kind for one step.
const EACH_MAX: usize = 10;

/// Errors first; nothing if there is nothing to say.
pub fn annotations(problems: &Problems) -> String {
    let of = |severity: Severity| {
        let all = problems.list.iter().filter(move |problem| problem.severity == severity);
        all.take(EACH_MAX).map(|problem| annotation(problems, problem))
    };
    of(Severity::Error).chain(of(Severity::Warning)).collect()
}

fn annotation(problems: &Problems, problem: &Problem) -> String {
    let kind = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let file = property(&problems.sources.get(problem.file).name);
    let title = if problem.path.is_empty() { "scenario" } else { &problem.path };
    let hint = if problem.hint.is_empty() { String::new() } else { format!("\n{}", problem.hint) };
    let message = text(&format!("{}{hint}", problem.message));
    let (line, column, title) = (problem.line, problem.column, property(title));
    format!("::{kind} file={file},line={line},col={column},title={title}::{message}\n")
}

fn text(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(property: &str) -> String {
    text(property).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    #[test]
    fn a_problem_stands_beside_its_line_and_nothing_in_it_is_a_command() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a,b.yaml");
        std::fs::write(&path, "version: 1\nname: \"x\\n::error::y\"\nquestion: 5%\nspeed: 3\n")
            .expect("written");
        let problems = scenario::load(&path).expect_err("it has errors");
        let text = annotations(&problems);
        assert!(text.lines().count() <= EACH_MAX * 2 && !text.is_empty());
        assert!(text.lines().all(|line| line.starts_with("::error file=")), "{text}");
        assert!(text.contains("a%2Cb.yaml,line=4,col=1,title=speed::unknown key"), "{text}");
    }
}
