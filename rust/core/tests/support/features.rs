//! What a request may wish for, one thing at a time: a request that wishes it, and the same without.

use headgate_core::wire::model::{
    Chat, Effort, Format, Media, Part, Reasoning, Role, Sampling, Source, Tool, ToolChoice, Turn,
};
use serde_json::value::RawValue;

/// A wish.
pub struct Feature {
    pub name: &'static str,
    pub without: Chat<'static>,
    pub with: Chat<'static>,
}

/// A table of the page: its heading and its wishes.
pub type Group = (&'static str, Vec<Feature>);

pub fn groups() -> Vec<Group> {
    vec![
        ("Conversation", conversation()),
        ("Images, documents, sounds", media()),
        ("Tools", tools()),
        ("Thinking", thinking()),
        ("Form of the answer", forms()),
        ("Sampling", sampling()),
        ("Other", others()),
    ]
}

fn raw(json: &'static str) -> &'static RawValue {
    serde_json::from_str(json).unwrap()
}

fn text(text: &'static str) -> Part<'static> {
    Part::Text { text: text.into(), cached: None }
}

fn turn(role: Role, parts: Vec<Part<'static>>) -> Turn<'static> {
    Turn { role, name: None, parts }
}

fn user(part: Part<'static>) -> Turn<'static> {
    turn(Role::User, vec![part])
}

/// The smallest request there is.
fn plain() -> Chat<'static> {
    Chat { turns: vec![user(text("Hi"))], ..Chat::default() }
}

fn changed(name: &'static str, base: fn() -> Chat<'static>, change: fn(&mut Chat<'static>)) -> Feature {
    let mut with = base();
    change(&mut with);
    Feature { name, without: base(), with }
}

fn conversation() -> Vec<Feature> {
    vec![
        changed("text", plain, |chat| chat.turns[0].parts.push(text("How are you?"))),
        changed("system message", plain, |chat| {
            chat.turns.insert(0, turn(Role::System, vec![text("Be brief.")]));
        }),
        changed("developer message", plain, |chat| {
            chat.turns.insert(0, turn(Role::Developer, vec![text("Be brief.")]));
        }),
        changed("several system messages", plain, |chat| {
            chat.turns.insert(0, turn(Role::System, vec![text("Be kind.")]));
            chat.turns.insert(0, turn(Role::System, vec![text("Be brief.")]));
        }),
        changed("system message in the middle", plain, |chat| {
            chat.turns.push(turn(Role::System, vec![text("Be brief.")]));
            chat.turns.push(user(text("And?")));
        }),
        changed("several turns", plain, |chat| {
            chat.turns.push(turn(Role::Assistant, vec![text("Hello.")]));
            chat.turns.push(user(text("And?")));
        }),
        changed("two turns of the user in a row", plain, |chat| chat.turns.push(user(text("And?")))),
        changed("beginning of the answer", plain, |chat| {
            chat.turns.push(turn(Role::Assistant, vec![text("{")]));
        }),
        changed("refusal given back", plain, |chat| {
            chat.turns.push(turn(Role::Assistant, vec![Part::Refusal("No.".into())]));
            chat.turns.push(user(text("Please.")));
        }),
        changed("name of a speaker", plain, |chat| chat.turns[0].name = Some("ann".into())),
        changed("`cache_control` of a text", plain, |chat| {
            chat.turns[0].parts = vec![Part::Text { text: "Hi".into(), cached: Some(ephemeral()) }];
        }),
    ]
}

fn ephemeral() -> &'static RawValue {
    raw(r#"{"type":"ephemeral"}"#)
}

fn medium(mime: &'static str, source: Source<'static>) -> Media<'static> {
    Media { mime: mime.into(), source, detail: None, title: None, cached: None }
}

fn image() -> Media<'static> {
    medium("image/png", Source::Data("iVBORw0KGgo=".into()))
}

fn pdf() -> Media<'static> {
    medium("application/pdf", Source::Data("JVBERi0=".into()))
}

fn with_image() -> Chat<'static> {
    Chat { turns: vec![user(Part::Media(image()))], ..Chat::default() }
}

fn with_pdf() -> Chat<'static> {
    Chat { turns: vec![user(Part::Media(pdf()))], ..Chat::default() }
}

fn show(chat: &mut Chat<'static>, media: Media<'static>) {
    chat.turns[0].parts.push(Part::Media(media));
}

fn media() -> Vec<Feature> {
    vec![
        changed("image as data", plain, |chat| show(chat, image())),
        changed("image by URL", plain, |chat| {
            show(chat, medium("", Source::Url("https://example.com/a.png".into())));
        }),
        changed("`detail` of an image", with_image, |chat| {
            chat.turns[0].parts = vec![Part::Media(Media { detail: Some("low".into()), ..image() })];
        }),
        changed("PDF as data", plain, |chat| show(chat, pdf())),
        changed("PDF by URL", plain, |chat| {
            show(chat, medium("application/pdf", Source::Url("https://example.com/a.pdf".into())));
        }),
        changed("title of a document", with_pdf, |chat| {
            chat.turns[0].parts = vec![Part::Media(Media { title: Some("Report".into()), ..pdf() })];
        }),
        changed("document in plain text", plain, |chat| {
            show(chat, medium("text/plain", Source::Data("SGk=".into())));
        }),
        changed("file that the provider has", plain, |chat| {
            show(chat, medium("", Source::File("file_1".into())));
        }),
        changed("sound", plain, |chat| show(chat, medium("audio/wav", Source::Data("UklGRg==".into())))),
        changed("`cache_control` of an image", with_image, |chat| {
            chat.turns[0].parts = vec![Part::Media(Media { cached: Some(ephemeral()), ..image() })];
        }),
    ]
}

fn tool() -> Tool<'static> {
    Tool {
        name: "f".into(),
        description: None,
        parameters: Some(raw(r#"{"type":"object","properties":{"x":{"type":"integer"}}}"#)),
        strict: None,
        cached: None,
    }
}

fn with_tool() -> Chat<'static> {
    Chat { tools: vec![tool()], ..plain() }
}

/// A conversation in which a tool was called and answered.
fn answered(parts: Vec<Part<'static>>, failed: bool) -> Chat<'static> {
    let call =
        Part::ToolCall { id: "c1".into(), name: "f".into(), arguments: "{\"x\":1}".into(), signature: None };
    let result = Part::ToolResult { id: "c1".into(), name: None, parts, failed, cached: None };
    let mut chat = with_tool();
    chat.turns.push(turn(Role::Assistant, vec![call]));
    chat.turns.push(user(result));
    chat
}

fn with_result() -> Chat<'static> {
    answered(vec![text("2")], false)
}

fn tools() -> Vec<Feature> {
    vec![
        changed("tools", plain, |chat| chat.tools = vec![tool()]),
        changed("tool without parameters", plain, |chat| {
            chat.tools = vec![Tool { parameters: None, ..tool() }];
        }),
        changed("strict tool", with_tool, |chat| chat.tools[0].strict = Some(true)),
        changed("`cache_control` of a tool", with_tool, |chat| chat.tools[0].cached = Some(ephemeral())),
        changed("tool choice: auto", with_tool, |chat| chat.tool_choice = Some(ToolChoice::Auto)),
        changed("tool choice: none", with_tool, |chat| chat.tool_choice = Some(ToolChoice::None)),
        changed("tool choice: required", with_tool, |chat| chat.tool_choice = Some(ToolChoice::Required)),
        changed("tool choice: named", with_tool, |chat| {
            chat.tool_choice = Some(ToolChoice::Named("f".into()));
        }),
        changed("one call at a time", with_tool, |chat| chat.parallel_tools = Some(false)),
        changed("several calls in one turn", with_tool, |chat| chat.parallel_tools = Some(true)),
        changed("call and result", with_tool, |chat| chat.turns = with_result().turns),
        changed("result with an image", with_result, |chat| {
            chat.turns = answered(vec![text("2"), Part::Media(image())], false).turns;
        }),
        changed("result that is a failure", with_result, |chat| {
            chat.turns = answered(vec![text("2")], true).turns;
        }),
        changed("call with Google's signature", with_result, |chat| {
            if let Part::ToolCall { signature, .. } = &mut chat.turns[1].parts[0] {
                *signature = Some("c2ln".into());
            }
        }),
    ]
}

/// A conversation in which the model thought.
fn thought(part: Part<'static>) -> Vec<Turn<'static>> {
    vec![user(text("Hi")), turn(Role::Assistant, vec![part, text("Hello.")]), user(text("And?"))]
}

fn with_answer() -> Chat<'static> {
    let turns = vec![user(text("Hi")), turn(Role::Assistant, vec![text("Hello.")]), user(text("And?"))];
    Chat { turns, ..Chat::default() }
}

/// With room for the thoughts.
fn roomy() -> Chat<'static> {
    Chat { max_tokens: Some(32_000), ..plain() }
}

fn thinking() -> Vec<Feature> {
    vec![
        changed("effort: minimal", roomy, |chat| chat.reasoning = Some(Reasoning::Effort(Effort::Minimal))),
        changed("effort: high", roomy, |chat| chat.reasoning = Some(Reasoning::Effort(Effort::High))),
        changed("budget", roomy, |chat| chat.reasoning = Some(Reasoning::Budget(2_000))),
        changed("as much as the model likes", roomy, |chat| chat.reasoning = Some(Reasoning::Auto)),
        changed("off", roomy, |chat| chat.reasoning = Some(Reasoning::Off)),
        changed("with a maximum too small for it", plain, |chat| {
            chat.max_tokens = Some(64);
            chat.reasoning = Some(Reasoning::Effort(Effort::High));
        }),
        changed("unsigned thoughts given back", with_answer, |chat| {
            chat.turns = thought(Part::Thinking { text: "Hm.".into(), signature: None });
        }),
        changed("signed thoughts given back", with_answer, |chat| {
            chat.turns = thought(Part::Thinking { text: "Hm.".into(), signature: Some("c2ln".into()) });
        }),
        changed("redacted thoughts given back", with_answer, |chat| {
            chat.turns = thought(Part::Redacted("c2ln".into()));
        }),
    ]
}

fn schema(strict: Option<bool>) -> Format<'static> {
    let schema = raw(r#"{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}"#);
    Format::Schema { name: Some("answer".into()), description: None, schema, strict }
}

fn forms() -> Vec<Feature> {
    vec![
        changed("some JSON object", plain, |chat| chat.format = Some(Format::Json)),
        changed("JSON Schema", plain, |chat| chat.format = Some(schema(None))),
        changed("JSON Schema, strict", plain, |chat| chat.format = Some(schema(Some(true)))),
        changed("JSON Schema beside tools", with_tool, |chat| chat.format = Some(schema(None))),
        changed(
            "JSON Schema while thinking",
            || Chat { reasoning: Some(Reasoning::Budget(2_000)), ..roomy() },
            |chat| {
                chat.format = Some(schema(None));
            },
        ),
        changed("stop texts", plain, |chat| chat.stop = vec!["END".into()]),
        changed("maximum of tokens", plain, |chat| chat.max_tokens = Some(64)),
        changed("several choices", plain, |chat| chat.choices = Some(2)),
    ]
}

fn sampled(name: &'static str, sampling: Sampling) -> Feature {
    Feature { name, without: plain(), with: Chat { sampling, ..plain() } }
}

fn sampling() -> Vec<Feature> {
    let none = Sampling::default();
    vec![
        sampled("temperature", Sampling { temperature: Some(0.5), ..none }),
        sampled("temperature above 1, or the most there is", Sampling { temperature: Some(1.5), ..none }),
        sampled("top_p", Sampling { top_p: Some(0.5), ..none }),
        sampled("temperature and top_p", Sampling { temperature: Some(0.5), top_p: Some(0.5), ..none }),
        sampled("top_k", Sampling { top_k: Some(5), ..none }),
        sampled("seed", Sampling { seed: Some(7), ..none }),
        sampled("presence penalty", Sampling { presence_penalty: Some(0.5), ..none }),
        sampled("frequency penalty", Sampling { frequency_penalty: Some(0.5), ..none }),
        sampled("log probabilities", Sampling { logprobs: Some(true), ..none }),
        sampled("alternatives", Sampling { logprobs: Some(true), top_logprobs: Some(3), ..none }),
    ]
}

fn others() -> Vec<Feature> {
    vec![
        changed("stream", plain, |chat| chat.stream = true),
        changed("usage of a stream", || Chat { stream: true, ..plain() }, |chat| chat.include_usage = true),
        changed("end user", plain, |chat| chat.user = Some("u-1".into())),
    ]
}
