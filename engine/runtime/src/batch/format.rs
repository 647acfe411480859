//! What files of rows are written in.

use std::path::Path;

/// What a file of rows is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Values with a header, separated by this byte.
    Csv(u8),
    /// A JSON object a line.
    Ndjson,
    /// Columns of types.
    Parquet,
}

impl Format {
    /// The names of the formats.
    pub const NAMES: [&'static str; 4] = ["csv", "tsv", "ndjson", "parquet"];

    /// The extensions that say a format.
    pub const EXTENSIONS: [&'static str; 5] = ["csv", "tsv", "ndjson", "jsonl", "parquet"];

    /// Values that are separated by commas.
    pub const COMMAS: Format = Format::Csv(b',');

    /// Values that are separated by tabs.
    pub const TABS: Format = Format::Csv(b'\t');

    /// Returns the format of a name.
    pub fn of_name(name: &str) -> Option<Format> {
        match name {
            "csv" => Some(Format::COMMAS),
            "tsv" => Some(Format::TABS),
            "ndjson" => Some(Format::Ndjson),
            "parquet" => Some(Format::Parquet),
            _ => None,
        }
    }

    /// Returns the format that the extension of a file's name says, if it says one.
    pub fn of_path(path: &Path) -> Option<Format> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(Format::COMMAS),
            "tsv" => Some(Format::TABS),
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "parquet" => Some(Format::Parquet),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_say_the_format() {
        let cases = [
            ("a.csv", Some(Format::COMMAS)),
            ("b.d/a.CSV", Some(Format::COMMAS)),
            ("a.tsv", Some(Format::TABS)),
            ("a.ndjson", Some(Format::Ndjson)),
            ("a.jsonl", Some(Format::Ndjson)),
            ("a.parquet", Some(Format::Parquet)),
            ("a.csv.gz", None),
            ("csv", None),
            ("-", None),
        ];
        for (name, expected) in cases {
            assert_eq!(Format::of_path(Path::new(name)), expected, "{name}");
        }
        for name in Format::NAMES {
            assert!(Format::of_name(name).is_some(), "{name}");
        }
        for extension in Format::EXTENSIONS {
            assert!(Format::of_path(Path::new("a").with_extension(extension).as_path()).is_some(), "{extension}");
        }
    }
}
