//! A scenario to start from: small, complete, and with a word on each part.

/// What `richter init` writes.
pub fn starter() -> &'static str {
    include_str!("init/starter.yaml")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::load_text;

    #[test]
    fn the_starter_passes_every_check_without_a_warning() {
        let checked =
            load_text("starter.yaml", starter(), Path::new("")).map_err(|problems| problems.render(false));
        match checked {
            Ok(checked) => assert_eq!(checked.warnings.list, []),
            Err(text) => panic!("{text}"),
        }
    }
}
