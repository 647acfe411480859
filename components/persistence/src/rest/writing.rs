//! Storing an object whole under a condition.

use std::io::{self, Read};
use std::sync::Arc;

use palladium_component::prelude::*;
use reqwest::StatusCode;
use reqwest::header::{HeaderName, HeaderValue, IF_NONE_MATCH};

use super::address::Address;
use super::client::{Client, refused};
use super::error::RestError;
use super::{conflict, means};

/// Stores an object under a condition. After a failure that leaves open what happened it is looked at what is there, as
/// the same request would meet its own result.
pub fn put(
    client: &Arc<Client>,
    object: &Address,
    content: &dyn Content,
    expected: &Expected,
) -> Result<(), StoreError> {
    let condition = condition(expected);
    for attempt in 0.. {
        let answer = client.upload(object, content, condition.as_ref());
        let (failure, retry_after) = match answer {
            Ok(answer) if answer.status.is_success() => return Ok(()),
            Ok(answer) if answer.status == StatusCode::PRECONDITION_FAILED => return Err(conflict(object)),
            Ok(answer) => (refused("PUT", object, answer.status), answer.retry_after),
            Err(error) => (error, None),
        };
        let is_open = matches!(&failure, RestError::Stalled { .. }) || failure.is_transient();
        if is_open && *expected != Expected::Anything {
            match look(client, object, content, expected) {
                Ok(Found::Intended) => return Ok(()),
                Ok(Found::Before) => {}
                Ok(Found::Other) => return Err(conflict(object)),
                Err(_) => return Err(failure.into()),
            }
        }
        if attempt >= client.retries() || !failure.is_transient() {
            return Err(failure.into());
        }
        client.pause(object, attempt, retry_after);
    }
    Ok(())
}

/// What lies where an object was to be stored.
enum Found {
    /// What was to be stored.
    Intended,
    /// What lay there before.
    Before,
    /// Something else.
    Other,
}

fn look(
    client: &Arc<Client>,
    object: &Address,
    content: &dyn Content,
    expected: &Expected,
) -> Result<Found, RestError> {
    let unreadable = |source| RestError::Content { object: object.to_string(), source };
    let Some((mut stored, revision)) = client.get(object)? else {
        return Ok(if *expected == Expected::Nothing { Found::Before } else { Found::Other });
    };
    let mut intended = content.open().map_err(unreadable)?;
    if is_same(&mut stored, &mut intended).map_err(unreadable)? {
        return Ok(Found::Intended);
    }
    let is_before = matches!((expected, revision), (Expected::Revision(before), Some(now)) if *before == now);
    Ok(if is_before { Found::Before } else { Found::Other })
}

/// Tells whether two readers have the same bytes left.
fn is_same(first: &mut dyn Read, second: &mut dyn Read) -> io::Result<bool> {
    const PIECE: u64 = 64 * 1024;
    let (mut one, mut other) = (Vec::new(), Vec::new());
    loop {
        one.clear();
        other.clear();
        (&mut *first).take(PIECE).read_to_end(&mut one)?;
        (&mut *second).take(PIECE).read_to_end(&mut other)?;
        if one != other || one.is_empty() {
            return Ok(one == other);
        }
    }
}

fn condition(expected: &Expected) -> Option<(HeaderName, HeaderValue)> {
    match expected {
        Expected::Anything => None,
        Expected::Nothing => Some((IF_NONE_MATCH, HeaderValue::from_static("*"))),
        Expected::Revision(revision) => means::condition(revision),
    }
}
