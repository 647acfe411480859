//! Requests that a page of another site has sent: browsers add passwords to those too.

use palladium_component::prelude::*;

/// The header that the page sends with what changes something. A page of another site cannot send it unless the
/// service allows that by CORS.
pub const HEADER: &str = "x-palladium-console";

/// Refuses a request that the console's own page cannot have sent.
///
/// # Errors
/// The status and why, in words.
pub fn check(request: &ViewRequest) -> Result<(), (u16, String)> {
    let content_type = request.header("content-type").unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err((415, "send the header `content-type: application/json`".to_owned()));
    }
    if request.header(HEADER).is_none() {
        return Err((403, format!("send the header `{HEADER}: 1`")));
    }
    match is_of_this_site(request) {
        true => Ok(()),
        false => Err((403, "a page of another site has sent this request".to_owned())),
    }
}

/// Tells whether a request comes from this site, as far as a browser says. Where it names how the sites relate, a proxy
/// may have changed the host; programs that are no browsers say nothing.
fn is_of_this_site(request: &ViewRequest) -> bool {
    match (request.header("sec-fetch-site"), request.header("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some() && authority == request.header("host")
        }
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_itself_changes_something() {
        const JSON: (&str, &str) = ("content-type", "application/json");
        const OWN: (&str, &str) = (HEADER, "1");
        const HOST: (&str, &str) = ("host", "models.example:5000");
        type Headers<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Headers<'_>, Option<u16>); 14] = [
            (&[JSON, OWN], None),
            (&[("content-type", "application/JSON; charset=utf-8"), OWN], None),
            (&[OWN], Some(415)),
            (&[("content-type", "text/plain"), OWN], Some(415)),
            (&[("content-type", "application/x-www-form-urlencoded"), OWN], Some(415)),
            (&[JSON], Some(403)),
            (&[JSON, OWN, HOST, ("origin", "http://models.example:5000")], None),
            (&[JSON, OWN, HOST, ("origin", "http://models.example")], Some(403)),
            (&[JSON, OWN, HOST, ("origin", "https://evil.example")], Some(403)),
            (&[JSON, OWN, HOST, ("origin", "null")], Some(403)),
            (&[JSON, OWN, ("origin", "null")], Some(403)),
            (&[JSON, OWN, HOST, ("sec-fetch-site", "same-origin"), ("origin", "https://proxy.example")], None),
            (&[JSON, OWN, HOST, ("sec-fetch-site", "cross-site")], Some(403)),
            (&[JSON, OWN, HOST, ("sec-fetch-site", "same-site"), ("origin", "http://models.example:5000")], Some(403)),
        ];
        for (headers, expected) in cases {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let request = ViewRequest { headers, ..ViewRequest::default() };
            assert_eq!(check(&request).err().map(|(status, _)| status), expected, "{:?}", request.headers);
        }
    }
}
