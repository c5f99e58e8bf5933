//! Why the client, the log and the metrics do not count the same, one cause to a sentence. Where they do, there is nothing
//! to say.

use richter_reports::run_file::{LogCounts, MetricCount};

/// How long was waited for what was missing, in seconds; none where nothing more could come, as with files.
pub fn differences(counts: &LogCounts, metrics: &[MetricCount], waited_s: Option<u64>) -> Vec<String> {
    let mut causes = Vec::new();
    let after = waited_s.map_or(String::new(), |seconds| format!(" after {seconds} s of waiting"));
    let lost = format!(
        "{{n}} call{{s}} of the client {{has}} no record{after}: dropped on the way, or still under way"
    );
    let told = [
        (counts.missing, &*lost),
        (
            counts.duplicates,
            "{n} record{s} came again: the log and the metrics count each delivery, the client each call",
        ),
        (
            counts.foreign,
            "{n} record{s} {is} of calls that this run did not make: somebody else called, or an answer and its id never \
             reached the client",
        ),
        (
            counts.unnamed,
            "{n} attempt{s} of the client got no answer, so no request id: what the service logged of them counts as \
             somebody else's",
        ),
        (counts.damaged, "{n} record{s} cannot be read"),
    ];
    for (count, text) in told.into_iter().filter(|(count, _)| *count > 0) {
        let (has, is, plural) = if count == 1 { ("has", "is", "") } else { ("have", "are", "s") };
        let text = text.replace("{n}", &count.to_string()).replace("{s}", plural);
        causes.push(text.replace("{has}", has).replace("{is}", is));
    }
    causes.extend(metrics.iter().filter_map(metric));
    causes
}

fn metric(metric: &MetricCount) -> Option<String> {
    let MetricCount { name, counted, in_log } = metric;
    let off = counted - *in_log as f64;
    if off == 0.0 {
        return None;
    }
    let (by, what) = if off < 0.0 { (-off, "fewer") } else { (off, "more") };
    let why = if off < 0.0 {
        "points of the last minutes are still to come, or a record lacked the field"
    } else {
        "records came that were not read back, or others' calls lie in the same minutes"
    };
    Some(format!("the metric {name} counts {by} {what} than the log's {in_log}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(name: &str, counted: f64, in_log: u64) -> MetricCount {
        MetricCount { name: name.to_owned(), counted, in_log }
    }

    #[test]
    fn where_all_agree_there_is_nothing_to_explain() {
        let counts = LogCounts { attempts: 9, records: 9, matched: 9, retries: 2, ..LogCounts::default() };
        assert!(differences(&counts, &[counted("LoggedCalls", 9.0, 9)], Some(3)).is_empty());
    }

    #[test]
    fn each_cause_is_named_with_its_number() {
        let counts = LogCounts {
            attempts: 100,
            missing: 3,
            duplicates: 2,
            foreign: 1,
            unnamed: 4,
            damaged: 5,
            ..LogCounts::default()
        };
        let metrics = [counted("A", 8.0, 10), counted("B", 3.0, 2), counted("C", 1.0, 1)];
        let causes = differences(&counts, &metrics, Some(60));
        let starts = ["3 calls", "2 records", "1 record ", "4 attempts", "5 records"];
        for (cause, start) in causes.iter().zip(starts) {
            assert!(cause.starts_with(start), "{cause}");
        }
        assert!(causes[0].contains("after 60 s of waiting"), "{}", causes[0]);
        assert!(
            causes[5].contains("A counts 2 fewer") && causes[6].contains("B counts 1 more"),
            "{causes:?}"
        );
        assert_eq!(causes.len(), 7);
    }
}
