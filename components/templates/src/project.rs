//! The configuration of a project for some data.

use std::path::Path;

use crate::inspect::Inspection;
use crate::language::{Language, in_comment};
use crate::split::Halves;

/// Returns the configuration.
pub fn configuration(language: Language, data: &Path, inspection: &Inspection, halves: &Halves) -> String {
    let (map, null) = (language.map(), language.null());
    let mut text = header(data, inspection, halves);
    let mut line = |depth: usize, content: &str| {
        text.push_str(&"    ".repeat(depth));
        text.push_str(content);
        text.push('\n');
    };
    line(0, map);
    line(1, &format!("\"dataset_loader_train\": {map}"));
    line(2, "\"!\": \"palladium.dataset.CSV\",");
    line(2, &format!("\"path\": {},", language.beside("", "/train.csv")));
    if inspection.rows.separator != b',' {
        line(2, &format!("\"sep\": {},", language.text(&char::from(inspection.rows.separator).to_string())));
    }
    if !inspection.has_header {
        line(2, &format!("\"header\": {null},"));
    }
    line(2, &format!("\"target_column\": {},", language.text(&inspection.target)));
    for (name, reason) in &inspection.left_out {
        line(2, &format!("// `{}` is left out: {reason}.", in_comment(name)));
    }
    if !inspection.left_out.is_empty() {
        line(2, &format!("\"usecols\": {},", used_columns(language, inspection)));
    }
    line(1, "},");
    line(1, &format!("\"dataset_loader_test\": {map}"));
    line(2, "\"__copy__\": \"dataset_loader_train\",");
    line(2, &format!("\"path\": {},", language.beside("", "/test.csv")));
    line(1, "},");
    line(0, "");
    line(1, "// A small `C` keeps the model simple, a large one lets it follow the training data closely.");
    line(1, &format!("\"model\": {map}"));
    line(2, "\"!\": \"palladium.linear.LogisticRegression\",");
    line(2, "\"C\": 1.0,");
    line(2, "\"max_iter\": 1000,");
    line(1, "},");
    line(0, "");
    line(1, "// Models are stored in a database and the active one is kept in memory while serving.");
    line(1, &format!("\"model_persister\": {map}"));
    line(2, "\"!\": \"palladium.persistence.CachedUpdatePersister\",");
    line(2, &format!("\"impl\": {map}"));
    line(3, "\"!\": \"palladium.persistence.Database\",");
    line(3, &format!("\"url\": {},", language.beside("sqlite:///", "/models.db")));
    line(2, "},");
    line(1, "},");
    line(0, "");
    line(1, &format!("\"predict_service\": {map}"));
    line(2, "\"!\": \"palladium.server.PredictService\",");
    line(2, "\"mapping\": [");
    for name in &inspection.features {
        line(3, &format!("[{}, \"float\"],", language.text(name)));
    }
    line(2, "],");
    line(1, "},");
    line(0, "");
    line(1, &format!("\"service_metadata\": {map}"));
    let stem = data.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    line(2, &format!("\"service_name\": {},", language.text(&stem)));
    line(2, "\"service_version\": \"0.1\",");
    line(1, "},");
    line(0, "");
    line(1, "// `/alive` answers 503 until a model is active.");
    line(1, &format!("\"alive\": {map}"));
    line(2, "\"process_store_required\": [\"model_persister\"],");
    line(1, "},");
    line(0, "}");
    text
}

fn header(data: &Path, inspection: &Inspection, halves: &Halves) -> String {
    let file = data.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    format!(
        "// Predicts `{}`, one of {} classes, from {}. Of the rows of each class, three quarters are in\n\
         // train.csv ({} in all) and one quarter is in test.csv ({}).\n",
        in_comment(&inspection.target),
        inspection.classes.len(),
        in_comment(&file),
        halves.n_train,
        halves.n_test,
    )
}

/// Returns the columns that are read, in the order of the file. A file without names has them at their positions.
fn used_columns(language: Language, inspection: &Inspection) -> String {
    let names = inspection.features.iter().chain([&inspection.target]);
    let names: Vec<String> = match inspection.has_header {
        true => names.map(|name| language.text(name)).collect(),
        false => names.cloned().collect(),
    };
    format!("[{}]", names.join(", "))
}

/// Returns what there is to say about the data.
pub fn report(inspection: &Inspection, halves: &Halves) -> Vec<String> {
    let classes: Vec<String> = inspection.classes.iter().map(|(label, count)| format!("{label} ({count})")).collect();
    let shown = match classes.get(..10) {
        Some(first) if classes.len() > 10 => format!("{}, …", first.join(", ")),
        _ => classes.join(", "),
    };
    let mut lines = vec![
        format!("classification of `{}` into {} classes: {shown}", inspection.target, classes.len()),
        format!("{} rows for training, {} for testing, each class in both", halves.n_train, halves.n_test),
        format!("{} features: {}", inspection.features.len(), inspection.features.join(", ")),
    ];
    lines.extend(inspection.left_out.iter().map(|(name, reason)| format!("column `{name}` is left out: {reason}")));
    match inspection.n_incomplete {
        0 => {}
        1 => lines.push("1 row with a missing value is left out".to_owned()),
        count => lines.push(format!("{count} rows with missing values are left out")),
    }
    let single = inspection.single.iter();
    lines.extend(single.map(|label| format!("class `{label}` is left out: it has one complete row only")));
    lines
}

/// Returns a request for the service with the features of the first row.
pub fn request(inspection: &Inspection) -> String {
    let pairs = inspection.features.iter().zip(&inspection.sample);
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{}={}", encoded(name), number(value))).collect();
    format!("/predict?{}", pairs.join("&"))
}

/// Returns a cell as the service takes it for a number.
fn number(cell: &str) -> &str {
    match cell {
        "true" => "1",
        "false" => "0",
        number => number,
    }
}

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_in_every_place() {
        assert_eq!(encoded("a b&'ä"), "a%20b%26%27%C3%A4");
        assert_eq!(Language::Ron.text("a\"\\\n${here}"), r#""a\"\\\n$${here}""#);
        assert_eq!(Language::Rhai.text("a\"${here}"), r#""a\"${here}""#);
        assert_eq!(in_comment("a\nb"), "a b");
    }
}
