//! The page that shows the document: Swagger UI, whose files are part of the program.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::GzDecoder;
use palladium_component::prelude::*;
use sha2::{Digest, Sha256};

/// What the page may do: show its own files and ask its own server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page.
struct File {
    name: &'static str,
    content_type: &'static str,
    content: &'static [u8],
    /// Whether the content is compressed by gzip.
    is_compressed: bool,
}

const FILES: [File; 4] = [
    File {
        name: "swagger-ui-bundle.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js.gz"),
        is_compressed: true,
    },
    File {
        name: "swagger-ui.css",
        content_type: "text/css; charset=utf-8",
        content: include_bytes!("../assets/swagger-ui/swagger-ui.css.gz"),
        is_compressed: true,
    },
    File {
        name: "swagger-ui-bundle.js.LICENSE.txt",
        content_type: "text/plain; charset=utf-8",
        content: include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js.LICENSE.txt"),
        is_compressed: false,
    },
    File {
        name: "docs.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../assets/docs.js"),
        is_compressed: false,
    },
];

/// The page.
pub struct Page<'a> {
    pub title: &'a str,
    /// Where the document is, as the page writes it.
    pub document: &'a str,
    /// The folder of the files, as the page writes it.
    pub folder: &'a str,
}

impl Page<'_> {
    /// Returns the page.
    pub fn answer(&self) -> ViewResponse {
        let html = include_str!("../assets/docs.html")
            .replace("{title}", &escape(self.title))
            .replace("{document}", &escape(self.document))
            .replace("{folder}", &escape(self.folder));
        let mut response = ViewResponse::text(200, html);
        response.set_header("content-type", "text/html; charset=utf-8");
        response.set_header("cache-control", "no-cache");
        response.set_header("content-security-policy", POLICY);
        response.set_header("referrer-policy", "no-referrer");
        response.set_header("x-content-type-options", "nosniff");
        response
    }
}

/// Returns the header that has caches ask anew each time.
pub fn cache_header() -> OperationHeader {
    OperationHeader::text("cache-control", "That caches have to ask each time.")
}

fn sniff_header() -> OperationHeader {
    OperationHeader::text("x-content-type-options", "That the content is of the type that is named.")
}

/// Returns the headers of the page.
pub fn headers() -> Vec<OperationHeader> {
    vec![
        cache_header(),
        OperationHeader::text("content-security-policy", "What the page may load and ask."),
        OperationHeader::text("referrer-policy", "That the page does not tell where it is."),
        sniff_header(),
    ]
}

/// Returns the headers of the files of the page.
pub fn file_headers() -> Vec<OperationHeader> {
    let etag = OperationHeader::text("etag", "The tag of the file, for `if-none-match`.");
    let vary = OperationHeader::text("vary", "The headers of requests that change the answer.");
    vec![cache_header(), etag, vary.optional(), sniff_header()]
}

/// Returns the media types of the files of the page, each once.
pub fn media_types() -> impl Iterator<Item = &'static str> {
    let types = FILES.iter().filter_map(|file| file.content_type.split(';').next());
    types.collect::<BTreeSet<_>>().into_iter()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Returns a file of the page, compressed where the client takes that.
///
/// # Errors
/// A file of the program cannot be decompressed.
pub fn answer_file(name: &str, request: &ViewRequest) -> Result<ViewResponse, Failure> {
    let Some(file) = FILES.iter().find(|file| file.name == name) else {
        return Ok(refusal(request));
    };
    let is_sent_compressed = file.is_compressed && takes_gzip(request);
    let tag = tag(file, is_sent_compressed);
    let mut headers = Pairs::from_iter([
        ("content-type", file.content_type),
        ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("etag", &tag),
    ]);
    if file.is_compressed {
        headers.push("vary", "accept-encoding");
    }
    if request.header("if-none-match").is_some_and(|known| is_known(known, &tag)) {
        return Ok(ViewResponse { status: 304, headers, body: Vec::new() });
    }
    let body = match (file.is_compressed, is_sent_compressed) {
        (true, false) => {
            let mut body = Vec::new();
            let read = GzDecoder::new(file.content).read_to_end(&mut body);
            read.map_err(|error| Failure::message(format!("`{name}` cannot be decompressed: {error}")))?;
            body
        }
        _ => file.content.to_vec(),
    };
    if is_sent_compressed {
        headers.push("content-encoding", "gzip");
    }
    Ok(ViewResponse { status: 200, headers, body })
}

fn refusal(request: &ViewRequest) -> ViewResponse {
    let body = r#"{"status":"ERROR","error_code":-1,"error_message":"the page has no such file"}"#;
    let mut response = ViewResponse::text(404, body);
    response.set_header("content-type", "application/json; charset=utf-8");
    response.set_header("x-request-id", request.request_id.as_str());
    response
}

/// Returns the tag by which browsers know a file that they have.
fn tag(file: &File, is_compressed: bool) -> String {
    const SHOWN: usize = 16;
    let digits = hex::encode(Sha256::digest(file.content));
    format!("\"{}{}\"", &digits[..SHOWN], if is_compressed { "-gzip" } else { "" })
}

/// Tells whether a list of tags, as in the header `if-none-match`, has one.
fn is_known(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Tells whether a client takes what is compressed by gzip.
fn takes_gzip(request: &ViewRequest) -> bool {
    let accepted = request.header("accept-encoding").unwrap_or_default().to_ascii_lowercase();
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next() == Some("gzip");
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f64>);
        is_gzip && quality.is_ok_and(|quality| quality > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> ViewRequest {
        ViewRequest { headers: headers.iter().copied().collect(), ..ViewRequest::default() }
    }

    fn header<'a>(response: &'a ViewResponse, name: &str) -> Option<&'a str> {
        response.header(name)
    }

    #[test]
    fn files_come_as_clients_take_them() {
        for (accepted, compressed) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("x-gzip", false),
        ] {
            let answer = answer_file("swagger-ui.css", &request(&[("accept-encoding", accepted)])).unwrap();
            assert_eq!(header(&answer, "content-encoding"), compressed.then_some("gzip"), "{accepted}");
            assert_eq!(header(&answer, "vary"), Some("accept-encoding"));
            assert_eq!(answer.body.starts_with(b".swagger-ui"), !compressed, "{accepted}");
        }
        let plain = answer_file("docs.js", &request(&[("accept-encoding", "gzip")])).unwrap();
        assert_eq!((header(&plain, "content-encoding"), plain.status), (None, 200));
        for name in ["", "docs.html", "../docs.js", "swagger-ui.css.gz", "SOURCE"] {
            assert_eq!(answer_file(name, &request(&[])).unwrap().status, 404, "{name}");
        }
    }

    #[test]
    fn browsers_keep_what_they_have() {
        let first = answer_file("docs.js", &request(&[])).unwrap();
        let tag = header(&first, "etag").unwrap();
        for (known, status) in [(tag, 304), (&*format!("\"x\", W/{tag}"), 304), ("*", 304), ("\"x\"", 200)] {
            let answer = answer_file("docs.js", &request(&[("if-none-match", known)])).unwrap();
            assert_eq!((answer.status, answer.body.is_empty()), (status, status == 304), "{known}");
        }
    }

    #[test]
    fn titles_cannot_leave_their_place() {
        let page = Page { title: "<script>\"&", document: "./a.json", folder: "./docs/" };
        let html = String::from_utf8(page.answer().body).unwrap();
        assert!(html.contains("<title>&lt;script&gt;&quot;&amp;</title>"), "{html}");
        assert!(html.contains("src=\"./docs/docs.js\"") && html.contains("data-document=\"./a.json\""), "{html}");
    }
}
