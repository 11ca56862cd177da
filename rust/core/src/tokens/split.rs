//! Cuts text into the pieces that the published patterns match, without a regex.
//!
//! Invariant: pieces are never empty, follow one another without a gap and cover
//! the text. Each function says which alternative of the pattern it is; they are
//! tried in the pattern's order and what a backtracking engine would give back
//! is worked out in one pass forward. The patterns are those of `OpenAI`'s
//! `tiktoken_ext/openai_public.py`, as `bpe-openai` states them.

use super::Encoding;
use super::classes::{Class, class_at};

/// The end of the piece that starts at byte `at`; `text.len()` at the end.
#[inline]
#[must_use]
pub fn piece_end(encoding: Encoding, text: &str, at: usize) -> usize {
    let Some((class, length)) = class_at(text, at) else { return text.len() };
    let word = match encoding {
        Encoding::O200k => cased_word(text, at, class, length),
        Encoding::Cl100k => plain_word(text, at, class, length),
    };
    if let Some(end) = word {
        return end;
    }
    match class {
        Class::Number => numbers(text, at),
        Class::Space | Class::Newline => {
            symbols_after_blank(encoding, text, at).unwrap_or_else(|| spaces(text, at))
        }
        _ => symbols(encoding, text, at + length),
    }
}

/// `[^\r\n\p{L}\p{N}]?U*L+(?i:'s|…)?` and then the same with `U+L*`, where U is
/// the upper set and L the lower set (caseless letters and marks are in both).
#[inline]
fn cased_word(text: &str, at: usize, class: Class, length: usize) -> Option<usize> {
    let upper = if class.is_prefix() {
        let run = case_run(text, at + length);
        if let Some(end) = run.lower_end {
            return Some(contraction_end(text, end));
        }
        run.upper_end
    } else {
        None
    };
    if class.is_letter() || class == Class::Mark {
        let run = case_run(text, at);
        return run.lower_end.or(run.upper_end).map(|end| contraction_end(text, end));
    }
    upper.map(|end| contraction_end(text, end))
}

/// Where `U*L+` ends, or, if that fails, where `U+` ends.
struct CaseRun {
    lower_end: Option<usize>,
    upper_end: Option<usize>,
}

#[inline]
fn case_run(text: &str, start: usize) -> CaseRun {
    let mut at = start;
    // `U*` is greedy; if no lowercase follows, it gives back down to the last
    // character that is in both sets, and `L+` ends just there.
    let mut last_both = None;
    while let Some((class, length)) = class_at(text, at) {
        if class == Class::Lower {
            return CaseRun { lower_end: Some(lower_run(text, at + length)), upper_end: None };
        }
        if !class.is_upper_set() {
            break;
        }
        at += length;
        if class != Class::Upper {
            last_both = Some(at);
        }
    }
    CaseRun { lower_end: last_both, upper_end: (at > start).then_some(at) }
}

#[inline]
fn lower_run(text: &str, at: usize) -> usize {
    run_while(text, at, Class::is_lower_set)
}

/// `(?i:'s|…)` and then `[^\r\n\p{L}\p{N}]?\p{L}+`.
#[inline]
fn plain_word(text: &str, at: usize, class: Class, length: usize) -> Option<usize> {
    let contraction = contraction_end(text, at);
    if contraction > at {
        return Some(contraction);
    }
    let start = if class.is_prefix() { at + length } else { at };
    let end = run_while(text, start, Class::is_letter);
    (end > start).then_some(end)
}

/// The end of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at `at`, else `at` itself.
///
/// Case folding is Unicode's, so `'ſ` (U+017F) is `'s`.
#[inline]
fn contraction_end(text: &str, at: usize) -> usize {
    let Some((b'\'', rest)) = text.as_bytes().get(at..).and_then(<[u8]>::split_first) else { return at };
    let fold = |index: usize| rest.get(index).map_or(0, u8::to_ascii_lowercase);
    match (fold(0), fold(1)) {
        (b's' | b't' | b'm' | b'd', _) => at + 2,
        (b'r' | b'v', b'e') | (b'l', b'l') | (0xc5, 0xbf) => at + 3,
        _ => at,
    }
}

/// `\p{N}{1,3}`.
fn numbers(text: &str, start: usize) -> usize {
    let mut at = start;
    for _ in 0..3 {
        match class_at(text, at) {
            Some((Class::Number, length)) => at += length,
            _ => break,
        }
    }
    at
}

/// ` [^\s\p{L}\p{N}]+[\r\n]*`: a blank and then symbols.
fn symbols_after_blank(encoding: Encoding, text: &str, at: usize) -> Option<usize> {
    if text.as_bytes().get(at) != Some(&b' ') {
        return None;
    }
    let (class, length) = class_at(text, at + 1)?;
    class.is_symbol().then(|| symbols(encoding, text, at + 1 + length))
}

/// `[^\s\p{L}\p{N}]*[\r\n]*`, and `[\r\n/]*` at the end in `o200k_base`.
fn symbols(encoding: Encoding, text: &str, at: usize) -> usize {
    let end = run_while(text, at, Class::is_symbol);
    let slash = encoding == Encoding::O200k;
    let tail = text.as_bytes().get(end..).unwrap_or_default();
    let more = tail.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n') || (slash && byte == b'/'));
    end + more.count()
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last newline of the run if there is
/// one; else the run, less its last character when text follows.
fn spaces(text: &str, start: usize) -> usize {
    let (mut at, mut last, mut newline) = (start, start, None);
    while let Some((class, length)) = class_at(text, at).filter(|(class, _)| class.is_space()) {
        last = at;
        at += length;
        if class == Class::Newline {
            newline = Some(at);
        }
    }
    match newline {
        Some(end) => end,
        None if at < text.len() && last > start => last,
        None => at,
    }
}

#[inline]
fn run_while(text: &str, start: usize, belongs: impl Fn(Class) -> bool) -> usize {
    let mut at = start;
    while let Some((class, length)) = class_at(text, at) {
        if !belongs(class) {
            break;
        }
        at += length;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(encoding: Encoding, text: &str) -> Vec<&str> {
        let (mut at, mut all) = (0, Vec::new());
        while at < text.len() {
            let end = piece_end(encoding, text, at);
            all.push(&text[at..end]);
            at = end;
        }
        all
    }

    #[test]
    fn o200k_words_follow_case() {
        let cases: &[(&str, &[&str])] = &[
            ("HelloWorld's FOO", &["Hello", "World's", " FOO"]),
            ("日本ABC", &["日本", "ABC"]),
            ("ABCd'LLx", &["ABCd'LL", "x"]),
            ("\u{301}ABC", &["\u{301}", "ABC"]),
            ("\u{301}abc", &["\u{301}abc"]),
            ("(word) a//\n/b", &["(word", ")", " a", "//\n/", "b"]),
            ("12345", &["123", "45"]),
        ];
        for (text, expected) in cases {
            assert_eq!(pieces(Encoding::O200k, text), *expected, "{text:?}");
        }
    }

    #[test]
    fn cl100k_words_do_not() {
        let cases: &[(&str, &[&str])] = &[
            ("HelloWorld'S FOO", &["HelloWorld", "'S", " FOO"]),
            ("'lla 'x", &["'ll", "a", " '", "x"]),
            ("'\u{17f}t", &["'\u{17f}", "t"]),
            ("a//\n/b", &["a", "//\n", "/b"]),
        ];
        for (text, expected) in cases {
            assert_eq!(pieces(Encoding::Cl100k, text), *expected, "{text:?}");
        }
    }

    #[test]
    fn white_space_keeps_its_last_blank_for_the_word() {
        let cases: &[(&str, &[&str])] = &[
            ("a   b", &["a", "  ", " b"]),
            ("a  \n\n  b", &["a", "  \n\n", " ", " b"]),
            ("a  ", &["a", "  "]),
            ("a\n ", &["a", "\n", " "]),
            ("\t\t1", &["\t", "\t", "1"]),
            (" \r\n!", &[" \r\n", "!"]),
        ];
        for (text, expected) in cases {
            assert_eq!(pieces(Encoding::O200k, text), *expected, "{text:?}");
            assert_eq!(pieces(Encoding::Cl100k, text), *expected, "{text:?}");
        }
    }
}
