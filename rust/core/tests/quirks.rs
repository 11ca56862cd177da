//! A vendor's quirks, against the same edits made on `serde_json`'s tree; what they do not name stays to the byte.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use headgate_core::wire::model::{Chat, Dropped};
use headgate_core::wire::openai::quirks::Quirks;
use headgate_core::wire::openai::request::{Endpoint, scan};
use headgate_core::wire::openai_chat::request::{self, EffortField, Instructions, Limit, StreamUsage};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const NAMES: [&str; 7] = [
    "max_tokens",
    "max_completion_tokens",
    "system_only",
    "no_stream_options",
    "no_parallel_tool_calls",
    "no_reasoning_effort",
    "alternate",
];

fn set(names: &[&str]) -> Quirks {
    names.iter().map(|name| Quirks::named(name).unwrap()).fold(Quirks::default(), |all, one| all | one)
}

fn edited(names: &[&str], body: &str) -> (String, Vec<String>) {
    let mut dropped = Dropped::default();
    let made = set(names).edit(body.as_bytes(), Endpoint::Chat, &mut dropped);
    (made.map_or_else(|| "the same".to_owned(), |made| String::from_utf8(made).unwrap()), dropped.0)
}

/// What the quirks say, done on a tree.
fn by_tree(names: &[&str], mut tree: Value) -> Value {
    let has = |name: &str| names.contains(&name);
    let members = tree.as_object_mut().unwrap();
    for (quirk, field) in [
        ("no_stream_options", "stream_options"),
        ("no_parallel_tool_calls", "parallel_tool_calls"),
        ("no_reasoning_effort", "reasoning_effort"),
    ] {
        if has(quirk) {
            members.remove(field);
        }
    }
    if has("max_tokens") || has("max_completion_tokens") {
        let old = members.remove("max_tokens");
        let new = members.remove("max_completion_tokens");
        let counts =
            new.clone().filter(|limit| !limit.is_null()).or(old.clone().filter(|limit| !limit.is_null()));
        let given = counts.or(new).or(old);
        let name = if has("max_tokens") { "max_tokens" } else { "max_completion_tokens" };
        if let Some(limit) = given {
            members.insert(name.to_owned(), limit);
        }
    }
    if has("system_only") {
        for message in members["messages"].as_array_mut().unwrap() {
            if message["role"] == "developer" {
                message["role"] = json!("system");
            }
        }
    }
    tree
}

fn member() -> impl Strategy<Value = (String, Value)> {
    let limit = prop_oneof![Just(Value::Null), (1_u32..9_999).prop_map(Value::from)];
    prop_oneof![
        (select(vec!["max_tokens", "max_completion_tokens"]), limit)
            .prop_map(|(name, limit)| (name.to_owned(), limit)),
        any::<bool>().prop_map(|on| ("parallel_tool_calls".to_owned(), on.into())),
        any::<bool>().prop_map(|on| ("stream_options".to_owned(), json!({"include_usage": on}))),
        select(vec!["low", "high"]).prop_map(|effort| ("reasoning_effort".to_owned(), effort.into())),
        ("x[a-z]{0,6}", "[ -~é]{0,12}").prop_map(|(name, text)| (name, json!({"max_tokens": [text, 1.5]}))),
    ]
}

fn body() -> impl Strategy<Value = Value> {
    let role = select(vec!["developer", "system", "user", "assistant"]);
    let message = (role, ".{0,12}").prop_map(|(role, text)| {
        json!({"role": role, "content": [{"type": "text", "text": text, "role": "developer"}]})
    });
    (vec(message, 1..4), vec(member(), 0..7), 0_usize..8).prop_map(|(messages, members, at)| {
        let mut all: Vec<_> = Map::from_iter(members).into_iter().collect();
        all.insert(at.min(all.len()), ("messages".to_owned(), messages.into()));
        all.insert(at.min(all.len()), ("model".to_owned(), "m".into()));
        Value::from(Map::from_iter(all))
    })
}

/// The members in any order, with any spacing: a map of `serde_json` is sorted, a caller's body is not.
fn spelled(tree: &Value, order: &[usize], space: &str) -> String {
    let mut members: Vec<_> = tree.as_object().unwrap().iter().collect();
    for (at, to) in order.iter().enumerate().take(members.len()) {
        let to = to % members.len();
        members.swap(at, to);
    }
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{space}{}{space}:{space}{value}{space}", json!(name)))
        .collect();
    format!("{space}{{{}{space}}}{space}", members.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(768))]

    #[test]
    fn an_edit_is_what_it_is_on_a_tree(
        tree in body(),
        names in prop::sample::subsequence(NAMES.to_vec(), 0..=7),
        order in vec(0_usize..16, 0..12),
        space in select(vec!["", " ", "\n\t"]),
    ) {
        let text = spelled(&tree, &order, space);
        prop_assert!(scan(text.as_bytes(), Endpoint::Chat).is_ok());
        let wanted = by_tree(&names, tree.clone());
        let mut dropped = Dropped::default();
        if let Some(made) = set(&names).edit(text.as_bytes(), Endpoint::Chat, &mut dropped) {
            prop_assert_eq!(serde_json::from_slice::<Value>(&made).unwrap(), wanted.clone());
            prop_assert!(scan(&made, Endpoint::Chat).is_ok());
            prop_assert_eq!(set(&names).edit(&made, Endpoint::Chat, &mut dropped), None);
        } else {
            prop_assert_eq!(&tree, &wanted);
        }
        let gone = ["parallel_tool_calls", "reasoning_effort"]
            .into_iter()
            .filter(|name| tree.get(name).is_some() && wanted.get(name).is_none());
        prop_assert!(gone.eq(dropped.0.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>()));
    }
}

#[test]
fn bytes_outside_the_edited_members_are_kept() {
    let head = r#"{ "model" : "m", "x":1.50e0,"#;
    let messages =
        r#""messages":[{"role":"dev\u0065loper","content":"é\n"} , {"role":"user","name":"developer"}]"#;
    let body = format!(
        r#"{head} "max_completion_tokens" : 7 ,{messages}, "parallel_tool_calls":false , "y":"z" }}"#
    );
    let (made, dropped) = edited(&["max_tokens", "system_only", "no_parallel_tool_calls"], &body);
    let wanted = r#""messages":[{"role":"system","content":"é\n"} , {"role":"user","name":"developer"}]"#;
    assert_eq!(made, format!(r#"{head} "max_tokens" : 7 ,{wanted}, "y":"z" }}"#));
    assert_eq!(dropped, ["parallel_tool_calls"]);
}

#[test]
fn a_body_without_a_quirk_s_members_is_not_copied() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"developer"}],"max_tokens":3}"#;
    for names in [&NAMES[..1], &["system_only"], &NAMES[2..]] {
        assert_eq!(edited(names, body), ("the same".to_owned(), Vec::new()), "{names:?}");
    }
    assert_eq!(edited(&[], body).0, "the same");
}

#[test]
fn of_two_maxima_the_newer_counts_unless_it_is_null() {
    for (limits, wanted) in [
        (r#""max_tokens":1,"max_completion_tokens":2"#, r#""max_tokens":2"#),
        (r#""max_completion_tokens":2,"max_tokens":1"#, r#""max_tokens":2"#),
        (r#""max_completion_tokens":null,"max_tokens":1"#, r#""max_tokens":1"#),
        (r#""max_completion_tokens":2,"max_tokens":null"#, r#""max_tokens":2"#),
        (r#""max_completion_tokens":null"#, r#""max_tokens":null"#),
    ] {
        let whole = |limits: &str| format!(r#"{{{limits},"model":"m","messages":[{{"role":"user"}}]}}"#);
        assert_eq!(edited(&["max_tokens"], &whole(limits)).0, whole(wanted), "{limits}");
    }
}

#[test]
fn other_endpoints_know_fewer_quirks() {
    let all = set(&NAMES);
    let mut dropped = Dropped::default();
    let body = br#"{"stream_options":{},"model":"m","prompt":"a","max_tokens":3,"parallel_tool_calls":true}"#;
    let made = all.edit(body, Endpoint::Completions, &mut dropped).unwrap();
    assert_eq!(made, br#"{"model":"m","prompt":"a","max_tokens":3,"parallel_tool_calls":true}"#);
    assert_eq!(all.edit(body, Endpoint::Embeddings, &mut dropped), None);
    assert_eq!(dropped, Dropped::default());
}

#[test]
fn what_is_no_request_is_left_alone() {
    let mut dropped = Dropped::default();
    for body in ["", "[]", "{", r#"{"messages":{},"max_completion_tokens":}"#, "\u{feff}{}"] {
        assert_eq!(set(&NAMES).edit(body.as_bytes(), Endpoint::Chat, &mut dropped), None, "{body}");
    }
    let odd = r#"{"messages":[1,{"role":2}],"max_completion_tokens":{}}"#;
    assert_eq!(edited(&["system_only", "max_tokens"], odd).0, odd.replace("max_completion_", "max_"));
}

#[test]
fn translated_requests_are_written_accordingly() {
    let own = Quirks::default().settings("m");
    assert_eq!((own.model, own.stream_usage), ("m", StreamUsage::Always));
    assert_eq!((own.limit, own.instructions, own.effort), Default::default());
    assert!(!own.no_parallel_tool_calls && !own.alternate);

    let all = set(&NAMES).settings("m");
    assert_eq!((all.limit, all.instructions), (Limit::MaxTokens, Instructions::System));
    assert_eq!((all.effort, all.stream_usage), (EffortField::Absent, StreamUsage::Never));
    assert!(all.no_parallel_tool_calls && all.alternate);
    assert_eq!(set(&["max_completion_tokens"]).settings("m").limit, Limit::MaxCompletionTokens);

    let chat = Chat { stream: true, max_tokens: Some(7), ..Chat::default() };
    let body = request::encode(&chat, &all, &mut Dropped::default()).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["max_tokens"], &body["stream_options"]), (&json!(7), &Value::Null));
}

#[test]
fn a_name_that_nobody_knows_is_no_quirk() {
    assert_eq!(Quirks::named("no_such_quirk"), None);
    let bits: Vec<_> = NAMES.map(|name| Quirks::named(name).unwrap()).into();
    for (at, one) in bits.iter().enumerate() {
        assert!(one.any(*one) && !bits[..at].iter().any(|other| one.any(*other)));
    }
}
