//! The attribute names of OpenTelemetry's GenAI conventions, in one table: as of 1.41, the last release of the set in
//! the main repository, and as of the newest state of the repository that they moved to. Names with `richter.` are our
//! own, because the conventions have none for what they say.

/// The names of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Names(Column);

/// Which set of names to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Column {
    /// Version 1.41 of the conventions.
    #[default]
    V1_41,
    /// The newest, which may change.
    Latest,
}

/// What the conventions reserve for choosing, and the word that chooses the newest.
const SWITCH: &str = "OTEL_SEMCONV_STABILITY_OPT_IN";
const NEWEST: &str = "gen_ai_latest_experimental";

macro_rules! table {
    ($($field:ident: $old:literal, $new:literal;)+) => {
        /// One column: what each thing that a span or a sample says is called.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each field is named after what it names")]
        pub struct Rows { $(pub $field: &'static str),+ }

        pub(super) const V1_41: Rows = Rows { $($field: $old),+ };
        pub(super) const LATEST: Rows = Rows { $($field: $new),+ };

        #[cfg(test)]
        pub(super) const TABLE: &[(&str, &str)] = &[$(($old, $new)),+];
    };
}

table! {
    operation:     "gen_ai.operation.name",                    "gen_ai.operation.name";
    provider:      "gen_ai.provider.name",                     "gen_ai.provider.name";
    request_model: "gen_ai.request.model",                     "gen_ai.request.model";
    stream:        "gen_ai.request.stream",                    "gen_ai.request.stream";
    max_tokens:    "gen_ai.request.max_tokens",                "gen_ai.request.max_tokens";
    first_chunk:   "gen_ai.response.time_to_first_chunk",      "gen_ai.response.time_to_first_chunk";
    input_tokens:  "gen_ai.usage.input_tokens",                "gen_ai.usage.input_tokens";
    output_tokens: "gen_ai.usage.output_tokens",               "gen_ai.usage.output_tokens";
    cache_read:    "gen_ai.usage.cache_read.input_tokens",     "gen_ai.usage.cache_read.input_tokens";
    cache_write:   "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens";
    error_type:    "error.type",                               "error.type";
    address:       "server.address",                           "server.address";
    port:          "server.port",                              "server.port";
    region:        "cloud.region",                             "cloud.region";
    target:        "richter.target",                           "richter.target";
    attempt:       "richter.attempt",                          "richter.attempt";
    attempts:      "richter.attempts",                         "richter.attempts";
    reason:        "richter.reason",                           "richter.reason";
    result:        "richter.result",                           "richter.result";
}

impl Names {
    /// The names of a column.
    pub const fn of(column: Column) -> Names {
        Names(column)
    }

    /// As the environment wants it: `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`, alone or in a list,
    /// chooses the newest names.
    pub fn from_env() -> Names {
        Names::of(chosen(std::env::var(SWITCH).ok().as_deref()))
    }

    /// Which column these are.
    pub const fn column(&self) -> Column {
        self.0
    }

    /// The names themselves.
    pub const fn rows(&self) -> &'static Rows {
        match self.0 {
            Column::V1_41 => &V1_41,
            Column::Latest => &LATEST,
        }
    }
}

fn chosen(switch: Option<&str>) -> Column {
    let newest = switch.is_some_and(|words| words.split(',').any(|word| word.trim() == NEWEST));
    if newest { Column::Latest } else { Column::V1_41 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_environment_chooses_the_newest_names_alone_or_in_a_list() {
        let table = [
            (None, Column::V1_41),
            (Some(""), Column::V1_41),
            (Some("http"), Column::V1_41),
            (Some("gen_ai_latest_experimental"), Column::Latest),
            (Some("http/dup, gen_ai_latest_experimental"), Column::Latest),
        ];
        for (switch, column) in table {
            assert_eq!(chosen(switch), column, "{switch:?}");
        }
    }

    #[test]
    fn no_name_stands_twice_in_a_column() {
        let old: BTreeSet<&str> = TABLE.iter().map(|(old, _)| *old).collect();
        let new: BTreeSet<&str> = TABLE.iter().map(|(_, new)| *new).collect();
        assert_eq!((old.len(), new.len()), (TABLE.len(), TABLE.len()));
    }

    #[test]
    fn only_what_the_conventions_renamed_differs_between_the_columns() {
        let renamed: Vec<_> = TABLE.iter().filter(|(old, new)| old != new).collect();
        assert_eq!(
            renamed,
            [&("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens")]
        );
    }
}
