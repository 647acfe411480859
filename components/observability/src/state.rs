//! What a service is like when it is asked: its models and its jobs.

use chrono::{DateTime, Utc};
use palladium_component::prelude::*;

use crate::exposition::{Exposition, Sort};

/// What is known about the model that a persister keeps in memory.
struct Kept {
    persister: String,
    version: Option<Version>,
    trained: Option<f64>,
    refreshes: Option<Refreshes>,
}

/// Writes what is known about the models in memory; no store is asked.
pub fn write_models(text: &mut Exposition, service: &dyn ServiceHandle) {
    let kept: Vec<Kept> =
        service.persisters().iter().filter_map(|(key, persister)| kept(key, persister.as_ref())).collect();
    write_kept(text, &kept, Utc::now().timestamp_micros() as f64 / 1e6);
}

/// Writes what is known at a time, in seconds since the epoch.
fn write_kept(text: &mut Exposition, kept: &[Kept], now: f64) {
    let refreshes = |kept: &Kept| kept.refreshes.clone();
    let time_of = |time: Option<String>| time.as_deref().and_then(seconds);
    gauge(text, kept, "palladium_model_version", "Version of the model in memory.", |kept| {
        kept.version.map(|version| version.number() as f64)
    });
    let help = "When the model in memory was trained, in seconds since the epoch.";
    gauge(text, kept, "palladium_model_trained_timestamp_seconds", help, |kept| kept.trained);
    let help = "Time since the model in memory was trained, in seconds.";
    gauge(text, kept, "palladium_model_age_seconds", help, |kept| kept.trained.map(|trained| now - trained));
    let help = "When the model in memory was loaded, in seconds since the epoch.";
    gauge(text, kept, "palladium_model_loaded_timestamp_seconds", help, |kept| time_of(refreshes(kept)?.loaded));
    let help = "When it was looked for a new model last, in seconds since the epoch.";
    gauge(text, kept, "palladium_model_refresh_timestamp_seconds", help, |kept| time_of(refreshes(kept)?.last));
    let help = "1 if the last look for a new model failed, else 0.";
    gauge(text, kept, "palladium_model_refresh_failing", help, |kept| {
        refreshes(kept).map(|refreshes| f64::from(u8::from(refreshes.error.is_some())))
    });
    let help = "Looks for a new model that failed.";
    let mut metric = text.metric("palladium_model_refresh_failures_total", Sort::Counter, help);
    for (kept, refreshes) in kept.iter().filter_map(|kept| Some((kept, kept.refreshes.as_ref()?))) {
        metric.count(&[("persister", &kept.persister)], refreshes.failures);
    }
}

/// Writes how many jobs run and what became of the others.
pub fn write_jobs(text: &mut Exposition, jobs: JobCounts) {
    text.metric("palladium_jobs_running", Sort::Gauge, "Jobs that run.").count(&[], jobs.running);
    let help = "Jobs that are over, by what became of them.";
    let mut metric = text.metric("palladium_jobs_total", Sort::Counter, help);
    for (status, count) in [("finished", jobs.finished), ("error", jobs.failed), ("cancelled", jobs.cancelled)] {
        metric.count(&[("status", status)], count);
    }
}

fn kept(key: &KeyPath, persister: &dyn Persister) -> Option<Kept> {
    let (model, refreshes) = (persister.in_memory(), persister.refreshes());
    if model.is_none() && refreshes.is_none() {
        return None;
    }
    let metadata = model.as_ref().map(|model| &model.metadata);
    let trained = metadata.and_then(|metadata| seconds(metadata.get("train_timestamp")?.as_str()?));
    let version = metadata.and_then(Metadata::version);
    Some(Kept { persister: key.to_string(), version, trained, refreshes })
}

fn gauge(text: &mut Exposition, models: &[Kept], name: &str, help: &str, value: impl Fn(&Kept) -> Option<f64>) {
    let mut metric = text.metric(name, Sort::Gauge, help);
    for (kept, value) in models.iter().filter_map(|kept| Some((kept, value(kept)?))) {
        metric.number(&[("persister", &kept.persister)], value);
    }
}

/// Returns a time in seconds since the epoch.
fn seconds(time: &str) -> Option<f64> {
    let time = DateTime::parse_from_rfc3339(time).ok()?;
    Some(time.timestamp_micros() as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_says_what_is_known() {
        let time = |second: u32| Some(format!("1970-01-01T00:00:{second}.500000Z"));
        let error = Some(RefreshError::Unreachable);
        let (loaded, last, failing_since) = (time(20), time(30), time(25));
        let failing = Refreshes { loaded, last, error, failing_since, failures: 3 };
        let kept = [
            Kept {
                persister: "a".into(),
                version: Some(Version::new(7).unwrap()),
                trained: time(10).as_deref().and_then(seconds),
                refreshes: Some(failing),
            },
            Kept { persister: "b".into(), version: None, trained: None, refreshes: Some(Refreshes::default()) },
        ];
        let mut text = Exposition::default();
        write_kept(&mut text, &kept, 50.0);
        write_jobs(&mut text, JobCounts { running: 1, finished: 2, failed: 3, cancelled: 4 });
        let text = text.finish();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "palladium_model_version{persister=\"a\"} 7",
            "palladium_model_trained_timestamp_seconds{persister=\"a\"} 10.5",
            "palladium_model_age_seconds{persister=\"a\"} 39.5",
            "palladium_model_loaded_timestamp_seconds{persister=\"a\"} 20.5",
            "palladium_model_refresh_timestamp_seconds{persister=\"a\"} 30.5",
            "palladium_model_refresh_failing{persister=\"a\"} 1",
            "palladium_model_refresh_failing{persister=\"b\"} 0",
            "palladium_model_refresh_failures_total{persister=\"a\"} 3",
            "palladium_model_refresh_failures_total{persister=\"b\"} 0",
            "palladium_jobs_running 1",
            "palladium_jobs_total{status=\"finished\"} 2",
            "palladium_jobs_total{status=\"error\"} 3",
            "palladium_jobs_total{status=\"cancelled\"} 4",
        ];
        assert_eq!(samples, expected);
    }

    #[test]
    fn times_are_seconds_since_the_epoch() {
        for (time, expected) in [
            ("1970-01-01T00:00:10.500000Z", Some(10.5)),
            ("2026-01-01T01:00:00+01:00", Some(1_767_225_600.0)),
            ("yesterday", None),
        ] {
            assert_eq!(seconds(time), expected, "{time}");
        }
    }
}
