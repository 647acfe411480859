//! The bounds of a histogram of times, as configurations give them.

use std::sync::Arc;

use palladium_component::prelude::*;

/// Bounds in nanoseconds, ascending.
pub struct Buckets(pub Arc<[u64]>);

const NANOSECONDS: f64 = 1e9;

/// So many series there may be for each route and version.
const MOST: usize = 64;

/// A day: a request that takes longer is beyond the bounds of any service.
const LONGEST: f64 = 86_400.0;

impl FromArgument for Buckets {
    const TYPE: ParamType = ParamType::List(&ParamType::Float);

    fn from_argument(value: &Value) -> Result<Buckets, Mismatch> {
        let seconds = Vec::<f64>::from_argument(value)?;
        let nanoseconds: Vec<u64> = seconds.iter().map(|seconds| (seconds * NANOSECONDS).round() as u64).collect();
        let are_times = seconds.iter().all(|seconds| *seconds <= LONGEST) && nanoseconds.first() != Some(&0);
        let ascend = nanoseconds.is_sorted_by(|one, other| one < other);
        if !are_times || !ascend || !(1..=MOST).contains(&nanoseconds.len()) {
            let expected = format!("a list of 1 to {MOST} ascending numbers of seconds, above 0 and up to a day");
            return Err(Mismatch::wrong(expected, value));
        }
        Ok(Buckets(nanoseconds.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_times_that_ascend() {
        let of = |seconds: &[f64]| {
            let span = || Span::nowhere("test");
            let items = seconds.iter().map(|seconds| Value::new(Data::Float(*seconds), span())).collect();
            Buckets::from_argument(&Value::new(Data::List(items), span())).map(|buckets| buckets.0.to_vec())
        };
        assert_eq!(of(&[0.0001, 0.5, 86_400.0]).unwrap(), [100_000, 500_000_000, 86_400_000_000_000]);
        let wrong: [&[f64]; 8] =
            [&[], &[0.0], &[-1.0], &[1.0, 1.0], &[2.0, 1.0], &[f64::NAN], &[f64::INFINITY], &[1.0, 86_401.0]];
        for seconds in wrong {
            assert!(matches!(of(seconds), Err(Mismatch::Wrong { .. })), "{seconds:?}");
        }
        let many: Vec<f64> = (1..=65).map(f64::from).collect();
        assert!(of(&many).is_err() && of(&many[..64]).is_ok());
    }
}
