//! Findings as the workflow commands of GitHub Actions, which annotate the lines of a change.

use palladium_component::value::{Diagnostic, Diagnostics};

/// Returns one `::error` line for each finding.
pub fn github(findings: &Diagnostics) -> String {
    findings.iter().map(annotation).collect::<Vec<_>>().join("\n")
}

fn annotation(finding: &Diagnostic) -> String {
    let label = finding.labels.iter().find(|label| label.primary);
    let mut properties = Vec::new();
    if let Some(span) = label.map(|label| &label.span).filter(|span| span.is_quotable()) {
        let (start, end) = (span.start(), span.end());
        properties.push(("file", span.source().name().to_owned()));
        properties.push(("line", start.line.to_string()));
        properties.push(("endLine", end.line.to_string()));
        // Columns may only be given for a place in one line.
        if start.line == end.line {
            properties.push(("col", start.column.to_string()));
            properties.push(("endColumn", end.column.to_string()));
        }
    }
    properties.push(("title", finding.code.as_str().to_owned()));
    let properties: Vec<String> =
        properties.into_iter().map(|(name, value)| format!("{name}={}", escape_property(&value))).collect();
    format!("::error {}::{}", properties.join(","), escape_data(&message(finding)))
}

/// Returns everything that a finding says beside its place.
fn message(finding: &Diagnostic) -> String {
    let mut lines = vec![finding.message.clone()];
    lines.extend(
        finding.labels.iter().filter(|label| label.primary && !label.text.is_empty()).map(|label| label.text.clone()),
    );
    for label in finding.labels.iter().filter(|label| !label.primary) {
        lines.push(match label.text.is_empty() {
            true => format!("see {}", label.span),
            false => format!("{}: {}", label.span, label.text),
        });
    }
    lines.extend(finding.key_path.iter().filter(|key| !key.is_root()).map(|key| format!("in `{key}`")));
    lines.extend(finding.notes.iter().cloned());
    lines.extend(finding.help.iter().map(|help| format!("help: {help}")));
    lines.join("\n")
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use palladium_component::value::{Code, KeyPath, Source, Span};

    use super::*;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        let source = Source::new("a,b:c%.ron", "{\n  x: ä,\n}");
        let finding = |range| {
            Diagnostic::new(Code::BadArguments, "100% wrong\r\n::error::forged")
                .at(&Span::new(&source, range), "here")
                .also(&Span::new(&source, 0..1), "")
                .in_key(&KeyPath::parse("a.b"))
                .help("write `b`")
        };
        assert_eq!(
            annotation(&finding(7..9)),
            "::error file=a%2Cb%3Ac%25.ron,line=2,endLine=2,col=6,endColumn=7,title=bad_arguments::100%25 wrong%0D%0A\
             ::error::forged%0Ahere%0Asee a,b:c%25.ron:1:1%0Ain `a.b`%0Ahelp: write `b`"
        );
        assert!(annotation(&finding(0..12)).starts_with("::error file=a%2Cb%3Ac%25.ron,line=1,endLine=3,title="));
        let nowhere = Diagnostic::new(Code::Syntax, "x").at(&Span::nowhere("command line"), "");
        assert_eq!(annotation(&nowhere), "::error title=syntax::x");
    }
}
