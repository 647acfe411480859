//! Fits that are cancelled, by a request and by the end of the service.

use super::*;

impl Admin {
    /// Waits until so many loads are running.
    fn until_loading(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.loader.running.load(Ordering::SeqCst) != count {
            assert!(Instant::now() < deadline, "{count} loads are expected");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn one_fit_runs_at_a_time_until_it_is_cancelled() {
    let admin = Admin::usual(Learns::Forever);
    let id = admin.fit("");
    let job = admin.until(&id, |job| job["phase"]["name"] == "fit");
    assert_eq!((&job["status"], job.get("finished"), job.get("info")), (&json!("running"), None, None));
    assert!(job["seconds"].as_f64().unwrap() >= job["phase"]["seconds"].as_f64().unwrap());
    let second = admin.form("/fit", "");
    assert_eq!((second.status, &second.json()["job_id"]), (409, &json!(id)), "{}", second.body);
    let said = format!("there is one at a time, and the job {id} is running");
    assert_eq!(second.json()["error_message"], json!(said));
    assert_eq!(admin.running.get("/alive").status, 200, "a fit keeps nobody waiting");
    assert_eq!(admin.delete("nothing").status, 404);
    assert_eq!(admin.running.get("/jobs/nothing").status, 404);
    let cancelled = admin.delete(&id);
    assert_eq!((cancelled.status, &cancelled.json()["id"]), (202, &json!(id)));
    let job = admin.over(&id);
    assert_eq!(job["status"], "cancelled");
    assert_eq!(job["info"], "the fit was cancelled: nothing was stored");
    assert_eq!(admin.delete(&id).status, 409, "it is over");
    assert!(admin.shelf.models.lock().unwrap().is_empty());
    admin.learns(Learns::AtOnce);
    assert_eq!(admin.over(&admin.fit(""))["status"], "finished");
}

#[test]
fn a_fit_that_waits_for_a_silent_server_is_cancelled_at_once() {
    let admin = Admin::usual(Learns::AtOnce);
    for is_silent in [&admin.shelf.is_silent, &admin.loader.is_silent] {
        is_silent.store(true, Ordering::SeqCst);
        let id = admin.fit("");
        admin.until(&id, |job| job["phase"]["name"] == "load");
        let cancelled = Instant::now();
        assert_eq!(admin.delete(&id).status, 202);
        assert_eq!(admin.over(&id)["info"], "the fit was cancelled: nothing was stored");
        assert!(cancelled.elapsed() < Duration::from_secs(5), "{:?}", cancelled.elapsed());
        let next = admin.fit("");
        assert_eq!(admin.job(&next)["status"], "running");
        is_silent.store(false, Ordering::SeqCst);
        assert_eq!(admin.over(&next)["status"], "finished");
    }
    admin.until_loading(0);
    assert_eq!(admin.shelf.models.lock().unwrap().len(), 2, "what was given up stores nothing");
}

#[test]
fn four_loads_of_cancelled_fits_may_go_on_by_themselves() {
    let admin = Admin::usual(Learns::AtOnce);
    admin.loader.is_silent.store(true, Ordering::SeqCst);
    let cancelled = |count| {
        let id = admin.fit("");
        admin.until_loading(count);
        assert_eq!(admin.delete(&id).status, 202);
        id
    };
    for count in 1..=4 {
        assert_eq!(admin.over(&cancelled(count))["status"], "cancelled");
    }
    let fifth = cancelled(5);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(admin.job(&fifth)["status"], "running");
    let refused = admin.form("/fit", "");
    assert_eq!((refused.status, &refused.json()["job_id"]), (409, &json!(fifth)), "{}", refused.body);
    let said = format!("there is one at a time, and the job {fifth} was cancelled and has not ended yet");
    assert_eq!(refused.json()["error_message"], json!(said));
    admin.loader.is_silent.store(false, Ordering::SeqCst);
    assert_eq!(admin.over(&fifth)["status"], "cancelled");
    admin.until_loading(0);
    // Their places are free again.
    admin.loader.is_silent.store(true, Ordering::SeqCst);
    assert_eq!(admin.over(&cancelled(1))["status"], "cancelled");
    admin.loader.is_silent.store(false, Ordering::SeqCst);
    assert_eq!(admin.over(&admin.fit(""))["status"], "finished");
    assert_eq!(admin.shelf.models.lock().unwrap().len(), 1, "what was given up stores nothing");
}

#[test]
fn a_stop_cancels_what_runs_and_waits_for_it_so_long() {
    let admin = Admin::usual(Learns::Forever);
    let id = admin.fit("");
    admin.until(&id, |job| job["phase"]["name"] == "fit");
    let started = Instant::now();
    admin.running.stopper.stop();
    admin.running.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "it need not wait until the time is over");
    assert!(admin.shelf.models.lock().unwrap().is_empty());

    let soon = json!({"server": {"shutdown_timeout": 0.3}});
    let deaf = Admin::start(Learns::Deaf, &soon, Decorators::default(), options());
    let id = deaf.fit("");
    deaf.until(&id, |job| job["phase"]["name"] == "fit");
    let started = Instant::now();
    deaf.running.stopper.stop();
    deaf.running.join().unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
}

#[test]
fn a_stop_waits_for_no_silent_server() {
    let admin = Admin::usual(Learns::AtOnce);
    admin.loader.is_silent.store(true, Ordering::SeqCst);
    for count in 1..=5 {
        let id = admin.fit("");
        admin.until_loading(count);
        admin.delete(&id);
        if count < 5 {
            admin.over(&id);
        }
    }
    let (loader, stopped) = (Arc::clone(&admin.loader), Instant::now());
    admin.running.stopper.stop();
    admin.running.join().unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
    assert_eq!(loader.running.load(Ordering::SeqCst), 5);
    loader.is_silent.store(false, Ordering::SeqCst);
}
