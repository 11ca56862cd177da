//! A request of Gemini's, read.
//!
//! Invariant: nothing is guessed: a role, a mode or a type that the reference does not name is refused.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Schemas;
use super::blame::{invalid, missing, unreadable};
use super::config;
use super::media::{read_blob, read_file};
use super::wire::{Body, Call, Calling, Content, Declaration, KNOWN, Outcome, Part as WirePart};
use crate::wire::gemini::lenient::{Members, OneOrMany, Text, compact, is_object};
use crate::wire::gemini::schema::widen;
use crate::wire::model::{Chat, Part, Refused, Role, Tool, ToolChoice, Turn, unknown_members};

/// A tool whose schema may have to be said in JSON Schema's words first.
struct Drafted<'a> {
    tool: Tool<'a>,
    made: Option<usize>,
}

pub(super) fn decode<'a>(
    body: &'a [u8],
    model: &'a str,
    stream: bool,
    schemas: &'a mut Schemas,
) -> Result<Chat<'a>, Refused> {
    let request: Body<'a> = serde_json::from_slice(body).map_err(|error| unreadable(body, "", &error))?;
    let mut chat = Chat { model: Cow::Borrowed(model), stream, include_usage: true, ..Chat::default() };
    chat.unknown = unknown_members(body, &KNOWN);
    if let Some(system) = request.system_instruction {
        let parts = parts(system.parts, "systemInstruction", &mut chat)?;
        chat.turns.push(Turn { role: Role::System, name: None, parts });
    }
    let contents = request.contents.filter(|contents| !contents.0.is_empty());
    let Some(OneOrMany(contents)) = contents else {
        return Err(missing("contents", "contents is missing or empty. Send at least one turn in it."));
    };
    for (at, content) in contents.into_iter().enumerate() {
        turn(content, &format!("contents[{at}]"), &mut chat)?;
    }
    let drafted = tools(request.tools, schemas, &mut chat)?;
    let format = config::read(request.generation_config, schemas, &mut chat)?;
    // From here on nothing is made: what was made can be borrowed for as long as the request.
    let schemas: &'a Schemas = schemas;
    chat.format = format.map(|format| format.settle(schemas)).transpose()?;
    for Drafted { mut tool, made } in drafted {
        tool.parameters = made.and_then(|made| schemas.get(made)).or(tool.parameters);
        chat.tools.push(tool);
    }
    if let Some(calling) = request.tool_config.and_then(|config| config.function_calling_config) {
        choose(calling, &mut chat)?;
    }
    Ok(chat)
}

fn turn<'a>(content: Content<'a>, path: &str, chat: &mut Chat<'a>) -> Result<(), Refused> {
    let role = match content.role.as_ref().map(|role| &*role.0) {
        None | Some("user" | "" | "function") => Role::User,
        Some("model") => Role::Assistant,
        Some(other) => {
            let message = format!("The role {other:?} is none of Gemini's. Use \"user\" or \"model\".");
            return Err(invalid(format!("{path}.role"), message));
        }
    };
    let parts = parts(content.parts, path, chat)?;
    let misplaced = parts.iter().find_map(|part| match part {
        Part::ToolCall { .. } if role == Role::User => Some(("functionCall", "model")),
        Part::ToolResult { .. } if role == Role::Assistant => Some(("functionResponse", "user")),
        _ => None,
    });
    if let Some((what, whose)) = misplaced {
        let message = format!("{path} holds a {what}. Its role must be {whose:?}.");
        return Err(invalid(format!("{path}.role"), message));
    }
    chat.turns.push(Turn { role, name: None, parts });
    Ok(())
}

fn parts<'a>(
    list: Option<OneOrMany<WirePart<'a>>>,
    path: &str,
    chat: &mut Chat<'a>,
) -> Result<Vec<Part<'a>>, Refused> {
    let list = list.map_or_else(Vec::new, |list| list.0);
    let mut parts = Vec::with_capacity(list.len());
    for (at, part) in list.into_iter().enumerate() {
        read_part(part, &format!("{path}.parts[{at}]"), &mut parts, chat)?;
    }
    Ok(parts)
}

fn read_part<'a>(
    part: WirePart<'a>,
    path: &str,
    parts: &mut Vec<Part<'a>>,
    chat: &mut Chat<'a>,
) -> Result<(), Refused> {
    let signature = part.thought_signature.map(|signature| signature.0);
    if let Some(call) = part.function_call {
        parts.push(read_call(call, signature, path)?);
        return Ok(());
    }
    if let Some(outcome) = part.function_response {
        parts.push(read_outcome(outcome, path)?);
        return Ok(());
    }
    if let Some(Text(text)) = part.text {
        if part.thought == Some(true) {
            think(parts, text, signature);
            return Ok(());
        }
        // A stream's last part is empty, and has the signature of what was thought before it.
        if !(text.is_empty() && signature.is_some()) {
            parts.push(Part::Text { text, cached: None });
        }
    } else if let Some(blob) = part.inline_data {
        parts.push(Part::Media(read_blob(blob)));
    } else if let Some(file) = part.file_data {
        parts.push(Part::Media(read_file(file, path)?));
    } else if part.executable_code.is_some() || part.code_execution_result.is_some() {
        note(chat, "contents.parts.executableCode");
    } else if signature.is_none() {
        let message =
            format!("{path} holds no text, inlineData, fileData, functionCall or functionResponse.");
        return Err(missing(path, message));
    }
    if signature.is_some() {
        think(parts, Cow::Borrowed(""), signature);
    }
    Ok(())
}

/// Goes on with a run of thoughts, or begins one: streams are given back in the pieces that they came in, and
/// a signature is that of the whole run.
fn think<'a>(parts: &mut Vec<Part<'a>>, piece: Cow<'a, str>, mark: Option<Cow<'a, str>>) {
    match parts.last_mut() {
        Some(Part::Thinking { text, signature: signature @ None }) => {
            text.to_mut().push_str(&piece);
            *signature = mark;
        }
        _ => parts.push(Part::Thinking { text: piece, signature: mark }),
    }
}

fn read_call<'a>(call: Call<'a>, signature: Option<Cow<'a, str>>, path: &str) -> Result<Part<'a>, Refused> {
    let args = call.args.map_or("", RawValue::get);
    if !args.is_empty() && !is_object(args) {
        let param = format!("{path}.functionCall.args");
        let message = format!("{param} must be an object.");
        return Err(invalid(param, message));
    }
    let (id, arguments) = (call.id.map_or(Cow::Borrowed(""), |id| id.0), compact(args));
    Ok(Part::ToolCall { id, name: call.name.0, arguments, signature })
}

/// What a tool said: the text under `output` or `error` where that is all, else the object as it stands.
fn read_outcome<'a>(outcome: Outcome<'a>, path: &str) -> Result<Part<'a>, Refused> {
    let mut failed = false;
    let mut parts = Vec::new();
    if let Some(response) = outcome.response {
        let Some(members) = Members::of(response) else {
            let message =
                format!("{path}.functionResponse.response must be an object, as {{\"output\": …}}.");
            return Err(invalid(format!("{path}.functionResponse.response"), message));
        };
        let (said, error) = match members.0.as_slice() {
            [(name, only)] if name == "error" => (*only, true),
            [(name, only)] if name == "output" && only.get().starts_with('"') => (*only, false),
            _ => (response, false),
        };
        failed = error;
        let text = serde_json::from_str(said.get()).map_or_else(|_| compact(said.get()), |Text(text)| text);
        if !(text.is_empty() || text == "{}") {
            parts.push(Part::Text { text, cached: None });
        }
    }
    for (at, part) in outcome.parts.into_iter().flat_map(|parts| parts.0).enumerate() {
        let path = format!("{path}.functionResponse.parts[{at}]");
        match (part.inline_data, part.file_data) {
            (Some(blob), _) => parts.push(Part::Media(read_blob(blob))),
            (None, Some(file)) => parts.push(Part::Media(read_file(file, &path)?)),
            (None, None) => return Err(missing(&path, format!("{path} holds no inlineData or fileData."))),
        }
    }
    let id = outcome.id.map_or(Cow::Borrowed(""), |id| id.0);
    Ok(Part::ToolResult { id, name: Some(outcome.name.0), parts, failed, cached: None })
}

fn tools<'a>(
    list: Option<OneOrMany<Members<'a>>>,
    schemas: &mut Schemas,
    chat: &mut Chat<'a>,
) -> Result<Vec<Drafted<'a>>, Refused> {
    let mut drafted = Vec::new();
    for (at, group) in list.into_iter().flat_map(|list| list.0).enumerate() {
        let path = format!("tools[{at}]");
        for (name, value) in group.0 {
            if name != "functionDeclarations" && name != "function_declarations" {
                note(chat, &format!("tools.{name}"));
                continue;
            }
            let declared: OneOrMany<Declaration<'a>> = serde_json::from_str(value.get())
                .map_err(|error| unreadable(value.get().as_bytes(), &format!("{path}.{name}"), &error))?;
            for declaration in declared.0 {
                drafted.push(draft(declaration, &path, schemas)?);
            }
        }
    }
    Ok(drafted)
}

fn draft<'a>(declared: Declaration<'a>, path: &str, schemas: &mut Schemas) -> Result<Drafted<'a>, Refused> {
    let made = match declared.parameters {
        Some(parameters) => {
            let param = format!("{path}.functionDeclarations.parameters");
            Some(schemas.keep(widen(parameters).map_err(|words| invalid(param, words))?))
        }
        None => None,
    };
    let tool = Tool {
        name: declared.name.0,
        description: declared.description.map(|description| description.0),
        parameters: declared.parameters_json_schema,
        strict: None,
        cached: None,
    };
    Ok(Drafted { tool, made })
}

/// Where only some of the tools may be called, the others are not on offer: no other dialect can say it.
fn choose<'a>(calling: Calling<'a>, chat: &mut Chat<'a>) -> Result<(), Refused> {
    const PATH: &str = "toolConfig.functionCallingConfig";
    let mut allowed = calling.allowed_function_names.unwrap_or_default();
    let mode = calling.mode.map_or(Cow::Borrowed("AUTO"), |mode| mode.0);
    let any = mode.eq_ignore_ascii_case("ANY");
    let auto = ["AUTO", "VALIDATED", "MODE_UNSPECIFIED"].iter().any(|name| mode.eq_ignore_ascii_case(name));
    if mode.eq_ignore_ascii_case("NONE") {
        chat.tool_choice = Some(ToolChoice::None);
        return Ok(());
    }
    if !any && !auto {
        let message = format!("The mode {mode:?} is none of Gemini's. Use \"AUTO\", \"ANY\" or \"NONE\".");
        return Err(invalid(format!("{PATH}.mode"), message));
    }
    if let Some(strange) = allowed.iter().find(|name| !chat.tools.iter().any(|tool| tool.name == name.0)) {
        let message = format!("{:?} is no function of tools. Declare it, or do not allow it.", strange.0);
        return Err(invalid(format!("{PATH}.allowedFunctionNames"), message));
    }
    chat.tool_choice = Some(match allowed.len() {
        1 if any => ToolChoice::Named(allowed.remove(0).0),
        _ if any => ToolChoice::Required,
        _ => ToolChoice::Auto,
    });
    if !allowed.is_empty() {
        chat.tools.retain(|tool| allowed.iter().any(|name| name.0 == tool.name));
    }
    Ok(())
}

/// Names something that has no meaning here, once.
pub(super) fn note(chat: &mut Chat<'_>, name: &str) {
    if !chat.unknown.iter().any(|known| known == name) {
        chat.unknown.push(Cow::Owned(name.to_owned()));
    }
}
