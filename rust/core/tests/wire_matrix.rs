//! What of a request each provider's dialect says, drops or refuses, found by saying it; the page of it is
//! `docs/reference/dialects.md`.
//!
//! `make golden` writes the page anew; then the diff is read.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

#[path = "support/features.rs"]
mod features;
#[path = "support/members.rs"]
mod members;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use features::groups;
use headgate_core::wire::conversation::{self, Asked, Said};
use headgate_core::wire::endpoint::Dialect;
use headgate_core::wire::manner::{Manner, Traits};
use headgate_core::wire::model::Refused;
use members::own;

const HEAD: &str = "\
# Dialects

What becomes of a request when the provider speaks another dialect than the caller. Where both speak the same, it
goes on as it came, and none of this applies.

The tables are found by doing it: each row is a request that wishes one thing, written in each provider's dialect.

- **yes**: it is said there.
- **yes, without** `x`: the most of it is said; what has no place is named.
- **drops** `x`: it has no place there. The request goes on without it, and `x-headgate-dropped` names `x`; with
  `on_unsupported: reject` the request is refused instead.
- **refuses**: the meaning would be lost, so the caller gets 400 with a message that tells what to do.
- **—**: nothing needs to be said: it is what the provider does anyway, or the path says it.

What depends on the model stands in the footnotes.
";

const MEMBERS: &str = "
## What only one dialect has

Members of requests that have no name of their own in the tables above, by the dialect of the caller.
";

/// A provider's model: what a footnote calls it, and how it is spoken to.
struct Model {
    note: &'static str,
    manner: Manner,
}

/// A provider's dialect, as a column: the usual model stands first.
struct Column {
    heading: &'static str,
    dialect: Dialect,
    models: Vec<Model>,
}

/// What becomes of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Said { without: Vec<String> },
    Dropped(Vec<String>),
    Refused,
    Unneeded,
}

impl Outcome {
    /// From the request that wishes it, and the same without.
    fn of(with: Result<Said, Refused>, without: Result<Said, Refused>) -> Self {
        let (Ok(with), Ok(without)) = (with, without) else { return Self::Refused };
        let dropped = with.dropped.0;
        match (with.body == without.body, dropped.is_empty()) {
            (true, true) => Self::Unneeded,
            (true, false) => Self::Dropped(dropped),
            (false, _) => Self::Said { without: dropped },
        }
    }

    fn text(&self) -> String {
        let names =
            |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Said { without } if without.is_empty() => "yes".to_owned(),
            Self::Said { without } => format!("yes, without {}", names(without)),
            Self::Dropped(dropped) => format!("drops {}", names(dropped)),
            Self::Refused => "refuses".to_owned(),
            Self::Unneeded => "—".to_owned(),
        }
    }
}

fn column(heading: &'static str, dialect: Dialect, models: &[(&'static str, &str, Traits)]) -> Column {
    let model = |&(note, name, traits): &(&'static str, &str, Traits)| {
        let manner = Manner { model: name.to_owned(), traits, ..Manner::default() };
        Model { note, manner }
    };
    Column { heading, dialect, models: models.iter().map(model).collect() }
}

fn columns() -> Vec<Column> {
    let none = Traits::default();
    let claude = "claude-sonnet-4-5";
    let gemini = "gemini-2.5-flash";
    vec![
        column("OpenAI chat", Dialect::OpenAi, &[("", "gpt-5.1", none)]),
        column("OpenAI Responses", Dialect::Responses, &[("", "gpt-5.1", none)]),
        column(
            "Anthropic",
            Dialect::Anthropic,
            &[
                ("", claude, none),
                ("models that take a schema of the answer", claude, Traits::SCHEMAS),
                ("models that budget their thinking themselves", claude, Traits::ADAPTIVE),
                ("models that refuse temperature and `top_p` together", claude, Traits::TEMPERATURE_OR_TOP_P),
            ],
        ),
        column(
            "Gemini",
            Dialect::Gemini,
            &[
                ("", gemini, none),
                ("models that take JSON Schema as it stands", gemini, Traits::JSON_SCHEMA),
                ("models that refuse ids of calls", gemini, Traits::OMIT_CALL_IDS),
                ("models that take media in results", gemini, Traits::MEDIA_IN_RESULTS),
                ("models that think in levels", gemini, Traits::THINKING_LEVEL),
                ("models that check signatures of calls", gemini, Traits::SKIP_SIGNATURE_CHECK),
            ],
        ),
        column("Ollama", Dialect::Ollama, &[("", "qwen3", none), ("`gpt-oss`", "gpt-oss:20b", none)]),
        column(
            "Bedrock",
            Dialect::Bedrock,
            &[
                ("", "eu.anthropic.claude-sonnet-4-20250514-v1:0", none),
                (
                    "Claude, where it refuses temperature and `top_p` together",
                    "anthropic.claude-x",
                    Traits::TEMPERATURE_OR_TOP_P,
                ),
                ("Amazon Nova", "us.amazon.nova-pro-v1:0", none),
                ("`gpt-oss`", "openai.gpt-oss-120b-1:0", none),
                ("other models", "meta.llama3-3-70b-instruct-v1:0", none),
            ],
        ),
    ]
}

/// The footnotes of the page: each text once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    fn number(&mut self, note: String) -> usize {
        self.0.iter().position(|known| *known == note).unwrap_or_else(|| {
            self.0.push(note);
            self.0.len() - 1
        }) + 1
    }

    /// A cell: what becomes of it with the usual model, and footnotes for those that differ.
    fn cell(&mut self, column: &Column, outcome: impl Fn(&Manner) -> Outcome) -> String {
        let usual = outcome(&column.models[0].manner);
        let mut cell = usual.text();
        for model in &column.models[1..] {
            let other = outcome(&model.manner);
            if other != usual {
                let number = self.number(format!("{}, {}: {}", column.heading, model.note, other.text()));
                write!(cell, "[^{number}]").unwrap();
            }
        }
        cell
    }
}

fn heading(page: &mut String, first: &str, columns: &[Column]) {
    write!(page, "| {first} |").unwrap();
    for column in columns {
        write!(page, " {} |", column.heading).unwrap();
    }
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(columns.len()));
    page.push('\n');
}

fn wishes(page: &mut String, notes: &mut Notes) {
    let columns = columns();
    for (title, features) in groups() {
        write!(page, "\n## {title}\n\n").unwrap();
        heading(page, "", &columns);
        for feature in features {
            write!(page, "| {} |", feature.name).unwrap();
            for column in &columns {
                let cell = notes.cell(column, |manner| {
                    let without = conversation::write(&feature.without, column.dialect, manner);
                    Outcome::of(conversation::write(&feature.with, column.dialect, manner), without)
                });
                write!(page, " {cell} |").unwrap();
            }
            page.push('\n');
        }
    }
}

fn specialities(page: &mut String, notes: &mut Notes) {
    page.push_str(MEMBERS);
    for (title, endpoint, base, members) in own() {
        let mut columns = columns();
        let dialect =
            if endpoint.dialect() == Dialect::OllamaGenerate { Dialect::Ollama } else { endpoint.dialect() };
        columns.retain(|column| column.dialect != dialect);
        write!(page, "\n### {title}\n\n").unwrap();
        heading(page, "", &columns);
        for member in members {
            write!(page, "| `{}` |", member.name).unwrap();
            for column in &columns {
                let cell = notes.cell(column, |manner| {
                    let say = |body| {
                        conversation::say(&Asked { endpoint, body, model: "m" }, column.dialect, manner)
                    };
                    Outcome::of(say(&member.body), say(&base))
                });
                write!(page, " {cell} |").unwrap();
            }
            page.push('\n');
        }
    }
}

#[test]
fn the_page_of_dialects_tells_what_is_done() {
    let (mut page, mut notes) = (HEAD.to_owned(), Notes::default());
    wishes(&mut page, &mut notes);
    specialities(&mut page, &mut notes);
    page.push('\n');
    for (at, note) in notes.0.iter().enumerate() {
        writeln!(page, "[^{}]: {note}.", at + 1).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/dialects.md");
    if std::env::var_os("HEADGATE_REWRITE_GOLDEN").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let wrong = page.lines().zip(written.lines()).find(|(now, then)| now != then);
    assert_eq!(wrong, None, "make golden, then read the diff");
    assert_eq!(page, written, "make golden, then read the diff");
}
