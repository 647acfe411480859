//! Tasks by a clock that is told what to show.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use palladium_value::{Data, Entry, Map, Span, Value};

use super::*;

/// Shows one time after the other, the next one after each wait. After the last one it waits until the task is stopped.
struct Script {
    times: Mutex<Vec<DateTime<Utc>>>,
    /// Hears that the last time was waited at.
    finished: Sender<()>,
}

impl Clock for Script {
    fn now(&self) -> DateTime<Utc> {
        self.times.lock().unwrap()[0]
    }

    fn wait(&self, limit: Duration, stop: &Stop) {
        assert!(limit <= LOOKS, "{limit:?}");
        let mut times = self.times.lock().unwrap();
        if times.len() > 1 {
            times.remove(0);
            return;
        }
        drop(times);
        let _ = self.finished.send(());
        stop.wait(None);
    }
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn rule(entries: &[(&str, &str)]) -> Recurrence {
    let span = Span::nowhere("test");
    let entry = |text: &str| Entry {
        key_span: span.clone(),
        value: Value::new(text.parse().map_or_else(|_| Data::Text(text.to_owned()), Data::Int), span.clone()),
    };
    let map: Map = entries.iter().map(|(key, text)| ((*key).to_owned(), entry(text))).collect();
    Recurrence::from_value(&Value::new(Data::Map(map), span.clone())).unwrap()
}

#[derive(Debug, thiserror::Error)]
#[error("the function fails")]
struct Failed;

/// Follows a rule while the clock shows these times and returns at which of them the function was called.
fn calls(
    recurrence: Recurrence,
    times: &[&str],
    mut function: impl FnMut() -> Result<(), Failed> + Send + 'static,
) -> Vec<String> {
    let times: Vec<DateTime<Utc>> = times.iter().map(|time| instant(time)).collect();
    let (finished, is_finished) = channel();
    let clock = Arc::new(Script { times: Mutex::new(times), finished });
    let called = Arc::new(Mutex::new(Vec::new()));
    let (watch, calls) = (Arc::clone(&clock), Arc::clone(&called));
    let noted = move || {
        calls.lock().unwrap().push(watch.now().format("%dT%H:%M:%S").to_string());
        function()
    };
    let mut task = RecurringTask::start_by(clock, "test", recurrence, noted).unwrap();
    // The other end is dropped where the task ends before.
    let _ = is_finished.recv();
    task.stop();
    assert!(task.is_finished());
    drop(task);
    Arc::try_unwrap(called).unwrap().into_inner().unwrap()
}

impl Clock for Arc<Script> {
    fn now(&self) -> DateTime<Utc> {
        self.as_ref().now()
    }

    fn wait(&self, limit: Duration, stop: &Stop) {
        self.as_ref().wait(limit, stop);
    }
}

fn daily_at_noon() -> Recurrence {
    let start = ("dtstart", "2026-01-01");
    rule(&[("freq", "DAILY"), start, ("byhour", "12"), ("byminute", "0"), ("bysecond", "0"), ("tz", "UTC")])
}

#[test]
fn calls_at_each_occurrence_however_many_were_missed() {
    let cases: [(&[&str], &[&str]); 7] = [
        (&["2026-11-01T11:59:59Z", "2026-11-01T12:00:00Z", "2026-11-01T12:00:02Z"], &["01T12:00:00"]),
        (&["2026-11-01T12:00:00Z", "2026-11-02T11:59:59Z"], &[]),
        (&["2026-11-01T11:00:00Z", "2026-11-01T12:00:01Z", "2026-11-02T12:00:00.5Z"], &["01T12:00:01", "02T12:00:00"]),
        // The machine slept, or the clock was put forward.
        (&["2026-11-01T11:00:00Z", "2026-11-09T17:00:00Z", "2026-11-10T12:00:00Z"], &["09T17:00:00", "10T12:00:00"]),
        // The clock was put back, and goes by noon a second time.
        (
            &["2026-11-05T11:00:00Z", "2026-11-05T12:00:00Z", "2026-11-01T09:00:00Z", "2026-11-01T12:00:03Z"],
            &["05T12:00:00", "01T12:00:03"],
        ),
        // A clock that is adjusted is not put back.
        (
            &["2026-11-01T11:59:59Z", "2026-11-01T12:00:01Z", "2026-11-01T11:59:58Z", "2026-11-01T12:00:02Z"],
            &["01T12:00:01"],
        ),
        (&["2026-11-01T11:00:00Z", "2026-11-01T10:00:00Z", "2026-11-01T11:30:00Z"], &[]),
    ];
    for (times, expected) in cases {
        assert_eq!(calls(daily_at_noon(), times, || Ok(())), expected, "{times:?}");
    }
}

#[test]
fn changes_of_the_clock_in_a_zone_neither_lose_nor_double_a_call() {
    let at_half_past_two = |start: &str| {
        rule(&[("freq", "DAILY"), ("dtstart", start), ("byhour", "2"), ("byminute", "30"), ("tz", "Europe/Berlin")])
    };
    let spring = ["2026-03-29T00:59:00Z", "2026-03-29T01:29:59Z", "2026-03-29T01:30:00Z", "2026-03-30T00:29:59Z"];
    assert_eq!(calls(at_half_past_two("2026-03-01"), &spring, || Ok(())), ["29T01:30:00"]);
    let autumn = ["2026-10-25T00:29:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"];
    assert_eq!(calls(at_half_past_two("2026-10-01"), &autumn, || Ok(())), ["25T00:30:00", "26T01:30:00"]);

    // A task that goes on all day has no gap.
    let half_hourly =
        rule(&[("freq", "MINUTELY"), ("interval", "30"), ("dtstart", "2026-10-01"), ("tz", "Europe/Berlin")]);
    let calls = calls(half_hourly, &["2026-10-25T00:29:00Z", autumn[1], "2026-10-25T01:00:00Z", autumn[2]], || Ok(()));
    assert_eq!(calls, ["25T00:30:00", "25T01:00:00", "25T01:30:00"]);
}

#[test]
fn an_error_and_a_panic_do_not_end_a_task() {
    let times = ["2026-11-01T11:00:00Z", "2026-11-01T12:00:00Z", "2026-11-02T12:00:00Z", "2026-11-03T12:00:00Z"];
    let mut n_calls = 0;
    let function = move || {
        n_calls += 1;
        match n_calls {
            1 => Err(Failed),
            2 => panic!("the function panics"),
            _ => Ok(()),
        }
    };
    assert_eq!(calls(daily_at_noon(), &times, function), ["01T12:00:00", "02T12:00:00", "03T12:00:00"]);
}

#[test]
fn a_task_ends_with_its_rule() {
    let twice = rule(&[("freq", "DAILY"), ("dtstart", "2026-11-01 12:00"), ("count", "2"), ("tz", "UTC")]);
    let times = ["2026-11-01T11:00:00Z", "2026-11-01T12:00:00Z", "2026-11-02T12:00:00Z"];
    assert_eq!(calls(twice, &times, || Ok(())), ["01T12:00:00", "02T12:00:00"]);
    let over = rule(&[("freq", "DAILY"), ("dtstart", "2016-11-01"), ("until", "2016-12-01")]);
    assert!(calls(over, &["2026-11-01T11:00:00Z"], || Ok(())).is_empty());
}

#[test]
fn a_task_stops_while_it_waits_and_does_not_wait_for_a_call() {
    let (begins, has_begun) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let (ends, has_ended) = channel();
    let function = move || {
        begins.send(()).unwrap();
        may_go_on.recv().unwrap();
        ends.send(()).unwrap();
        Ok::<(), Failed>(())
    };
    let mut task = RecurringTask::start("test", rule(&[("freq", "SECONDLY")]), function).unwrap();
    has_begun.recv().unwrap();
    task.stop();
    assert!(task.is_finished());
    assert!(has_ended.try_recv().is_err());
    go_on.send(()).unwrap();
    has_ended.recv().unwrap();
    // The function was dropped with its thread, and was not called again.
    assert!(has_begun.recv().is_err());

    let yearly = rule(&[("freq", "YEARLY"), ("bymonth", "2"), ("bymonthday", "29")]);
    drop(RecurringTask::start("test", yearly, || Ok::<(), Failed>(())).unwrap());
}
