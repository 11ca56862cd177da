//! The built-in echo model: an answer as the provider would give it, made of the last user text.
//!
//! Invariant: usage is exact, and `max_tokens` is kept to the token.

use serde_json::{Value, json};

use super::request::{self, Endpoint};

/// What the echo model says when there is no text to say back.
const SILENCE: &str = "Hello! This is the echo model of headgate. Send me a text and I say it back.";
const CREATED: u64 = 1_763_683_200;

/// The echo model's answer to a request, as JSON; `None` for what it cannot do (embeddings, no valid request).
///
/// `count_prompt` counts the prompt's tokens for a model, `count_text` those of one text.
pub fn answer(
    body: &[u8],
    endpoint: Endpoint,
    count_prompt: impl FnOnce(&str) -> u64,
    count_text: impl Fn(&str, &str) -> u64,
) -> Option<Vec<u8>> {
    let scan = request::scan(body, endpoint).ok()?;
    let document: Value = serde_json::from_slice(body).ok()?;
    let heard = match endpoint {
        Endpoint::Chat => last_user_text(&document),
        Endpoint::Completions => document["prompt"].as_str().map(str::to_owned),
        Endpoint::Embeddings => return None,
    };
    let heard = heard.filter(|text| !text.is_empty()).unwrap_or_else(|| SILENCE.to_owned());
    let counted = |text: &str| count_text(text, &scan.model);
    let said = scan.max_output_tokens.map_or(heard.as_str(), |most| fitting(&heard, most, counted));
    let finish = if said.len() < heard.len() { "length" } else { "stop" };
    let (prompt, completion) = (count_prompt(&scan.model), counted(said));
    let (object, choice) = if endpoint == Endpoint::Chat {
        let message = json!({"role": "assistant", "content": said, "refusal": null});
        (
            "chat.completion",
            json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish}),
        )
    } else {
        ("text_completion", json!({"index": 0, "text": said, "logprobs": null, "finish_reason": finish}))
    };
    let answer = json!({
        "id": "chatcmpl-echo", "object": object, "created": CREATED, "model": &scan.model, "choices": [choice],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    });
    Some(answer.to_string().into_bytes())
}

fn last_user_text(document: &Value) -> Option<String> {
    let messages = document["messages"].as_array()?;
    let message = messages.iter().rev().find(|message| message["role"] == "user")?;
    match &message["content"] {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            Some(parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    }
}

/// The longest beginning of `text` that has at most `most` tokens.
fn fitting(text: &str, most: u64, counted: impl Fn(&str) -> u64) -> &str {
    if counted(text) <= most {
        return text;
    }
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let fits = ends.partition_point(|&end| counted(&text[..end]) <= most);
    &text[..ends[fits.saturating_sub(1)]]
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, answer};

    fn echoed(body: &str) -> serde_json::Value {
        let words = |text: &str, _: &str| text.split_whitespace().count() as u64;
        let bytes = answer(body.as_bytes(), Endpoint::Chat, |_| 7, words).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn says_back_the_last_user_text() {
        let body = r#"{"model":"echo","messages":[{"role":"user","content":"one"},{"role":"assistant","content":"x"},{"role":"user","content":[{"type":"text","text":"two words"}]}]}"#;
        let answer = echoed(body);
        assert_eq!(answer["choices"][0]["message"]["content"], "two words");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
        assert_eq!(answer["usage"]["total_tokens"], 9);
    }

    #[test]
    fn keeps_to_max_tokens() {
        let body =
            r#"{"model":"echo","max_tokens":2,"messages":[{"role":"user","content":"one two three"}]}"#;
        let answer = echoed(body);
        assert_eq!(answer["usage"]["completion_tokens"], 2);
        assert_eq!(answer["choices"][0]["finish_reason"], "length");
    }
}
