//! Everything of a request but its conversation, written.
//!
//! Invariant: what is left out is named. The provider refuses thinking beside a forced tool, beside a turn with
//! calls whose thoughts are lost (with a budget), and beside most sampling; the maximum is above the budget.
//! Source: docs.anthropic.com/en/docs/build-with-claude/extended-thinking and …/adaptive-thinking.

use super::{Settings, json_tool};
use crate::json::{Cursor, push_string, push_u64};
use crate::wire::anthropic::words::{push_raw, push_text};
use crate::wire::model::{Chat, Dropped, Effort, Format, Part, Reasoning, Role, Sampling, Tool, ToolChoice};

/// Least budget that the provider takes.
const MIN_BUDGET_TOKENS: u64 = 1_024;
/// Least `top_p` that the provider takes beside thinking.
const MIN_TOP_P_THINKING: f64 = 0.95;

enum Thinking {
    Unsaid,
    Disabled,
    Budget(u64),
    /// With the name of the effort.
    Adaptive(Option<&'static str>),
}

/// What depends on more than one member of the request.
pub(super) struct Plan<'s> {
    settings: Settings<'s>,
    json_tool: Option<&'static str>,
    thinking: Thinking,
    pub(super) max_tokens: u64,
}

impl<'s> Plan<'s> {
    pub(super) fn new(chat: &Chat<'_>, settings: &Settings<'s>, dropped: &mut Dropped) -> Self {
        let json_tool = json_tool(chat, settings);
        let max_tokens = chat.max_tokens.unwrap_or(settings.max_tokens);
        let mut plan = Self { settings: *settings, json_tool, thinking: Thinking::Unsaid, max_tokens };
        if let Some(reasoning) = chat.reasoning {
            plan.think(chat, reasoning);
            if matches!(plan.thinking, Thinking::Unsaid) {
                dropped.note("reasoning_effort");
            }
        }
        plan
    }

    fn think(&mut self, chat: &Chat<'_>, reasoning: Reasoning) {
        let forced = matches!(chat.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
        if reasoning == Reasoning::Off {
            self.thinking = Thinking::Disabled;
        } else if self.json_tool.is_some() || forced && !chat.tools.is_empty() {
            // Left unsaid: what the caller asked for by name outweighs thinking.
        } else if self.settings.adaptive {
            self.thinking = Thinking::Adaptive(effort(reasoning));
        } else if !has_lost_thoughts(chat) {
            self.budget(chat, reasoning);
        }
    }

    /// A maximum of the caller's covers the thoughts, too; ours comes on top of them.
    fn budget(&mut self, chat: &Chat<'_>, reasoning: Reasoning) {
        let (wanted, most) = match (reasoning, chat.max_tokens) {
            (Reasoning::Budget(tokens), Some(max)) => (tokens, max.saturating_sub(1)),
            (Reasoning::Effort(effort), Some(max)) => (effort.budget_tokens(), max / 2),
            (_, Some(max)) => (Effort::Medium.budget_tokens(), max / 2),
            (Reasoning::Budget(tokens), None) => (tokens, u64::MAX),
            (Reasoning::Effort(effort), None) => (effort.budget_tokens(), u64::MAX),
            (_, None) => (Effort::Medium.budget_tokens(), u64::MAX),
        };
        let budget = wanted.min(most).max(MIN_BUDGET_TOKENS);
        if chat.max_tokens.is_none() {
            self.max_tokens = self.settings.max_tokens.saturating_add(budget);
        }
        if budget < self.max_tokens {
            self.thinking = Thinking::Budget(budget);
        }
    }

    /// Appends the members, each behind a comma.
    pub(super) fn push(&self, out: &mut Vec<u8>, chat: &Chat<'_>, dropped: &mut Dropped) {
        self.push_tools(out, chat, dropped);
        self.push_choice(out, chat, dropped);
        match self.thinking {
            Thinking::Unsaid => {}
            Thinking::Disabled => out.extend_from_slice(b",\"thinking\":{\"type\":\"disabled\"}"),
            Thinking::Budget(tokens) => {
                out.extend_from_slice(b",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":");
                push_u64(out, tokens);
                out.push(b'}');
            }
            Thinking::Adaptive(_) => out.extend_from_slice(b",\"thinking\":{\"type\":\"adaptive\"}"),
        }
        self.push_output_config(out, chat, dropped);
        self.push_sampling(out, &chat.sampling, dropped);
        push_stop(out, chat, dropped);
        if let Some(user) = &chat.user {
            push_text(out, b",\"metadata\":{\"user_id\":", user);
            out.push(b'}');
        }
        if chat.stream {
            out.extend_from_slice(b",\"stream\":true");
        }
        if chat.choices.is_some_and(|choices| choices > 1) {
            dropped.note("n");
        }
    }

    fn push_tools(&self, out: &mut Vec<u8>, chat: &Chat<'_>, dropped: &mut Dropped) {
        if chat.tools.is_empty() && self.json_tool.is_none() {
            return;
        }
        out.extend_from_slice(b",\"tools\":[");
        for (at, tool) in chat.tools.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.push_tool(out, tool, dropped);
        }
        if let Some(name) = self.json_tool {
            if !chat.tools.is_empty() {
                out.push(b',');
            }
            push_json_tool(out, name, chat.format.as_ref());
        }
        out.push(b']');
    }

    fn push_tool(&self, out: &mut Vec<u8>, tool: &Tool<'_>, dropped: &mut Dropped) {
        push_text(out, b"{\"name\":", &tool.name);
        if let Some(description) = &tool.description {
            push_text(out, b",\"description\":", description);
        }
        out.extend_from_slice(b",\"input_schema\":");
        push_schema(out, tool.parameters.map_or("{}", |schema| schema.get()));
        match tool.strict {
            // Strict tools came with schemas of answers.
            Some(true) if self.settings.schemas => out.extend_from_slice(b",\"strict\":true"),
            Some(true) => dropped.note("strict"),
            _ => {}
        }
        push_raw(out, b",\"cache_control\":", tool.cached);
        out.push(b'}');
    }

    fn push_choice(&self, out: &mut Vec<u8>, chat: &Chat<'_>, dropped: &mut Dropped) {
        let single = chat.parallel_tools.map(|parallel| !parallel);
        let (choice, single) = match (&chat.tool_choice, self.json_tool) {
            (Some(ToolChoice::None), Some(name)) => (ToolChoice::Named(name.into()), Some(true)),
            (_, Some(name)) if chat.tools.is_empty() => (ToolChoice::Named(name.into()), Some(true)),
            (_, Some(_)) => (ToolChoice::Required, single),
            (choice, None) if chat.tools.is_empty() => {
                if matches!(choice, Some(ToolChoice::Required | ToolChoice::Named(_))) {
                    dropped.note("tool_choice");
                }
                return;
            }
            (Some(choice), None) => (choice.clone(), single),
            (None, None) if single == Some(true) => (ToolChoice::Auto, single),
            (None, None) => return,
        };
        match &choice {
            ToolChoice::Auto => out.extend_from_slice(b",\"tool_choice\":{\"type\":\"auto\""),
            ToolChoice::Required => out.extend_from_slice(b",\"tool_choice\":{\"type\":\"any\""),
            ToolChoice::Named(name) => push_text(out, b",\"tool_choice\":{\"type\":\"tool\",\"name\":", name),
            ToolChoice::None => {
                out.extend_from_slice(b",\"tool_choice\":{\"type\":\"none\"}");
                return;
            }
        }
        if let Some(single) = single {
            out.extend_from_slice(b",\"disable_parallel_tool_use\":");
            out.extend_from_slice(if single { b"true" } else { b"false" });
        }
        out.push(b'}');
    }

    fn push_output_config(&self, out: &mut Vec<u8>, chat: &Chat<'_>, dropped: &mut Dropped) {
        let schema = match &chat.format {
            Some(Format::Schema { schema, .. }) if self.settings.schemas => Some(schema),
            Some(_) if self.json_tool.is_none() => {
                dropped.note("response_format");
                None
            }
            _ => None,
        };
        let effort = if let Thinking::Adaptive(effort) = self.thinking { effort } else { None };
        let begin: &[u8] = b",\"output_config\":{";
        if let Some(effort) = effort {
            out.extend_from_slice(begin);
            push_text(out, b"\"effort\":", effort);
        }
        if let Some(schema) = schema {
            out.extend_from_slice(if effort.is_some() { b"," } else { begin });
            out.extend_from_slice(b"\"format\":{\"type\":\"json_schema\",\"schema\":");
            out.extend_from_slice(schema.get().as_bytes());
            out.push(b'}');
        }
        if effort.is_some() || schema.is_some() {
            out.push(b'}');
        }
    }

    fn push_sampling(&self, out: &mut Vec<u8>, sampling: &Sampling, dropped: &mut Dropped) {
        let thinks = matches!(self.thinking, Thinking::Budget(_) | Thinking::Adaptive(_));
        let temperature =
            sampling.temperature.filter(|value| value.is_finite()).map(|value| value.clamp(0., 1.));
        let usual = temperature.is_none_or(|value| value >= 1.);
        match temperature {
            Some(_) if thinks && !usual => dropped.note("temperature"),
            Some(value) => push_number(out, b",\"temperature\":", value),
            None => {}
        }
        match sampling.top_p.filter(|value| value.is_finite()) {
            Some(_) if self.settings.temperature_or_top_p && temperature.is_some() => dropped.note("top_p"),
            Some(value) if thinks && value < MIN_TOP_P_THINKING => dropped.note("top_p"),
            Some(value) => push_number(out, b",\"top_p\":", value),
            None => {}
        }
        match sampling.top_k {
            Some(_) if thinks => dropped.note("top_k"),
            Some(value) => {
                out.extend_from_slice(b",\"top_k\":");
                push_u64(out, value);
            }
            None => {}
        }
        let is_set = |value: Option<f64>| value.is_some_and(|value| value != 0.);
        let others = [
            (sampling.seed.is_some(), "seed"),
            (is_set(sampling.presence_penalty), "presence_penalty"),
            (is_set(sampling.frequency_penalty), "frequency_penalty"),
            (sampling.logprobs == Some(true), "logprobs"),
            (sampling.top_logprobs.is_some(), "top_logprobs"),
        ];
        for (_, name) in others.iter().filter(|(wanted, _)| *wanted) {
            dropped.note(name);
        }
    }
}

/// The effort's name for a model that budgets itself; it has no step below `low`.
fn effort(reasoning: Reasoning) -> Option<&'static str> {
    let effort = match reasoning {
        Reasoning::Effort(effort) => effort,
        Reasoning::Budget(tokens) => Effort::for_budget(tokens),
        Reasoning::Auto | Reasoning::Off => return None,
    };
    Some(if effort == Effort::Minimal { Effort::Low.name() } else { effort.name() })
}

/// Whether the model is in the midst of calling tools, and its thoughts of this time were not given back. It
/// may have thought only before its first call, so results do not end what is looked at.
pub(in crate::wire) fn has_lost_thoughts(chat: &Chat<'_>) -> bool {
    let is_result = |part: &Part<'_>| matches!(part, Part::ToolResult { .. });
    let is_call = |part: &Part<'_>| matches!(part, Part::ToolCall { .. });
    let is_thought =
        |part: &Part<'_>| matches!(part, Part::Thinking { signature: Some(_), .. } | Part::Redacted(_));
    let mut turns = chat
        .turns
        .iter()
        .rev()
        .skip_while(|turn| turn.role != Role::Assistant)
        .take_while(|turn| turn.role != Role::User || turn.parts.iter().all(is_result))
        .filter(|turn| turn.role == Role::Assistant);
    let calls = turns.clone().take(1).flat_map(|turn| &turn.parts).any(is_call);
    calls && !turns.any(|turn| turn.parts.iter().any(is_thought))
}

fn push_json_tool(out: &mut Vec<u8>, name: &str, format: Option<&Format<'_>>) {
    let (description, schema) = match format {
        Some(Format::Schema { description, schema, .. }) => (description.as_deref(), schema.get()),
        _ => (None, "{}"),
    };
    push_text(out, b"{\"name\":", name);
    let usual = "Give the answer with this tool. Its input is the whole answer.";
    push_text(out, b",\"description\":", description.unwrap_or(usual));
    out.extend_from_slice(b",\"input_schema\":");
    push_schema(out, schema);
    out.push(b'}');
}

/// A schema, with the `type` that the provider demands and others leave out.
fn push_schema(out: &mut Vec<u8>, schema: &str) {
    let inside = schema.trim().strip_prefix('{').map(str::trim_start);
    match inside {
        Some("}") | None => out.extend_from_slice(b"{\"type\":\"object\",\"properties\":{}}"),
        Some(_) if has_type(schema) => out.extend_from_slice(schema.as_bytes()),
        Some(members) => {
            out.extend_from_slice(b"{\"type\":\"object\",");
            out.extend_from_slice(members.as_bytes());
        }
    }
}

fn has_type(schema: &str) -> bool {
    let Ok(mut cursor) = Cursor::new(schema.as_bytes()) else { return false };
    if cursor.open(b'{').is_err() {
        return false;
    }
    let mut first = true;
    while let Ok(Some(name)) = cursor.member(&mut first) {
        if name.read(cursor.body()) == "type" {
            return true;
        }
        if cursor.skip().is_err() {
            break;
        }
    }
    false
}

/// The provider refuses stop texts of white space.
fn push_stop(out: &mut Vec<u8>, chat: &Chat<'_>, dropped: &mut Dropped) {
    let sayable = || chat.stop.iter().filter(|stop| !stop.trim().is_empty());
    if sayable().count() < chat.stop.len() {
        dropped.note("stop");
    }
    for (at, stop) in sayable().enumerate() {
        out.extend_from_slice(if at == 0 { b",\"stop_sequences\":[" } else { b"," });
        push_string(out, stop);
    }
    if sayable().next().is_some() {
        out.push(b']');
    }
}

fn push_number(out: &mut Vec<u8>, name: &[u8], value: f64) {
    out.extend_from_slice(name);
    out.extend_from_slice(value.to_string().as_bytes());
}
