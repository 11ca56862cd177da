//! Runs one case of the native core so often, and says what a run allocates.
//!
//! Invariant: a case asserts its answer; nothing here reads a clock, so two runs execute the same instructions.
//! Usage: `headgate-bench list`, `headgate-bench allocations`, `headgate-bench run <case> <times>`. The difference
//! of two numbers of times under `valgrind --tool=callgrind` is the cost of one, free of start-up.

mod cases;
mod dialects;

use std::env;
use std::error::Error;
use std::io::{Write, stdout};

use allocation_counter::measure;
use cases::{Case, Setup, all};

/// Runs before the allocations are counted: buffers that are kept have their size by then.
const WARM_UP: u32 = 50;
const COUNTED: u32 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => say(all().iter().map(|(name, _)| format!("{name}\n"))),
        ["allocations"] => say(all().iter().map(|(name, setup)| {
            let allocations = allocations(*setup);
            format!("{name} {allocations}\n")
        })),
        ["run", name, times] => {
            let cases = all();
            let (_, setup) = cases.iter().find(|(known, _)| *known == name).ok_or("no such case")?;
            let mut case = setup()?;
            repeat(&mut case, times.parse()?);
            Ok(())
        }
        _ => Err("usage: headgate-bench list | allocations | run <case> <times>".into()),
    }
}

fn say(lines: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    for line in lines {
        stdout().write_all(line.as_bytes())?;
    }
    Ok(())
}

fn repeat(case: &mut Case, times: u32) {
    for _ in 0..times {
        case();
    }
}

/// Allocations of one run, to the hundredth.
fn allocations(setup: Setup) -> String {
    let mut case = match setup() {
        Ok(case) => case,
        Err(error) => return format!("failed: {error}"),
    };
    repeat(&mut case, WARM_UP);
    let hundredths = measure(|| repeat(&mut case, COUNTED)).count_total * 100 / u64::from(COUNTED);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
