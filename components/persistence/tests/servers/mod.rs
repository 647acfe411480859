//! The servers that tests find by variables of the environment. A kind of server without its variable is left out.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use palladium_component::interfaces::Component;
use palladium_component::prelude::*;

use crate::testing::component;

/// Where a store of objects lies, and what it is told about that.
pub struct Place {
    /// The last part of the name of the component, without `IO`.
    pub kind: &'static str,
    /// What the names of objects begin with; no other test has the same.
    pub prefix: String,
    /// The arguments that all stores of the kind take.
    pub arguments: Vec<(&'static str, Data)>,
}

/// Returns a place on each of the servers that there are.
pub fn places() -> Vec<Place> {
    [rest(), s3(), azure()].into_iter().flatten().collect()
}

/// Returns a place on the web server.
pub fn rest() -> Option<Place> {
    let server = server("PALLADIUM_TEST_HTTP")?;
    let auth = list(&["palladium", "test-password"]);
    let arguments = vec![("auth", auth), ("lease", Data::Float(1.0))];
    Some(Place { kind: "Rest", prefix: format!("{server}/{}/", unique()), arguments })
}

/// Returns a place on the server of S3 that honours conditions.
pub fn s3() -> Option<Place> {
    Some(bucket(&server("PALLADIUM_TEST_S3")?, "test"))
}

/// Returns a place on the server of S3 that ignores conditions.
pub fn unconditional_s3() -> Option<Place> {
    Some(bucket(&server("PALLADIUM_TEST_S3_UNCONDITIONAL")?, "S3RVER"))
}

/// Returns a place on the emulator of Azure.
pub fn azure() -> Option<Place> {
    let server = server("PALLADIUM_TEST_AZURE")?;
    let arguments = vec![("emulator", Data::Bool(true)), ("endpoint", text(&server))];
    Some(Place { kind: "Azure", prefix: format!("models/{}/", unique()), arguments })
}

/// Returns a text as an argument.
pub fn text(text: &str) -> Data {
    Data::Text(text.to_owned())
}

/// Returns a list of texts as an argument.
pub fn list(texts: &[&str]) -> Data {
    Data::List(texts.iter().map(|item| Value::new(text(item), Span::nowhere("test"))).collect())
}

impl Place {
    /// Returns the store of objects, or what is wrong with its arguments.
    pub fn open(&self) -> Result<Arc<dyn ArtifactStore>, String> {
        artifact_store(&format!("palladium.persistence.{}IO", self.kind), &self.arguments)
    }

    /// Returns the name of an object.
    pub fn name(&self, last: &str) -> String {
        format!("{}{last}", self.prefix)
    }

    /// Replaces an argument or adds one.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Data) -> Place {
        self.arguments.retain(|(other, _)| *other != name);
        self.arguments.push((name, value));
        self
    }
}

/// Returns the store of objects of a name with these arguments, or what is wrong with them.
pub fn artifact_store(name: &str, arguments: &[(&str, Data)]) -> Result<Arc<dyn ArtifactStore>, String> {
    let Data::Component(made) = component(name, arguments)? else { panic!("{name} is no component") };
    Ok(<dyn ArtifactStore as Interface>::of(made.downcast_ref::<Component>().unwrap()).unwrap())
}

fn bucket(server: &str, key: &str) -> Place {
    let arguments = vec![
        ("endpoint", text(server)),
        ("region", text("us-east-1")),
        ("access_key_id", text(key)),
        ("secret_access_key", text(key)),
        ("allow_http", Data::Bool(true)),
    ];
    Place { kind: "S3", prefix: format!("models/{}/", unique()), arguments }
}

/// Returns where a server is.
pub fn server(variable: &str) -> Option<String> {
    let server = std::env::var(variable).ok().filter(|server| !server.is_empty());
    if server.is_none() {
        let all = std::env::var("PALLADIUM_TEST_SERVERS").is_ok_and(|which| which == "all");
        assert!(!all, "`PALLADIUM_TEST_SERVERS` asks for all servers, and `{variable}` is missing");
        println!("left out: `{variable}` names no server");
    }
    server.map(|server| server.trim_end_matches('/').to_owned())
}

/// Returns letters and digits that no other test has.
pub fn unique() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("test-{:x}-{:x}", now.as_nanos(), fastrand::u64(..))
}
