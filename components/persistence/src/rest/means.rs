//! By which means a server keeps two writers apart, found out with objects of no meaning beside the real ones.

use palladium_component::prelude::*;
use reqwest::StatusCode;
use reqwest::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};

use super::address::Address;
use super::client::{Client, refused, revision};
use super::error::{RestError, is_transient};
use super::lock;

/// What keeps two writers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Folders, which only one of them can make.
    Locks,
    /// Conditions on what is stored, which the server checks.
    Conditions,
    /// Nothing.
    Nothing,
}

impl Means {
    /// Finds out what a server offers in the folder of an object. Nothing is left behind, not even by a failure, as long
    /// as the server can be told to remove it.
    pub fn find(client: &Client, object: &Address) -> Result<Means, RestError> {
        let scratch = object.with_suffix(&format!(".probe-{}", lock::unique()));
        let mut traces = Traces { client, left: Vec::new() };
        traces.expect(&scratch);
        let status = client.repeat(&scratch, || client.upload(&scratch, &PROBE, None))?;
        if !status.is_success() {
            return Err(refused("PUT", &scratch, status));
        }
        let means = if offers_locks(client, &scratch, &mut traces)? {
            Means::Locks
        } else if offers_conditions(client, &scratch, &mut traces)? {
            Means::Conditions
        } else {
            Means::Nothing
        };
        traces.remove(&scratch)?;
        Ok(means)
    }
}

/// What may lie on the server by now, and is removed however the probe ends.
struct Traces<'a> {
    client: &'a Client,
    left: Vec<Address>,
}

impl Traces<'_> {
    /// Notes what is about to be made.
    fn expect(&mut self, object: &Address) {
        self.left.push(object.clone());
    }

    /// Notes that something is not there.
    fn forget(&mut self, object: &Address) {
        self.left.retain(|left| left != object);
    }

    /// Removes what was made.
    fn remove(&mut self, object: &Address) -> Result<(), RestError> {
        self.forget(object);
        self.client.delete(object)
    }
}

impl Drop for Traces<'_> {
    fn drop(&mut self) {
        for object in self.left.iter().rev() {
            let Err(error) = self.client.delete(object) else { continue };
            tracing::debug!(%object, "what a probe has made may stay: {error}");
            // A server that does not answer would have to be waited for again.
            if matches!(error, RestError::Unreachable { .. } | RestError::Stalled { .. }) {
                break;
            }
        }
    }
}

const PROBE: &[u8] = b"{}";

/// Tells whether a folder can be made only once and moved only once.
fn offers_locks(client: &Client, scratch: &Address, traces: &mut Traces<'_>) -> Result<bool, RestError> {
    let folder = scratch.with_suffix(".lock/");
    let moved = scratch.with_suffix(".moved/");
    let make = || settled("MKCOL", &folder, client.change("MKCOL", &folder, &[], Vec::new())?.status);
    traces.expect(&folder);
    if make()? != StatusCode::CREATED {
        traces.forget(&folder);
        return Ok(false);
    }
    let again = make()?;
    traces.expect(&moved);
    let moves = lock::move_folder(client, &folder, &moved)?;
    let elsewhere = scratch.with_suffix(".moved-again/");
    traces.expect(&elsewhere);
    let moves_again = lock::move_folder(client, &folder, &elsewhere)?;
    traces.remove(&folder)?;
    traces.remove(&moved)?;
    if moves_again {
        traces.remove(&elsewhere)?;
    } else {
        traces.forget(&elsewhere);
    }
    Ok(again == StatusCode::METHOD_NOT_ALLOWED && moves && !moves_again)
}

/// Tells whether an object is left alone that is not what was expected, and replaced if it is.
fn offers_conditions(client: &Client, scratch: &Address, traces: &mut Traces<'_>) -> Result<bool, RestError> {
    let put = |object: &Address, condition: &(HeaderName, HeaderValue)| {
        settled("PUT", object, client.repeat(object, || client.upload(object, &PROBE, Some(condition)))?)
    };
    let absent = scratch.with_suffix(".absent");
    let other = (IF_MATCH, HeaderValue::from_static("\"no-such-state\""));
    let refused = put(scratch, &(IF_NONE_MATCH, HeaderValue::from_static("*")))? == StatusCode::PRECONDITION_FAILED
        && put(scratch, &other)? == StatusCode::PRECONDITION_FAILED;
    if !refused {
        return Ok(false);
    }
    traces.expect(&absent);
    let status = put(&absent, &other)?;
    if status.is_success() {
        traces.remove(&absent)?;
    } else {
        traces.forget(&absent);
    }
    let current = client.head(scratch)?.and_then(|headers| revision(&headers)).and_then(|tag| condition(&tag));
    let Some(current) = current.filter(|_| status == StatusCode::PRECONDITION_FAILED) else { return Ok(false) };
    Ok(put(scratch, &current)?.is_success())
}

/// Returns the status of an answer that will be the same tomorrow.
fn settled(method: &'static str, object: &Address, status: StatusCode) -> Result<StatusCode, RestError> {
    if is_transient(status) { Err(refused(method, object, status)) } else { Ok(status) }
}

/// Returns the condition that an object is in this state. There is none for a state that is called weak: it never
/// holds.
pub fn condition(revision: &Revision) -> Option<(HeaderName, HeaderValue)> {
    let value = HeaderValue::from_str(&revision.0).ok()?;
    (!revision.0.starts_with("W/")).then_some((IF_MATCH, value))
}
