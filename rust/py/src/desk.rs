//! The desk where a request is taken in: who asks, for what, and whether the limits let it, in one call.
//!
//! Invariant: a ticket is given only where nothing is in doubt; whatever else is the matter, the answer is
//! None, nothing was reserved, and Python finds out what to tell the caller.

use std::collections::HashMap;

use headgate_core::reserve;
use headgate_core::wire::endpoint::Purpose;
use headgate_core::wire::scan;
use headgate_ledger as ledger;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::keys::KeyTable;
use crate::ledger::{Admission, LedgerWorker, raised};
use crate::scan::endpoint_of;
use crate::spool::SpoolPage;
use crate::ticket::{Ask, Books, Started, Ticket};

/// (account, requests and tokens per minute, requests at once, Unix ms from which it is no longer good)
type HolderRow = (u32, u32, u32, u32, u64);

/// The mean of what a route produces, shared by the plans that lead there.
#[pyclass(module = "headgate._core")]
pub(crate) struct OutputMean(pub(crate) reserve::OutputMean);

#[pymethods]
impl OutputMean {
    #[new]
    fn new() -> Self {
        Self(reserve::OutputMean::default())
    }
}

/// One key.
struct Holder {
    account: u32,
    limits: ledger::Limits,
    until_ms: u64,
    plans: HashMap<String, Plan>,
}

/// What is known of a key that asks for a model.
struct Plan {
    number: u32,
    mean: Py<OutputMean>,
}

/// The keys of one configuration, and the plans that were made for them.
#[pyclass(module = "headgate._core")]
struct Desk {
    worker: Py<LedgerWorker>,
    keys: Py<KeyTable>,
    page: Py<SpoolPage>,
    holders: Vec<Holder>,
}

#[pymethods]
impl Desk {
    /// `holders` in the order of `keys`; `page` gets the records of the tickets.
    #[new]
    fn new(
        worker: Py<LedgerWorker>,
        keys: Py<KeyTable>,
        page: Py<SpoolPage>,
        holders: Vec<HolderRow>,
    ) -> Self {
        let holders = holders.into_iter().map(|(account, rpm, tpm, concurrency, until_ms)| Holder {
            account,
            limits: ledger::Limits { rpm, tpm, concurrency },
            until_ms,
            plans: HashMap::new(),
        });
        Self { worker, keys, page, holders: holders.collect() }
    }

    /// Plan `number` is for this key and this model from now on.
    fn learn(&mut self, key: usize, model: String, number: u32, mean: Py<OutputMean>) -> PyResult<()> {
        let holder = self.holders.get_mut(key).ok_or_else(|| PyIndexError::new_err("no such key"))?;
        holder.plans.insert(model, Plan { number, mean });
        Ok(())
    }

    /// Forgets every plan.
    fn forget(&mut self) {
        for holder in &mut self.holders {
            holder.plans.clear();
        }
    }

    /// A ticket, admitted or refused by a limit; None when anything else is the matter.
    fn open(
        &self,
        py: Python<'_>,
        authorization: Option<&[u8]>,
        body: &Bound<'_, PyBytes>,
        asked: (u8, Option<&str>),
        started: Started,
    ) -> PyResult<Option<Ticket>> {
        let key = authorization.and_then(|header| self.keys.get().0.find(token_of(header)));
        let Some(holder) = key.and_then(|key| self.holders.get(key)) else { return Ok(None) };
        let endpoint = endpoint_of(asked.0)?;
        let Ok(found) = scan::facts(body.as_bytes(), endpoint, asked.1) else { return Ok(None) };
        let Some(plan) = holder.plans.get(&*found.model) else { return Ok(None) };
        let (_, now_ns, wall_ms) = started;
        if holder.until_ms <= wall_ms {
            return Ok(None);
        }
        let mean = plan.mean.borrow(py).0;
        // Nothing is produced for a count, and nothing is billed.
        let asked_tokens = if endpoint.purpose() == Purpose::Count { 0 } else { found.estimate_tokens };
        let tokens = reserve::tokens(asked_tokens, found.ceiling_tokens, &mean, u64::from(holder.limits.tpm));
        let mut worker = self.worker.borrow_mut(py);
        let answer =
            worker.0.admit(holder.account, holder.limits, tokens, now_ns, wall_ms).map_err(raised)?;
        let ask = Ask {
            body: body.clone().unbind(),
            endpoint,
            stream: found.stream,
            include_usage: found.include_usage,
            deterministic: found.deterministic,
            estimate_tokens: found.estimate_tokens,
            mean: found.ceiling_tokens.is_none().then(|| plan.mean.clone_ref(py)),
            model: if asked.1.is_some() { found.model.into_owned() } else { String::new() },
            edits: found.edits,
        };
        let books = Books { worker: self.worker.clone_ref(py), page: self.page.clone_ref(py) };
        Ok(Some(Ticket::new(books, plan.number, ask, Admission::of(answer, holder.limits), started)))
    }
}

/// The key's text in an `Authorization` header: behind `Bearer`, in any case, or all of it.
fn token_of(header: &[u8]) -> &[u8] {
    match header.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.trim_ascii(),
        _ => header,
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<OutputMean>()?;
    module.add_class::<Desk>()
}
