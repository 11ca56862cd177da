//! The golden scenes, as the tests of whole conversations walk them.

use std::fs;
use std::path::{Path, PathBuf};

use headgate_core::wire::endpoint::{Dialect, Endpoint};

/// Folders of scenes, and whose words stand in them.
const FOLDERS: [(&str, Dialect); 6] = [
    ("anthropic", Dialect::Anthropic),
    ("bedrock", Dialect::Bedrock),
    ("gemini", Dialect::Gemini),
    ("ollama", Dialect::Ollama),
    ("openai_chat", Dialect::OpenAi),
    ("responses", Dialect::Responses),
];

/// What a provider said once, and what it had been asked where that matters.
pub struct Scene {
    pub name: String,
    pub dialect: Dialect,
    pub path: PathBuf,
}

impl Scene {
    pub fn read(&self, file: &str) -> Option<Vec<u8>> {
        fs::read(self.path.join(file)).ok()
    }

    /// Where its request came to; Bedrock's came to nobody.
    pub fn endpoint(&self) -> Option<Endpoint> {
        Some(match self.dialect {
            Dialect::OpenAi => Endpoint::Chat,
            Dialect::Responses => Endpoint::Responses,
            Dialect::Anthropic => Endpoint::Messages,
            Dialect::Gemini if self.path.join("stream.txt").exists() => Endpoint::StreamGenerate,
            Dialect::Gemini => Endpoint::Generate,
            Dialect::Ollama if self.name.contains("generate") => Endpoint::OllamaGenerate,
            Dialect::Ollama | Dialect::OllamaGenerate => Endpoint::OllamaChat,
            Dialect::Bedrock => return None,
        })
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn scenes() -> Vec<Scene> {
    let mut found = Vec::new();
    for (folder, dialect) in FOLDERS {
        let home = root().join("tests/golden").join(folder);
        for entry in fs::read_dir(home).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
            found.push(Scene { name, dialect, path });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}
