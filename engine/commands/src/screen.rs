//! How wide a terminal is and which characters it shows, and texts that fit into it.

use std::io::IsTerminal;
use std::os::fd::AsFd;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::table::visible;

/// How results are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// So many columns of characters.
    pub width: usize,
    /// Whether there are other characters than those of ASCII.
    pub is_unicode: bool,
}

/// The width where nothing says another.
const WIDTH: usize = 100;

impl Screen {
    /// Returns the screen that standard output is shown on.
    pub fn of_standard_output() -> Screen {
        Screen::of(&std::io::stdout())
    }

    /// Returns the screen that standard error is shown on.
    pub fn of_standard_error() -> Screen {
        Screen::of(&std::io::stderr())
    }

    /// Returns the screen of a stream: as wide as the variable COLUMNS says, else as the terminal is.
    fn of<S: AsFd + IsTerminal>(stream: &S) -> Screen {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let said = variable("COLUMNS").and_then(|columns| columns.parse().ok());
        let terminal = || {
            let size = stream.is_terminal().then(|| rustix::termios::tcgetwinsize(stream).ok());
            size.flatten().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0)
        };
        let width = said.or_else(terminal).unwrap_or(WIDTH).clamp(20, 1000);
        Screen { width, is_unicode: is_unicode(variable) }
    }
}

/// Tells whether the locale and the terminal show more than ASCII; without a locale it is taken for granted.
fn is_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(&variable);
    let is_utf8 = locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    is_utf8 && variable("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Returns how wide a text is shown.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Returns a text without what would steer a terminal, cut to a width where it is wider.
pub fn cut(text: &str, limit: usize, screen: &Screen) -> String {
    let text = visible(text);
    if text.width() <= limit {
        return text;
    }
    let mark = if screen.is_unicode { "…" } else { "..." };
    let Some(room) = limit.checked_sub(mark.width()) else { return String::new() };
    let mut shown = String::new();
    let mut taken = 0;
    for character in text.chars() {
        taken += character.width().unwrap_or(0);
        if taken > room {
            break;
        }
        shown.push(character);
    }
    shown.push_str(mark);
    shown
}

/// Returns a text with spaces before or behind it, so that it has a width.
pub fn padded(text: &str, to: usize, is_right: bool) -> String {
    let spaces = " ".repeat(to.saturating_sub(text.width()));
    if is_right { format!("{spaces}{text}") } else { format!("{text}{spaces}") }
}

/// Returns a bar of a width of which a share is filled; the rest is blank.
pub fn bar(share: f64, width: usize, screen: &Screen) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    if !screen.is_unicode {
        return "#".repeat((share * width as f64).round() as usize);
    }
    let eighths = (share * width as f64 * 8.0).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// Returns a line of characters of which each is as high as a count.
pub fn heights(counts: &[usize], screen: &Screen) -> String {
    const UNICODE: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const ASCII: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '@'];
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    // Whatever is there is seen.
    let level = |count: usize| (count as u128 * 8).div_ceil(most as u128) as usize;
    let levels = if screen.is_unicode { UNICODE } else { ASCII };
    counts.iter().map(|count| levels[level(*count)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNICODE: Screen = Screen { width: 80, is_unicode: true };
    const ASCII: Screen = Screen { width: 80, is_unicode: false };

    #[test]
    fn texts_are_cut_to_what_is_seen() {
        let cases = [
            ("abc", 3, "abc", "abc"),
            ("abcdef", 4, "abc…", "a..."),
            ("日本語", 5, "日本…", "日..."),
            ("a\u{1b}[31m", 6, "a\u{fffd}[31m", "a\u{fffd}[31m"),
            ("abcdef", 0, "", ""),
        ];
        for (text, limit, unicode, ascii) in cases {
            assert_eq!((cut(text, limit, &UNICODE).as_str(), cut(text, limit, &ASCII).as_str()), (unicode, ascii));
            assert!(width(&cut(text, limit, &UNICODE)) <= limit);
        }
        assert_eq!((padded("é", 3, true), padded("日", 3, false)), ("  é".into(), "日 ".into()));
    }

    #[test]
    fn bars_and_heights_are_in_proportion() {
        assert_eq!(bar(0.5, 4, &UNICODE), "██");
        assert_eq!(bar(0.28, 4, &UNICODE), "█▏");
        assert_eq!(
            (bar(0.5, 4, &ASCII), bar(f64::NAN, 4, &ASCII), bar(2.0, 3, &ASCII)),
            ("##".into(), String::new(), "###".into())
        );
        assert_eq!(heights(&[0, 1, 50, 100], &UNICODE), " ▁▄█");
        assert_eq!(heights(&[0, 1, 50, 100], &ASCII), " .=@");
        assert_eq!(heights(&[0, 0], &ASCII), "  ");
    }

    #[test]
    fn the_locale_says_which_characters_there_are() {
        let of = |set: &[(&str, &str)]| {
            let set: Vec<(String, String)> =
                set.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            is_unicode(|name| set.iter().find(|(set, _)| set == name).map(|(_, value)| value.clone()))
        };
        assert!(of(&[]) && of(&[("LANG", "de_DE.UTF-8")]) && of(&[("LC_ALL", "C.utf8"), ("LANG", "C")]));
        assert!(!of(&[("LANG", "C")]) && !of(&[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")]));
        assert!(!of(&[("LANG", "C.UTF-8"), ("TERM", "dumb")]));
    }
}
