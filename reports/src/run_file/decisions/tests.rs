use proptest::prelude::*;

use super::*;

fn word(kind: WordKind, target: &str, why: &str) -> Word {
    Word { kind, after: 0, target: Some(target.to_owned()), why: Some(why.to_owned()) }
}

const KINDS: [WordKind; 7] = [
    WordKind::Send,
    WordKind::SendCapped,
    WordKind::Wait,
    WordKind::Stop,
    WordKind::Answered,
    WordKind::Failed,
    WordKind::Cancelled,
];

/// Kind, target, wait and token limit of each entry.
type Plain = Vec<(usize, bool, u64, u32)>;

fn packed(entries: &Plain) -> Decisions {
    let mut writer = Writer::default();
    for (at, (kind, west, wait_ns, max_tokens)) in entries.iter().enumerate() {
        let kind = KINDS[*kind];
        let index = writer.word(word(kind, if *west { "west" } else { "east" }, "first_choice"));
        let wait_ns = if kind.waits() { *wait_ns } else { 0 };
        let max_tokens = if kind == WordKind::SendCapped { *max_tokens } else { 0 };
        writer.push(Entry { word: index, wait_ns, max_tokens });
        if (at as u64 + 1).is_multiple_of(BLOCK_EVENTS) {
            writer.block(Block { hash: at as u32, at_ms: at as u64 * 3 });
        }
    }
    writer.finish(entries.len() as u64)
}

fn any_entries() -> impl Strategy<Value = Plain> {
    prop::collection::vec(
        (0..KINDS.len(), any::<bool>(), prop_oneof![Just(0), any::<u64>()], any::<u32>()),
        1..300,
    )
}

proptest! {
    #[test]
    fn what_is_packed_is_what_is_unpacked(entries in any_entries()) {
        let packed = packed(&entries);
        let log = packed.unpack().expect("unpacks");
        prop_assert_eq!(log.entries.len(), entries.len());
        for (entry, (kind, _, wait, tokens)) in log.entries.iter().zip(&entries) {
            let kind = KINDS[*kind];
            prop_assert_eq!(log.words[entry.word as usize].kind, kind);
            prop_assert_eq!(entry.wait_ns, if kind.waits() { *wait } else { 0 });
            prop_assert_eq!(entry.max_tokens, if kind == WordKind::SendCapped { *tokens } else { 0 });
        }
        let text = serde_json::to_string(&packed).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Decisions>(&text).expect("JSON"), packed);
    }

    #[test]
    fn any_single_entry_that_is_changed_is_the_fork(entries in any_entries(), at in any::<prop::sample::Index>()) {
        let at = at.index(entries.len());
        let mut changed = entries.clone();
        changed[at].1 = !changed[at].1;
        let (one, other) = (packed(&entries).unpack().expect("unpacks"), packed(&changed).unpack().expect("unpacks"));
        prop_assert_eq!(fork(&one, &one.clone()), None);
        prop_assert_eq!(fork(&one, &other).and_then(|fork| fork.entry), Some(at));
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic(entries in any_entries(), at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
        let good = packed(&entries);
        for field in 0..3 {
            let mut bad = good.clone();
            let text = match field {
                0 => &mut bad.words_packed,
                1 => &mut bad.numbers_packed,
                _ => &mut bad.blocks_packed,
            };
            let mut bytes = text.clone().into_bytes();
            let place = at.index(bytes.len().max(1));
            if let Some(old) = bytes.get_mut(place) {
                *old = byte;
            }
            *text = String::from_utf8(bytes).expect("ASCII");
            let _ = bad.unpack();
        }
    }
}

#[test]
fn what_does_not_add_up_is_refused() {
    let good = packed(&vec![(0, false, 5, 0); 130]);
    let told = |change: &dyn Fn(&mut Decisions)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad.unpack().expect_err("refused").to_string()
    };
    assert_eq!(
        told(&|bad| bad.entries += 1),
        "decisions are damaged: not as many entries as there should be"
    );
    assert_eq!(told(&|bad| bad.events = 64), "decisions are damaged: not as many blocks as events need");
    assert_eq!(told(&|bad| bad.words.clear()), "decisions are damaged: an entry has no word");
    assert!(told(&|bad| bad.words_packed.push('!')).starts_with("decisions are not base64"));
}

#[test]
fn steady_decisions_take_next_to_nothing() {
    let steady: Plain = (0..20_000).map(|at| (if at % 2 == 0 { 0 } else { 4 }, false, 0, 0)).collect();
    let packed = packed(&steady);
    assert!(packed.words_packed.len() + packed.numbers_packed.len() < 400, "{}", packed.words_packed.len());
}

#[test]
fn an_entry_is_told_with_the_meaning_of_its_reason_where_it_is_known() {
    let mut writer = Writer::default();
    let index = writer.word(word(WordKind::Send, "west", "retry_same"));
    writer.push(Entry { word: index, wait_ns: 412_000_000, max_tokens: 0 });
    let log = writer.finish(1).unpack().expect("unpacks");
    let tell = |meaning: Option<&'static str>| log.tell(&log.entries[0], |_| meaning);
    assert_eq!(tell(Some("the same again")), "send to west after 412.000 ms (the same again)");
    assert_eq!(tell(None), "send to west after 412.000 ms (retry same)");
}
