//! Views that change something and ask nobody who it is: programs of this machine may use them, and pages of other
//! sites that its browsers show may not, as `site.rs` tells them.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use palladium_component::interfaces::DecoratorList;

use crate::answer::Refusal;
use crate::site;

/// Checks that a request is not another site's. A name that leads here without being this machine's own is that of a
/// proxy, or one that was made to lead here for the sake of a page.
///
/// # Errors
/// It is, as far as a browser or a proxy says.
pub fn check(request: &HttpRequest, decorators: &DecoratorList) -> Result<(), Refusal> {
    let refused = |why: &str| {
        let message = format!(
            "{why}, and this view asks nobody who it is: give it decorators that do, or say \
             `allow_unauthenticated_admin: true` under the root key `server`"
        );
        Err(Refusal::said(StatusCode::FORBIDDEN, -1, message))
    };
    if let Some(host) = site::host(request).filter(|host| !is_of_this_machine(host)) {
        let shown: String = host.chars().take(100).collect();
        return refused(&format!("the host {shown:?} is no name of this machine such as `localhost`"));
    }
    match site::is_welcome(request, decorators) {
        true => Ok(()),
        false => refused("a page of another site has sent this request"),
    }
}

/// Tells whether a host, which may have a port, is `localhost` or an address by which only this machine is reached.
fn is_of_this_machine(host: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (name.ends_with(']') || !name.contains(':')) => name,
        _ => host,
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn hosts_of_this_machine_are_known() {
        for host in [
            "localhost",
            "LocalHost:5000",
            "localhost.",
            "models.localhost:80",
            "127.0.0.1",
            "127.1.2.3:5000",
            "[::1]",
            "[::1]:5000",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(is_of_this_machine(host), "{host}");
        }
        for host in [
            "",
            "example.org",
            "localhost.example.org",
            "notlocalhost",
            "10.0.0.1",
            "[::2]:5000",
            "0.0.0.0:5000",
            "127.0.0.1.example.org",
            "localhost:x",
            "2130706433",
            ":5000",
        ] {
            assert!(!is_of_this_machine(host), "{host}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        const HERE: (&str, &str) = ("host", "localhost:5000");
        let cases: [(&[(&str, &str)], bool); 11] = [
            (&[], true),
            (&[HERE], true),
            (&[("host", "rebound.example:5000")], false),
            (&[("host", "rebound.example:5000"), ("sec-fetch-site", "same-origin")], false),
            (&[HERE, ("sec-fetch-site", "same-origin")], true),
            (&[HERE, ("sec-fetch-site", "none")], true),
            (&[HERE, ("sec-fetch-site", "same-site")], false),
            (&[HERE, ("sec-fetch-site", "cross-site"), ("origin", "http://localhost:5000")], false),
            (&[HERE, ("origin", "http://localhost:5000")], true),
            (&[HERE, ("origin", "http://localhost:8080")], false),
            (&[HERE, ("origin", "null")], false),
        ];
        for (headers, expected) in cases {
            let request = headers.iter().fold(TestRequest::default(), |request, header| request.insert_header(*header));
            let none = DecoratorList::new("a", Vec::new());
            assert_eq!(check(&request.to_http_request(), &none).is_ok(), expected, "{headers:?}");
        }
    }
}
