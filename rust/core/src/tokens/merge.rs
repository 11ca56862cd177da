//! Byte-pair merging of one piece: which token ends where.
//!
//! Invariant: the result is that of the definition (again and again merge the
//! adjacent pair of lowest rank, the leftmost of equals) for any piece, in time
//! that grows as n log n at worst and linearly in practice. Short pieces are
//! scanned, longer ones use a heap, very long ones go through the heap window by
//! window, so that scratch memory does not grow with the piece.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Up to this length scanning all pairs beats the heap.
const SCAN_BYTES: usize = 96;
/// Pieces are merged in windows of this size.
const WINDOW_BYTES: usize = 8 * 1024;
/// Distances from a window's end at which a cut is tried; the nearest works for
/// all text but chains of pairs made so that a far end decides.
const CUT_BYTES: [usize; 4] = [256, 512, 1024, 2048];
const NONE: u32 = u32::MAX;

/// Memory that one call of the tokenizer uses for all its pieces.
#[derive(Debug, Default)]
pub struct Scratch {
    ends: Vec<usize>,
    starts: Vec<usize>,
    ranks: Vec<u32>,
    next: Vec<usize>,
    previous: Vec<usize>,
    heap: BinaryHeap<Reverse<(u32, usize)>>,
}

/// The ends of the tokens of `piece`, in order; the last is `piece.len()`.
pub fn token_ends<'s, R>(rank: &R, piece: &[u8], scratch: &'s mut Scratch) -> &'s [usize]
where
    R: Fn(&[u8]) -> Option<u32>,
{
    let mut window = WINDOW_BYTES;
    while piece.len() > window {
        if let Some(ends) = by_windows(rank, piece, window, scratch) {
            scratch.ends = ends;
            return &scratch.ends;
        }
        window = window.saturating_mul(8);
    }
    merge(rank, piece, scratch);
    &scratch.ends
}

fn merge<R>(rank: &R, piece: &[u8], scratch: &mut Scratch)
where
    R: Fn(&[u8]) -> Option<u32>,
{
    if piece.len() <= SCAN_BYTES {
        by_scan(rank, piece, scratch);
    } else {
        by_heap(rank, piece, scratch);
    }
}

/// Merges in the list of part starts: `ranks[i]` is the rank of parts i and i+1 together.
fn by_scan<R>(rank: &R, piece: &[u8], scratch: &mut Scratch)
where
    R: Fn(&[u8]) -> Option<u32>,
{
    let Scratch { ends, starts, ranks, .. } = scratch;
    let joined = |starts: &[usize], at: usize| {
        let (from, to) = (starts.get(at)?, starts.get(at + 2)?);
        rank(piece.get(*from..*to)?)
    };
    starts.clear();
    starts.extend(0..=piece.len());
    ranks.clear();
    ranks.extend(piece.windows(2).map(|pair| rank(pair).unwrap_or(NONE)));
    while let Some(lowest) = ranks.iter().copied().min().filter(|&lowest| lowest != NONE) {
        let Some(at) = ranks.iter().position(|&rank| rank == lowest) else { break };
        starts.remove(at + 1);
        ranks.remove(at);
        if let Some(after) = ranks.get_mut(at) {
            *after = joined(starts, at).unwrap_or(NONE);
        }
        if let Some(before) = at.checked_sub(1).and_then(|index| ranks.get_mut(index)) {
            *before = joined(starts, at - 1).unwrap_or(NONE);
        }
    }
    ends.clear();
    ends.extend(starts.iter().skip(1));
}

/// Merges in a linked list of parts with the pairs in a heap. A pair is named by
/// where its first part starts; an entry whose rank is no longer that pair's is stale.
fn by_heap<R>(rank: &R, piece: &[u8], scratch: &mut Scratch)
where
    R: Fn(&[u8]) -> Option<u32>,
{
    let length = piece.len();
    let Scratch { ends, ranks, next, previous, heap, .. } = scratch;
    next.clear();
    next.extend(1..=length);
    previous.clear();
    previous.extend((0..length).map(|at| at.saturating_sub(1)));
    ranks.clear();
    ranks.extend(piece.windows(2).map(|pair| rank(pair).unwrap_or(NONE)));
    ranks.push(NONE);
    let mut entries = std::mem::take(heap).into_vec();
    entries.clear();
    entries.extend((0..length).filter(|&at| ranks[at] != NONE).map(|at| Reverse((ranks[at], at))));
    *heap = entries.into();
    while let Some(Reverse((lowest, at))) = heap.pop() {
        if ranks[at] != lowest {
            continue;
        }
        let middle = next[at];
        let end = next[middle];
        ranks[middle] = NONE;
        next[at] = end;
        if end < length {
            previous[end] = at;
        }
        let mut renew = |from: usize, to: Option<usize>| {
            ranks[from] = to.and_then(|to| rank(&piece[from..to])).unwrap_or(NONE);
            if ranks[from] != NONE {
                heap.push(Reverse((ranks[from], from)));
            }
        };
        renew(at, next.get(end).copied());
        if at > 0 {
            renew(previous[at], Some(end));
        }
    }
    ends.clear();
    let mut at = 0;
    while at < length {
        at = next[at];
        ends.push(at);
    }
}

/// Merges windows that overlap, and joins two where the tokens on both sides of
/// the cut stay apart when merged together: tokens of which every neighbouring
/// pair stays apart are the merge of their concatenation. None if no cut holds.
fn by_windows<R>(rank: &R, piece: &[u8], window: usize, scratch: &mut Scratch) -> Option<Vec<usize>>
where
    R: Fn(&[u8]) -> Option<u32>,
{
    let (mut ends, mut start) = (Vec::new(), 0);
    let mut current = window_ends(rank, piece, 0..window, scratch);
    loop {
        let stop = start + window;
        if stop >= piece.len() {
            ends.extend(current);
            return Some(ends);
        }
        let joint = CUT_BYTES.iter().find_map(|distance| {
            let count = current.partition_point(|&end| end + distance <= stop);
            let cut = *current.get(count.checked_sub(1)?)?;
            let left = count.checked_sub(2).and_then(|index| current.get(index)).copied().unwrap_or(start);
            let following = window_ends(rank, piece, cut..cut + window, scratch);
            let right = *following.first()?;
            stay_apart(rank, piece.get(left..right)?, cut - left, scratch).then_some((count, cut, following))
        });
        let (count, cut, following) = joint?;
        current.truncate(count);
        ends.append(&mut current);
        (current, start) = (following, cut);
    }
}

fn window_ends<R>(rank: &R, piece: &[u8], range: std::ops::Range<usize>, scratch: &mut Scratch) -> Vec<usize>
where
    R: Fn(&[u8]) -> Option<u32>,
{
    merge(rank, piece.get(range.start..range.end.min(piece.len())).unwrap_or_default(), scratch);
    scratch.ends.iter().map(|end| range.start + end).collect()
}

fn stay_apart<R>(rank: &R, both: &[u8], cut: usize, scratch: &mut Scratch) -> bool
where
    R: Fn(&[u8]) -> Option<u32>,
{
    merge(rank, both, scratch);
    scratch.ends == [cut, both.len()]
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    /// A vocabulary over a, b, c in which every string up to six long that the
    /// seed picks is a token; single bytes always are.
    fn vocabulary(seed: u32) -> impl Fn(&[u8]) -> Option<u32> {
        move |text| {
            let code = text
                .iter()
                .fold(seed, |code, &byte| (code ^ u32::from(byte)).wrapping_mul(0x0100_0193).rotate_left(7));
            (text.len() == 1 || (text.len() <= 6 && code % 5 < 2)).then_some(code % 1000)
        }
    }

    fn definition(rank: &impl Fn(&[u8]) -> Option<u32>, piece: &[u8]) -> Vec<usize> {
        let mut starts: Vec<usize> = (0..=piece.len()).collect();
        loop {
            let pairs = starts.windows(3).enumerate();
            let best = pairs.filter_map(|(at, three)| Some((rank(&piece[three[0]..three[2]])?, at))).min();
            let Some((_, at)) = best else { break };
            starts.remove(at + 1);
        }
        starts[1..].to_vec()
    }

    proptest! {
        #[test]
        fn scan_and_heap_are_the_definition(seed: u32, piece in "[abc]{1,200}") {
            let rank = unique(vocabulary(seed));
            let expected = definition(&rank, piece.as_bytes());
            let mut scratch = Scratch::default();
            by_scan(&rank, piece.as_bytes(), &mut scratch);
            prop_assert_eq!(&scratch.ends, &expected);
            by_heap(&rank, piece.as_bytes(), &mut scratch);
            prop_assert_eq!(&scratch.ends, &expected);
        }

        #[test]
        fn windows_are_the_definition_or_refuse(seed: u32, piece in "[abc]{700,1500}", window in 300_usize..600) {
            let rank = unique(vocabulary(seed));
            let mut scratch = Scratch::default();
            by_heap(&rank, piece.as_bytes(), &mut scratch);
            let expected = scratch.ends.clone();
            if let Some(ends) = by_windows(&rank, piece.as_bytes(), window, &mut scratch) {
                prop_assert_eq!(ends, expected);
            }
        }
    }

    /// Ranks name tokens: makes those of a vocabulary differ for different texts.
    fn unique(rank: impl Fn(&[u8]) -> Option<u32>) -> impl Fn(&[u8]) -> Option<u32> {
        move |text| {
            let digits = text.iter().fold(0, |code, &byte| code * 4 + u32::from(byte & 3));
            Some(rank(text)? * 4096 + digits)
        }
    }

    /// A text of `length` bytes in which no pair stands twice: rounds 0, k, 2k … for odd k.
    fn chain(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from((at % 256) * (at / 256 * 2 + 1) % 256).unwrap_or(0)).collect()
    }

    /// The pairs of a chain rank lower the further right they stand, so that its
    /// last byte decides where all its tokens end. Equal bytes never merge.
    fn domino(text: &[u8]) -> Option<u32> {
        let [first, second] = *text else { return (text.len() == 1).then_some(200_000) };
        let step = second.wrapping_sub(first);
        if step % 2 == 0 {
            return None;
        }
        // Newton's iteration for 1 / step modulo 256.
        let better = |x: u8, _| x.wrapping_mul(2_u8.wrapping_sub(step.wrapping_mul(x)));
        let at = first.wrapping_mul((0..3).fold(step, better));
        Some(100_000 - u32::from(step / 2) * 256 - u32::from(at))
    }

    #[test]
    fn a_chain_decided_at_its_end_is_cut_elsewhere_or_in_a_larger_window() {
        let mut scratch = Scratch::default();
        for start in [0, WINDOW_BYTES / 2, WINDOW_BYTES - 700, WINDOW_BYTES - 300, WINDOW_BYTES - 100] {
            for length in [1_000, 1_001, 6_000, 6_001] {
                let mut piece = [vec![0; start], chain(length)].concat();
                piece.resize(piece.len() + 2 * WINDOW_BYTES, piece[piece.len() - 1]);
                by_heap(&domino, &piece, &mut scratch);
                let expected = scratch.ends.clone();
                assert_eq!(token_ends(&domino, &piece, &mut scratch), expected, "{length} at {start}");
            }
        }
    }

    #[test]
    fn look_ups_grow_with_the_length_and_not_with_its_square() {
        let run = |text: &[u8]| (text.len() <= 64).then(|| 70 - u32::try_from(text.len()).unwrap_or(0));
        let looks = |length: usize| {
            let looks = Cell::new(0_usize);
            let counted = |text: &[u8]| {
                looks.set(looks.get() + 1);
                run(text)
            };
            token_ends(&counted, &vec![b'a'; length], &mut Scratch::default());
            looks.get()
        };
        let (small, large) = (looks(64 * 1024), looks(1024 * 1024));
        assert!(large < small * 17, "{small} look-ups for 64 KiB, {large} for 1 MiB");
        assert!(large < 4 * 1024 * 1024, "{large} look-ups for 1 MiB");
    }

    #[test]
    fn scratch_does_not_grow_with_the_piece() {
        let mut scratch = Scratch::default();
        token_ends(&|text: &[u8]| (text.len() <= 2).then_some(1), &vec![b'a'; 1 << 20], &mut scratch);
        assert!(scratch.next.capacity() < 4 * WINDOW_BYTES);
        assert!(scratch.heap.capacity() < 4 * WINDOW_BYTES);
    }
}
