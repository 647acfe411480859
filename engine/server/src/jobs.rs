//! Jobs: work that a request starts and does not wait for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use chrono::{DateTime, SecondsFormat, Utc};
use palladium_component::interfaces::JobCounts;
use serde_json::{Value as Json, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use uuid::Uuid;

use crate::answer::guarded;

/// Jobs that may run at once, whatever they do.
const AT_ONCE: usize = 32;

/// Pieces of work that cancelled jobs may have left to themselves at once. Each is a thread, a connection perhaps, and
/// what it has read so far, all for nothing: a few let fits go on beside a server that says nothing, more would pile up.
const LEFT: usize = 4;

/// The jobs of a service: those that run, and the last ones that are over.
pub struct Jobs {
    table: Mutex<Table>,
    /// How many jobs that are over are kept.
    keep: AtomicUsize,
    n_running: watch::Sender<usize>,
    /// Work that may still be left to itself.
    left: Arc<Semaphore>,
}

#[derive(Default)]
struct Table {
    /// In the order of their starts.
    jobs: Vec<Arc<Job>>,
    /// The ids of those that are over, in the order of their ends.
    ended: VecDeque<String>,
    /// Whether no further job starts, since the service stops.
    is_closed: bool,
    /// What became of the jobs that are over, also of those that are forgotten.
    over: JobCounts,
}

/// A job.
pub struct Job {
    id: String,
    func: &'static str,
    started: DateTime<Utc>,
    since: Instant,
    /// Asks it to stop; there are jobs that cannot be asked.
    cancel: Option<Arc<AtomicBool>>,
    state: Mutex<State>,
}

struct State {
    status: Status,
    phase: Option<(&'static str, Instant)>,
    /// The phases that are over, with their seconds.
    phases: serde_json::Map<String, Json>,
    /// When it was over, after how long, and what came of it.
    end: Option<(DateTime<Utc>, Duration, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Running,
    Finished,
    Error,
    Cancelled,
}

/// What a job is for.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The dotted name of the view that starts it.
    pub func: &'static str,
    /// Whether only one of them runs at a time.
    pub is_alone: bool,
    /// Whether it can be asked to stop.
    pub is_cancellable: bool,
}

/// What came of the work of a job.
pub enum Done {
    /// It is done; this is what it did, for everybody.
    Finished(String),
    /// It was asked to stop and did.
    Cancelled(String),
    /// It failed: what everybody may read, and what goes to the log.
    Failed { said: String, logged: String },
}

/// Why a job does not start.
#[derive(Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// Another one of the kind runs.
    Alone {
        /// Its id.
        id: String,
        /// Whether it was asked to stop.
        is_cancelled: bool,
    },
    /// So many run already.
    TooMany(usize),
    /// The service stops.
    Stopping,
    /// The system has no thread for it.
    NoThread(String),
}

/// What came of asking a job to stop.
#[derive(Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It was asked; this is what it is like now.
    Asked(Json),
    /// It is over.
    Over,
    /// It cannot be asked.
    Impossible,
    /// There is no such job.
    Unknown,
}

impl Jobs {
    /// Returns the empty table that keeps this many jobs that are over.
    pub fn new(keep: usize) -> Arc<Jobs> {
        Arc::new(Jobs {
            table: Mutex::default(),
            keep: AtomicUsize::new(keep),
            n_running: watch::Sender::new(0),
            left: Arc::new(Semaphore::new(LEFT)),
        })
    }

    /// Sets how many jobs that are over are kept, from the next one on that ends.
    pub fn keep(&self, count: usize) {
        self.keep.store(count, Ordering::Relaxed);
    }

    /// Starts a job on a thread of its own and returns its id.
    ///
    /// # Errors
    /// There is one that it must not run beside, there are too many, the service stops.
    pub fn start(
        self: &Arc<Self>,
        kind: Kind,
        work: impl FnOnce(&Arc<Job>) -> Done + Send + 'static,
    ) -> Result<String, NotStarted> {
        let mut table = self.table();
        if table.is_closed {
            return Err(NotStarted::Stopping);
        }
        let running: Vec<&Arc<Job>> = table.jobs.iter().filter(|job| job.is_running()).collect();
        if let (true, Some(other)) = (kind.is_alone, running.iter().find(|job| job.func == kind.func)) {
            let is_cancelled = other.cancelled().load(Ordering::Relaxed);
            return Err(NotStarted::Alone { id: other.id.clone(), is_cancelled });
        }
        if running.len() >= AT_ONCE {
            return Err(NotStarted::TooMany(AT_ONCE));
        }
        let job = Arc::new(Job::new(kind));
        let (jobs, own) = (Arc::clone(self), Arc::clone(&job));
        let run = move || {
            let _span = tracing::info_span!(target: "palladium::server", "job", job_id = own.id).entered();
            let done = guarded(|| work(&own));
            own.settle(done.unwrap_or_else(|panic| Done::Failed { said: "it panicked".to_owned(), logged: panic }));
            jobs.settled(&own);
            jobs.n_running.send_modify(|count| *count -= 1);
        };
        // It counts before its thread can be done with it.
        self.n_running.send_modify(|count| *count += 1);
        if let Err(error) = std::thread::Builder::new().name("job".to_owned()).spawn(run) {
            self.n_running.send_modify(|count| *count -= 1);
            return Err(NotStarted::NoThread(error.to_string()));
        }
        tracing::info!(target: "palladium::server", job_id = job.id, "started the job `{}`", job.func);
        let id = job.id.clone();
        table.jobs.push(job);
        Ok(id)
    }

    /// Returns all jobs by their ids, in the order of their starts.
    pub fn to_json(&self) -> Json {
        let jobs = self.table().jobs.clone();
        Json::Object(jobs.iter().map(|job| (job.id.clone(), job.to_json())).collect())
    }

    /// Returns a job.
    pub fn get(&self, id: &str) -> Option<Json> {
        self.find(id).map(|job| job.to_json())
    }

    /// Asks a job to stop.
    pub fn cancel(&self, id: &str) -> Cancel {
        let Some(job) = self.find(id) else { return Cancel::Unknown };
        match &job.cancel {
            _ if !job.is_running() => Cancel::Over,
            None => Cancel::Impossible,
            Some(flag) => {
                flag.store(true, Ordering::Relaxed);
                Cancel::Asked(job.to_json())
            }
        }
    }

    /// Returns what work of a cancelled job has to hold until it ends, so that it may be left to itself; nothing where
    /// there is too much of that already.
    pub fn leave_work(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.left).try_acquire_owned().ok()
    }

    /// Has no further job start, and asks those that run to stop. All of their work may be left to itself: it ends with
    /// the process.
    pub fn close(&self) {
        let mut table = self.table();
        table.is_closed = true;
        self.left.add_permits(AT_ONCE);
        for flag in table.jobs.iter().filter_map(|job| job.cancel.as_ref()) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// Waits until no job runs, so long at most, and tells how many still do.
    pub async fn idle(&self, longest: Duration) -> usize {
        let mut running = self.n_running.subscribe();
        // The sender lives as long as this table: waiting ends by the number or by the time.
        let _ = timeout(longest, running.wait_for(|count| *count == 0)).await;
        *self.n_running.borrow()
    }

    fn find(&self, id: &str) -> Option<Arc<Job>> {
        self.table().jobs.iter().find(|job| job.id == id).cloned()
    }

    /// Returns how many jobs run and what became of the others.
    pub fn counts(&self) -> JobCounts {
        let table = self.table();
        // A job that ends is for a moment in both numbers, never in none.
        let running = u64::try_from(*self.n_running.borrow()).unwrap_or(u64::MAX);
        JobCounts { running, ..table.over }
    }

    /// Counts a job that is over, and forgets those that ended first beyond those that are kept.
    fn settled(&self, job: &Job) {
        let mut table = self.table();
        match job.state().status {
            Status::Running => {}
            Status::Finished => table.over.finished += 1,
            Status::Error => table.over.failed += 1,
            Status::Cancelled => table.over.cancelled += 1,
        }
        table.ended.push_back(job.id.clone());
        let surplus = table.ended.len().saturating_sub(self.keep.load(Ordering::Relaxed));
        let forgotten: Vec<String> = table.ended.drain(..surplus).collect();
        table.jobs.retain(|job| !forgotten.contains(&job.id));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn new(kind: Kind) -> Job {
        let state = State { status: Status::Running, phase: None, phases: serde_json::Map::new(), end: None };
        Job {
            id: Uuid::new_v4().to_string(),
            func: kind.func,
            started: Utc::now(),
            since: Instant::now(),
            cancel: kind.is_cancellable.then(Arc::default),
            state: Mutex::new(state),
        }
    }

    /// Returns the flag that asks the job to stop.
    pub fn cancelled(&self) -> Arc<AtomicBool> {
        self.cancel.clone().unwrap_or_default()
    }

    /// Notes that the job enters a phase.
    pub fn enter(&self, phase: &'static str) {
        let mut state = self.state();
        state.leave();
        state.phase = Some((phase, Instant::now()));
    }

    fn settle(&self, done: Done) {
        let id = &self.id;
        let (status, info) = match done {
            Done::Finished(info) => (Status::Finished, info),
            Done::Cancelled(info) => (Status::Cancelled, info),
            Done::Failed { said, logged } => {
                tracing::error!(target: "palladium::server", job_id = id, "the job `{}` failed: {logged}", self.func);
                (Status::Error, format!("{said}, job id {id}"))
            }
        };
        tracing::info!(target: "palladium::server", job_id = id, "the job `{}` is over: {}", self.func, status.as_str());
        let mut state = self.state();
        state.leave();
        state.status = status;
        state.end = Some((Utc::now(), self.since.elapsed(), info));
    }

    fn is_running(&self) -> bool {
        self.state().status == Status::Running
    }

    fn to_json(&self) -> Json {
        let state = self.state();
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        let seconds = state.end.as_ref().map_or_else(|| self.since.elapsed(), |(_, seconds, _)| *seconds);
        let mut shown = json!({
            "id": self.id,
            "func": self.func,
            "started": time(self.started),
            "status": state.status.as_str(),
            "seconds": seconds.as_secs_f64(),
        });
        if let Some((phase, since)) = state.phase {
            shown["phase"] = json!({"name": phase, "seconds": since.elapsed().as_secs_f64()});
        }
        if !state.phases.is_empty() {
            shown["phases"] = Json::Object(state.phases.clone());
        }
        if let Some((finished, _, info)) = &state.end {
            shown["finished"] = json!(time(*finished));
            shown["info"] = json!(info);
        }
        shown
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds the time of the phase that ends to its name, which may have been entered before.
    fn leave(&mut self) {
        if let Some((phase, since)) = self.phase.take() {
            let before = self.phases.get(phase).and_then(Json::as_f64).unwrap_or(0.0);
            self.phases.insert(phase.to_owned(), json!(before + since.elapsed().as_secs_f64()));
        }
    }
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Finished => "finished",
            Status::Error => "error",
            Status::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const KIND: Kind = Kind { func: "test", is_alone: false, is_cancellable: false };

    fn wait_until(is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < deadline, "it does not become so");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn those_that_ended_first_are_forgotten_first() {
        let jobs = Jobs::new(2);
        let (ends, may_end) = channel();
        let long = jobs
            .start(KIND, move |_| {
                may_end.recv().unwrap();
                Done::Finished("long".to_owned())
            })
            .unwrap();
        let n_over = || jobs.counts().finished;
        let start_short = |count| {
            let id = jobs.start(KIND, |_| Done::Finished("short".to_owned())).unwrap();
            wait_until(|| n_over() == count);
            id
        };
        let short: Vec<String> = (1..=3).map(start_short).collect();
        let is_there = |id: &str| jobs.get(id).is_some();
        assert_eq!([&short[0], &short[1], &short[2], &long].map(|id| is_there(id)), [false, true, true, true]);
        ends.send(()).unwrap();
        wait_until(|| n_over() == 4);
        assert_eq!([&short[1], &short[2], &long].map(|id| is_there(id)), [false, true, true]);
        start_short(5);
        assert_eq!([&short[2], &long].map(|id| is_there(id)), [false, true]);
        start_short(6);
        assert!(!is_there(&long));
        jobs.keep(0);
        start_short(7);
        assert_eq!(jobs.to_json(), json!({}));
    }
}
