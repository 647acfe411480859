//! The methods of a route.

use actix_web::http::Method;

/// The methods that a route answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Methods {
    methods: Vec<Method>,
    allow: String,
}

impl Methods {
    /// Returns methods by their names in capitals, with HEAD where there is GET, and OPTIONS.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Methods {
        let mut names: Vec<&str> = names.into_iter().collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        Methods::named(names)
    }

    /// Returns these methods alone by their names in capitals, with OPTIONS.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Methods {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.push("OPTIONS");
        names.sort_unstable();
        names.dedup();
        let methods = names.iter().filter_map(|name| Method::from_bytes(name.as_bytes()).ok()).collect();
        Methods { methods, allow: names.join(", ") }
    }

    /// Tells whether a method is one of them.
    pub fn contains(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    /// Returns their names in capitals.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(Method::as_str)
    }

    /// Returns them as the header `allow` lists them.
    pub fn allow(&self) -> &str {
        &self.allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_comes_with_get_and_options_always() {
        for (names, expected) in [
            (vec!["GET"], "GET, HEAD, OPTIONS"),
            (vec!["POST"], "OPTIONS, POST"),
            (vec!["GET", "DELETE", "GET", "OPTIONS"], "DELETE, GET, HEAD, OPTIONS"),
        ] {
            let methods = Methods::of(names.clone());
            assert_eq!(methods.allow(), expected, "{names:?}");
            assert_eq!(methods.contains(&Method::HEAD), names.contains(&"GET"));
            assert!(!methods.contains(&Method::PUT));
        }
        assert_eq!(Methods::named(["GET"]).allow(), "GET, OPTIONS");
    }
}
