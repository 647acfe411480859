//! The text that Prometheus reads, version 0.0.4 of its exposition format.

use std::fmt::{Display, Write};

use crate::histogram::Snapshot;

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What sort of number a metric is.
#[derive(Clone, Copy, Debug)]
pub enum Sort {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Numbers of values up to bounds.
    Histogram,
}

/// Names and values of the labels of one sample.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// The text, to which one metric after the other is written.
#[derive(Default)]
pub struct Exposition(String);

/// One metric of the text: all its samples stand together.
pub struct Metric<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl Exposition {
    /// Begins a metric.
    pub fn metric<'a>(&'a mut self, name: &'a str, sort: Sort, help: &str) -> Metric<'a> {
        let sort = match sort {
            Sort::Counter => "counter",
            Sort::Gauge => "gauge",
            Sort::Histogram => "histogram",
        };
        push(&mut self.0, format_args!("# HELP {name} "));
        escape(&mut self.0, help, false);
        push(&mut self.0, format_args!("\n# TYPE {name} {sort}\n"));
        Metric { text: &mut self.0, name }
    }

    /// Returns the text.
    pub fn finish(self) -> String {
        self.0
    }
}

impl Metric<'_> {
    /// Writes a sample of whole numbers.
    pub fn count(&mut self, labels: Labels<'_>, value: u64) {
        self.sample("", labels, None, value);
    }

    /// Writes a sample.
    pub fn number(&mut self, labels: Labels<'_>, value: f64) {
        self.sample("", labels, None, Number(value));
    }

    /// Writes the samples of a histogram whose bounds and sum are in units of this size.
    pub fn histogram(&mut self, labels: Labels<'_>, bounds: &[u64], unit: f64, values: &Snapshot) {
        for (bound, count) in bounds.iter().zip(&values.cumulative) {
            self.sample("_bucket", labels, Some(*bound as f64 * unit), count);
        }
        self.sample("_bucket", labels, Some(f64::INFINITY), values.count);
        self.sample("_sum", labels, None, Number(values.sum as f64 * unit));
        self.sample("_count", labels, None, values.count);
    }

    fn sample(&mut self, suffix: &str, labels: Labels<'_>, up_to: Option<f64>, value: impl Display) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let mut before = '{';
        for (name, label) in labels {
            push(self.text, format_args!("{before}{name}=\""));
            escape(self.text, label, true);
            self.text.push('"');
            before = ',';
        }
        if let Some(bound) = up_to {
            push(self.text, format_args!("{before}le=\"{}\"", Number(bound)));
            before = ',';
        }
        self.text.push_str(if before == ',' { "} " } else { " " });
        push(self.text, format_args!("{value}\n"));
    }
}

/// A number as Prometheus reads it.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            number if number == f64::INFINITY => formatter.write_str("+Inf"),
            number if number == f64::NEG_INFINITY => formatter.write_str("-Inf"),
            // What was counted in nanoseconds is rounded to these, so that bounds read as they were given.
            number => write!(formatter, "{}", format!("{number:.9}").parse().unwrap_or(number)),
        }
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing into text does not fail.
    let _ = text.write_fmt(arguments);
}

/// Adds a text in which backslashes and line feeds are escaped, and double quotes in the value of a label.
fn escape(text: &mut String, plain: &str, is_label: bool) {
    for letter in plain.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if is_label => text.push_str("\\\""),
            letter => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_under_their_help_and_type() {
        let mut text = Exposition::default();
        let mut requests = text.metric("requests_total", Sort::Counter, "Requests, \"all\" of\nthem: a\\b.");
        requests.count(&[("route", "/a \"b\"\\c\n"), ("status", "200")], 7);
        text.metric("age_seconds", Sort::Gauge, "Age.").number(&[], 1.5);
        text.metric("odd", Sort::Gauge, "Odd.").number(&[("x", "")], f64::NAN);
        let expected = r#"# HELP requests_total Requests, "all" of\nthem: a\\b.
# TYPE requests_total counter
requests_total{route="/a \"b\"\\c\n",status="200"} 7
# HELP age_seconds Age.
# TYPE age_seconds gauge
age_seconds 1.5
# HELP odd Odd.
# TYPE odd gauge
odd{x=""} NaN
"#;
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn histograms_are_cumulative_and_end_with_infinity() {
        let mut text = Exposition::default();
        let values = Snapshot { cumulative: vec![1, 3], count: 4, sum: 1_600_000_000 };
        let bounds = [250_000, 1_000_000_000];
        text.metric("time_seconds", Sort::Histogram, "Time.").histogram(&[("a", "b")], &bounds, 1e-9, &values);
        text.metric("bytes", Sort::Histogram, "Size.").histogram(&[], &bounds, 1.0, &values);
        let expected = "# HELP time_seconds Time.
# TYPE time_seconds histogram
time_seconds_bucket{a=\"b\",le=\"0.00025\"} 1
time_seconds_bucket{a=\"b\",le=\"1\"} 3
time_seconds_bucket{a=\"b\",le=\"+Inf\"} 4
time_seconds_sum{a=\"b\"} 1.6
time_seconds_count{a=\"b\"} 4
# HELP bytes Size.
# TYPE bytes histogram
bytes_bucket{le=\"250000\"} 1
bytes_bucket{le=\"1000000000\"} 3
bytes_bucket{le=\"+Inf\"} 4
bytes_sum 1600000000
bytes_count 4
";
        assert_eq!(text.finish(), expected);
    }
}
