//! How long a request took, for whoever sent it.

use std::time::Instant;

use palladium_component::ParamType;
use palladium_component::prelude::*;

use crate::plain::is_token;
use crate::view::{add_to_header, answer, request_of};

/// Tells clients how long their request took, in the header `Server-Timing`, which the tools of browsers show.
///
/// ```ron
/// "predict_decorators": [{ "!": "palladium.decorators.Timing", "metric": "predict" }]
/// ```
///
/// The answer then has a header such as `Server-Timing: predict;dur=0.412`, in milliseconds. What is measured is the view
/// with the decorators further inside; several of these add their metrics to one header.
#[component(Decorator, name = "palladium.decorators.Timing")]
pub struct Timing {
    /// What the header calls it.
    #[param(default = "app")]
    metric: Metric,
}

/// The name of a metric.
struct Metric(String);

impl FromArgument for Metric {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<Metric, Mismatch> {
        let name = value.as_text().filter(|text| is_token(text));
        name.map(|name| Metric(name.to_owned())).ok_or_else(|| Mismatch::wrong("a word", value))
    }
}

impl Decorator for Timing {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        request_of(&call)?;
        let started = Instant::now();
        let mut response = answer(call)?;
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        add_to_header(&mut response, "server-timing", &format!("{};dur={milliseconds:.3}", self.metric.0));
        Ok(response.into())
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        let headers = vec![OperationHeader::text("server-timing", "How long the request took.")];
        Some(DecoratorDocs { headers, ..DecoratorDocs::default() })
    }

    fn needs_body(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{decorator, header, plan, request, through};

    #[test]
    fn metrics_add_up() {
        let (inner, outer) = (decorator("Timing", &json!({"metric": "predict"})), decorator("Timing", &json!({})));
        let answer = through(&[&inner, &outer], &request("GET", &[]));
        let metrics: Vec<_> = header(&answer, "server-timing").unwrap().split(", ").collect();
        assert_eq!(metrics.len(), 2);
        for (metric, name) in metrics.iter().zip(["predict", "app"]) {
            let (found, duration) = metric.split_once(";dur=").unwrap();
            assert!(found == name && duration.parse::<f64>().unwrap() >= 0.0, "{metric}");
        }
        for metric in ["", "a b", "a\r\nb", "a;b", "ä"] {
            assert!(plan("Timing", &json!({"metric": metric})).is_err(), "{metric:?}");
        }
    }
}
