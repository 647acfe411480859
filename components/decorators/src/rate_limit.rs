//! How often one caller may call.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use palladium_component::ParamType;
use palladium_component::prelude::*;

use crate::plain::HeaderName;
use crate::view::{described_later, later, principal, request_of};

/// Bounds how often one caller may call.
///
/// Who calls more often gets status 429, with `Retry-After` in seconds. Every answer tells in `RateLimit-Limit`,
/// `RateLimit-Remaining` and `RateLimit-Reset` how many requests may follow at once, and in how many seconds that is the
/// full number again.
///
/// ```ron
/// "predict_decorators": [{ "!": "palladium.decorators.RateLimit", "per_second": 10, "burst": 20 }]
/// ```
///
/// Each caller has a store of `burst` requests, which fills at the rate `per_second` or `per_minute` (GCRA, the leaky
/// bucket as a meter). A caller is known by the address of the connection (an IPv6 network of 64 bits is one caller), by
/// the principal where `by` is `principal`, or by the value of a header where `by` is `header`. Behind a proxy all
/// connections come from it: there a header that the proxy itself sets is the one to take, and none that callers can
/// choose. Who is not known by the principal or the header is known by the address.
///
/// Outside of the decorator that authenticates it also slows the guessing of passwords down; inside of it, principals are
/// known. Where `by` is `principal`, one has to stand further outside: `palladium check` finds a list without it, and a
/// service with such a list does not start.
///
/// The counts are those of this process. Of more than `max_keys` callers at a time the further ones share one store.
#[component(Decorator, name = "palladium.decorators.RateLimit", check)]
pub struct RateLimit {
    /// The requests per second that one caller may make in the long run. Either this or `per_minute` is given.
    #[param(min = 1e-6, max = 1e6)]
    per_second: Option<f64>,
    /// The requests per minute that one caller may make in the long run.
    #[param(min = 1e-6, max = 1e6)]
    per_minute: Option<f64>,
    /// The requests that one caller may make at once; without it as many as in one second or minute.
    #[param(min = 1, max = 1_000_000)]
    burst: Option<u32>,
    /// What a caller is known by: `peer`, `principal` or `header`.
    #[param(default = "peer")]
    by: By,
    /// The header that callers are known by.
    header: Option<HeaderName>,
    /// How many callers are counted at a time.
    #[param(default = 10000, min = 1)]
    max_keys: usize,
    #[state]
    hasher: RandomState,
    #[state]
    stores: Mutex<HashMap<Store, Instant>>,
}

/// Whose store it is, by a hash that takes up the same space for everybody; nothing stands for all others.
type Store = Option<u64>;

/// What a caller is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Peer,
    Principal,
    Header,
}

impl FromArgument for By {
    const TYPE: ParamType = ParamType::Choice(&["peer", "principal", "header"]);

    fn from_argument(value: &Value) -> Result<By, Mismatch> {
        match value.as_text() {
            Some("peer") => Ok(By::Peer),
            Some("principal") => Ok(By::Principal),
            Some("header") => Ok(By::Header),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

/// What a store has after a request.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    is_admitted: bool,
    remaining: u32,
    /// The seconds until the store is full.
    reset: u64,
    /// The seconds until it has a request again.
    retry: u64,
}

impl RateLimit {
    fn check(&self) -> Result<(), ArgumentError> {
        match (self.per_second, self.per_minute) {
            (None, None) => {
                let message = "`per_second` or `per_minute` is needed".to_owned();
                let help = Some("`per_second: 10` lets each caller make ten requests a second".to_owned());
                return Err(ArgumentError { parameter: None, message, help });
            }
            (Some(_), Some(_)) => {
                return Err(ArgumentError::new("per_minute", "give `per_second` or `per_minute`, not both"));
            }
            _ => {}
        }
        match (self.by == By::Header, &self.header) {
            (true, None) => Err(ArgumentError::new("by", "`header` has to name the header that callers are known by")),
            (false, Some(_)) => {
                let error = ArgumentError::new("header", "`header` is without effect");
                Err(error.help("set `by` to \"header\""))
            }
            _ => Ok(()),
        }
    }

    /// Returns the time in which a store gets one request.
    fn period(&self) -> Duration {
        let per_second = self.per_second.or(self.per_minute.map(|rate| rate / 60.0)).unwrap_or(1.0);
        Duration::from_secs_f64(1.0 / per_second)
    }

    fn burst(&self) -> u32 {
        let rate = self.per_second.or(self.per_minute).unwrap_or(1.0);
        // Rates are bounded, so this is no number that does not fit.
        self.burst.unwrap_or((rate.ceil() as u32).max(1))
    }

    fn key(&self, request: &ViewRequest) -> String {
        let named = match self.by {
            By::Peer => None,
            By::Principal => principal(request).map(|name| format!("principal {name}")),
            By::Header => {
                let value = self.header.as_ref().and_then(|name| request.header(&name.0));
                value.filter(|value| !value.is_empty()).map(|value| format!("header {value}"))
            }
        };
        named.unwrap_or_else(|| match request.peer {
            Some(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
                let [a, b, c, d, ..] = address.segments();
                format!("peer {a:x}:{b:x}:{c:x}:{d:x}")
            }
            Some(address) => format!("peer {}", address.to_canonical()),
            None => "peer".to_owned(),
        })
    }

    /// Takes a request out of a store. The store is known by the time at which it is full again.
    fn take(&self, caller: &str, now: Instant) -> Left {
        let key = Some(self.hasher.hash_one(caller));
        let (period, burst) = (self.period(), self.burst());
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if stores.len() >= self.max_keys && !stores.contains_key(&key) {
            stores.retain(|_, full| *full > now);
        }
        let is_known = stores.len() < self.max_keys || stores.contains_key(&key);
        let key = key.filter(|_| is_known);
        let full = stores.get(&key).copied().unwrap_or(now).max(now);
        let after = full + period;
        let whole = period * burst;
        let is_admitted = after <= now + whole;
        let full = if is_admitted { after } else { full };
        if is_admitted {
            stores.insert(key, after);
        }
        let used = (full - now).as_secs_f64() / period.as_secs_f64();
        let seconds = |time: Duration| time.as_secs() + u64::from(time.subsec_nanos() > 0);
        Left {
            is_admitted,
            remaining: burst.saturating_sub(used.ceil() as u32),
            reset: seconds(full - now),
            retry: seconds((full + period).saturating_duration_since(now + whole)),
        }
    }
}

impl Decorator for RateLimit {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let request = request_of(&call)?;
        let left = self.take(&self.key(request), Instant::now());
        let mut response = match left.is_admitted {
            true => ViewResponse::try_from(call.proceed()?)?,
            false => later(request, 429, "too many requests, try again later", left.retry),
        };
        response.set_header("ratelimit-limit", self.burst().to_string());
        response.set_header("ratelimit-remaining", left.remaining.to_string());
        response.set_header("ratelimit-reset", left.reset.to_string());
        Ok(response.into())
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn goes_by_caller(&self) -> bool {
        self.by == By::Principal
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        Some(DecoratorDocs {
            headers: vec![
                OperationHeader::count("ratelimit-limit", "How many requests may follow at once."),
                OperationHeader::count("ratelimit-remaining", "How many of them are left."),
                OperationHeader::count("ratelimit-reset", "In how many seconds that is the full number again."),
            ],
            responses: vec![described_later(429, "Too many requests.")],
            ..DecoratorDocs::default()
        })
    }

    fn needs_body(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{decorator, header, plan, request, through};

    fn limit(per_second: f64, burst: u32, max_keys: usize) -> RateLimit {
        RateLimit {
            per_second: Some(per_second),
            per_minute: None,
            burst: Some(burst),
            by: By::Peer,
            header: None,
            max_keys,
            hasher: RandomState::new(),
            stores: Mutex::default(),
        }
    }

    #[test]
    fn stores_empty_and_fill() {
        let (limit, start) = (limit(2.0, 3, 10), Instant::now());
        let at = |milliseconds: u64| {
            let left = limit.take("a", start + Duration::from_millis(milliseconds));
            (left.is_admitted, left.remaining, left.reset, left.retry)
        };
        assert_eq!(at(0), (true, 2, 1, 0));
        assert_eq!(at(0), (true, 1, 1, 0));
        assert!(at(0).0);
        assert_eq!(at(0), (false, 0, 2, 1));
        assert_eq!(at(499), (false, 0, 2, 1));
        assert_eq!(at(500), (true, 0, 2, 1));
        assert!(!at(500).0);
        assert_eq!(at(60_000), (true, 2, 1, 0));
        assert!(limit.take("b", start).is_admitted, "everybody has a store of their own");
    }

    #[test]
    fn every_answer_tells_what_is_left() {
        // A store that gets a request in two hours: no machine is so slow that it has another one in between.
        let limit = decorator("RateLimit", &json!({"per_minute": 1.0 / 120.0, "burst": 2}));
        for (status, left, n_used) in [(200, "1", 1), (200, "0", 2), (429, "0", 2)] {
            let answer = through(&[&limit], &request("GET", &[]));
            assert_eq!((answer.status, header(&answer, "ratelimit-limit")), (status, Some("2")));
            assert_eq!(header(&answer, "ratelimit-remaining"), Some(left));
            let seconds = |name: &str| header(&answer, name).map(|text| text.parse::<u64>().unwrap());
            let reset = seconds("ratelimit-reset").unwrap();
            assert!((n_used * 7_000..=n_used * 7_200).contains(&reset), "{reset}");
            let again = seconds("retry-after");
            assert_eq!(
                again.map(|again| (7_000..=7_200).contains(&again)),
                (status == 429).then_some(true),
                "{again:?}"
            );
        }
    }

    #[test]
    fn the_number_of_stores_is_bounded() {
        let (limit, now) = (limit(1.0, 1, 2), Instant::now());
        let admitted = |key: &str, time: Instant| limit.take(key, time).is_admitted;
        assert_eq!(["a", "b", "c", "d", "a"].map(|key| admitted(key, now)), [true, true, true, false, false]);
        assert!(limit.stores.lock().unwrap().len() <= 3);
        let later = now + Duration::from_secs(2);
        assert!(admitted("d", later), "who has not called for a while makes room");
        assert_eq!(limit.stores.lock().unwrap().len(), 1);
    }

    #[test]
    fn callers_are_told_apart() {
        let by = |by: &str| {
            let mut arguments = json!({"per_minute": 1, "by": by});
            if by == "header" {
                arguments["header"] = "X-Client".into();
            }
            decorator("RateLimit", &arguments)
        };
        let from = |peer: &str, name: &str| {
            let mut request = request("GET", &[("x-client", name)]);
            request.peer = Some(peer.parse().unwrap());
            request.caller.identify(Identity { principal: name.to_owned(), scopes: Vec::new() });
            request
        };
        let same_or_not = [
            ("peer", from("10.0.0.1", "a"), from("10.0.0.1", "b"), 429),
            ("peer", from("10.0.0.1", "a"), from("10.0.0.2", "a"), 200),
            ("peer", from("10.0.0.1", "a"), from("::ffff:10.0.0.1", "a"), 429),
            ("peer", from("2001:db8::1", "a"), from("2001:db8::2", "a"), 429),
            ("peer", from("2001:db8::1", "a"), from("2001:db8:0:1::1", "a"), 200),
            ("principal", from("10.0.0.1", "a"), from("10.0.0.2", "a"), 429),
            ("principal", from("10.0.0.1", "a"), from("10.0.0.1", "b"), 200),
            ("header", from("10.0.0.1", "a"), from("10.0.0.2", "a"), 429),
            ("header", from("10.0.0.1", "a"), from("10.0.0.1", "b"), 200),
        ];
        for (key, first, second, status) in same_or_not {
            let limit = by(key);
            assert_eq!(through(&[&limit], &first).status, 200);
            let answer = through(&[&limit], &second);
            assert_eq!(answer.status, status, "{key} {:?} {:?}", first.peer, second.peer);
            if status == 429 {
                assert_eq!(header(&answer, "retry-after"), Some("60"));
                assert_eq!(header(&answer, "ratelimit-remaining"), Some("0"));
            }
        }
    }

    #[test]
    fn arguments_are_checked() {
        for (arguments, said) in [
            (json!({}), "`per_second` or `per_minute` is needed"),
            (json!({"per_second": 1, "per_minute": 1}), "give `per_second` or `per_minute`, not both"),
            (json!({"per_second": 0}), "`per_second`"),
            (json!({"per_minute": 1e-300}), "`per_minute`"),
            (json!({"per_second": 1, "burst": 0}), "`burst`"),
            (json!({"per_second": 1, "by": "name"}), "`by`"),
            (json!({"per_second": 1, "by": "header"}), "`header` has to name"),
            (json!({"per_second": 1, "header": "X-A"}), "without effect"),
        ] {
            let findings = plan("RateLimit", &arguments).err().unwrap();
            assert!(findings.contains(said), "{findings}");
        }
        let (seldom, often) = (json!({"per_minute": 1e-6, "burst": 1_000_000}), json!({"per_second": 1e6}));
        for arguments in [seldom, often] {
            assert_eq!(through(&[&decorator("RateLimit", &arguments)], &request("GET", &[])).status, 200);
        }
    }
}
