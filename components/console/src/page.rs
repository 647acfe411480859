//! The files of the page, which the program holds itself.

use palladium_component::prelude::*;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("assets/console.html");
const STYLE: &str = include_str!("assets/console.css");
const PROGRAM: &str = include_str!("assets/console.js");
const ICON: &str = include_str!("assets/icon.svg");

/// What the page may load and do: what this service itself has, and nothing that is written into the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// Returns the page with its title, at the path of a rule, to which its links are relative.
pub fn page(request: &ViewRequest, title: &str, rule: &str) -> ViewResponse {
    let below = match rule.rsplit('/').next() {
        None | Some("") => String::new(),
        Some(last) => format!("{last}/"),
    };
    let text = PAGE.replace("{{title}}", &escape(title)).replace("{{rule}}", rule).replace("{{below}}", &below);
    let mut response = file(request, "text/html; charset=utf-8", text);
    response.set_header("content-security-policy", POLICY);
    response
}

/// Returns how the page looks.
pub fn style(request: &ViewRequest) -> ViewResponse {
    file(request, "text/css; charset=utf-8", STYLE.to_owned())
}

/// Returns what the page does.
pub fn program(request: &ViewRequest) -> ViewResponse {
    file(request, "text/javascript; charset=utf-8", PROGRAM.to_owned())
}

/// Returns the sign of the page.
pub fn icon(request: &ViewRequest) -> ViewResponse {
    file(request, "image/svg+xml", ICON.to_owned())
}

/// Returns a file, or that the browser has it already: it keeps the file, and asks each time.
fn file(request: &ViewRequest, content_type: &str, text: String) -> ViewResponse {
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&text)[..16]));
    let known = request.header("if-none-match").unwrap_or_default();
    let mut is_known = known.split(',').map(|known| known.trim().trim_start_matches("W/"));
    let (status, body) = match is_known.any(|known| known == tag || known == "*") {
        true => (304, Vec::new()),
        false => (200, text.into_bytes()),
    };
    let mut response = ViewResponse { status, headers: Pairs::default(), body };
    for (name, value) in [
        ("content-type", content_type),
        ("etag", &tag),
        ("cache-control", "private, no-cache"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        response.set_header(name, value);
    }
    response
}

/// Returns a text as it stands in HTML, within quotes or without.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(response: &ViewResponse) -> &str {
        std::str::from_utf8(&response.body).unwrap()
    }

    fn header<'a>(response: &'a ViewResponse, name: &str) -> &'a str {
        response.header(name).unwrap_or_default()
    }

    #[test]
    fn the_form_knows_every_type() {
        for kind in ColumnType::ALL {
            assert!(PROGRAM.contains(&format!("\n  {}: \"", kind.as_str())), "{kind}");
        }
    }

    #[test]
    fn links_are_relative_to_the_rule_and_titles_are_text() {
        let request = ViewRequest::default();
        for (rule, below) in [("/console", "console/"), ("/a/b", "b/"), ("/a/", ""), ("/", "")] {
            let page = page(&request, "<b>\"A\" & 'B'</b>", rule);
            assert!(text(&page).contains(&format!("href=\"{below}console.css\"")), "{rule}");
            assert!(text(&page).contains(&format!("src=\"{below}console.js\"")), "{rule}");
            assert!(text(&page).contains("<title>&lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;&lt;/b&gt;"));
            assert!(!text(&page).contains("{{"));
        }
    }

    #[test]
    fn nothing_is_written_into_the_page_that_the_policy_forbids() {
        for forbidden in ["<style", " style=", " onclick=", "javascript:", "http://", "https://", "//cdn"] {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
        assert_eq!(PAGE.matches("<script").count(), 1);
        for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "import("] {
            assert!(!PROGRAM.contains(forbidden), "{forbidden}");
        }
        assert!(!STYLE.contains("@import") && !STYLE.contains("url("));
        let page = page(&ViewRequest::default(), "A", "/console");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self'"] {
            assert!(header(&page, "content-security-policy").contains(part), "{part}");
        }
        assert!(!header(&page, "content-security-policy").contains("unsafe"));
        assert_eq!(header(&page, "x-content-type-options"), "nosniff");
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let first = style(&ViewRequest::default());
        let tag = header(&first, "etag").to_owned();
        let asked = |known: &str| {
            let headers = Pairs::from_iter([("if-none-match", known)]);
            style(&ViewRequest { headers, ..ViewRequest::default() })
        };
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            assert_eq!((asked(&known).status, asked(&known).body.len()), (304, 0), "{known}");
        }
        assert_eq!(asked("\"other\"").status, 200);
        assert_ne!(header(&program(&ViewRequest::default()), "etag"), tag);
    }
}
