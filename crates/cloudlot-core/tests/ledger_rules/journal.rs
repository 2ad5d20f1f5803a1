//! Journals, replays, checkpoints and views that follow.

use super::*;
use cloudlot_core::ledger::{Change, Entry, LedgerConfig, Placement};
use cloudlot_core::{ResourceState, Revision, Seeds};

/// A ledger in which most sorts of change have happened, and its entries.
fn history() -> (Ledger, Vec<Entry>) {
    let (mut ledger, first, second) = two_nodes(10);
    ledger.set_limit(&owner("org"), [q(15)], at(0)).unwrap();
    let request = ask(4).owner("org/a").label("app", "x").build().unwrap();
    let kept = ledger.reserve(&request, first, at(0)).unwrap().id;
    ledger.confirm(kept, at(1)).unwrap();
    let held = ledger
        .reserve(&ask(2).owner("org/b").build().unwrap(), second, at(1))
        .unwrap()
        .id;
    ledger.extend(held, at(50), at(2)).unwrap();
    ledger.resize(held, &hold(second, 6), at(3)).unwrap();
    ledger.evict(kept, at(20), at(4)).unwrap();
    let late = ask(6).window(at(20), at(40)).build().unwrap();
    ledger.reserve(&late, first, at(5)).unwrap();
    ledger
        .set_state(second, ResourceState::Failed, at(6))
        .unwrap();
    ledger.update(first, node("n1", 8), at(7)).unwrap();
    ledger.expire(at(20));
    ledger.release(held, at(21)).unwrap();
    ledger.remove(second, at(22)).unwrap();
    ledger.lift_limit(&owner("org"), at(23));
    let entries = ledger
        .journal()
        .since(Revision::START)
        .unwrap()
        .cloned()
        .collect();
    (ledger, entries)
}

fn empty() -> cloudlot_core::ledger::Checkpoint {
    Ledger::new().checkpoint()
}

#[test]
fn every_prefix_of_a_journal_replays_and_is_sound() {
    let (ledger, entries) = history();
    for end in 0..=entries.len() {
        let prefix = Ledger::replay(empty(), &entries[..end]).unwrap();
        sound(&prefix);
        let rest = Ledger::replay(prefix.checkpoint(), &entries[end..]).unwrap();
        assert_eq!(rest.state(), ledger.state());
        assert_eq!(rest.next_deadline(), ledger.next_deadline());
    }
}

#[test]
fn an_entry_that_is_missing_or_comes_twice_is_named() {
    let (_, entries) = history();
    for index in 0..entries.len() {
        let mut without = entries.clone();
        without.remove(index);
        let replayed = Ledger::replay(empty(), &without);
        assert_eq!(
            replayed.err().map(|error| error.index),
            (index < without.len()).then_some(index)
        );
        let mut twice = entries.clone();
        twice.insert(index, entries[index].clone());
        assert_eq!(
            Ledger::replay(empty(), &twice).unwrap_err().index,
            index + 1
        );
    }
}

#[test]
fn a_journal_whose_time_runs_backwards_is_refused() {
    let (_, mut entries) = history();
    let last = entries.len() - 1;
    entries[last].at = at(1);
    assert_eq!(Ledger::replay(empty(), &entries).unwrap_err().index, last);
}

#[test]
fn a_journal_with_changes_of_another_one_is_refused_or_gives_a_sound_ledger() {
    let (_, entries) = history();
    let changes: Vec<Change> = entries.iter().map(|entry| entry.change.clone()).collect();
    for n in 0..entries.len() {
        for change in &changes {
            let mut spoilt = entries[..=n].to_vec();
            spoilt[n].change = change.clone();
            if let Ok(ledger) = Ledger::replay(empty(), &spoilt) {
                sound(&ledger);
            }
        }
    }
}

#[test]
fn shuffled_changes_are_refused_or_give_a_sound_ledger() {
    let (_, entries) = history();
    let changes: Vec<Change> = entries.iter().map(|entry| entry.change.clone()).collect();
    for seed in 0..2_000 {
        let mut ledger = Ledger::new();
        // Fifty tries to go on, each with whatever comes.
        for n in 0..50 {
            let draw = Seeds::new(seed).part(n).stream("change");
            let change = changes[usize::try_from(draw).unwrap() % changes.len()].clone();
            let revision = Revision::new(ledger.state().revision().number() + 1);
            if ledger
                .apply(&[Entry {
                    revision,
                    at: at(n),
                    change,
                }])
                .is_ok()
            {
                sound(&ledger);
            }
        }
    }
}

#[test]
fn a_journal_that_extends_what_is_confirmed_is_refused() {
    let (mut ledger, node) = one_node(10);
    let id = keep(&mut ledger, 4, node);
    let revision = Revision::new(ledger.state().revision().number() + 1);
    let change = Change::Extended { id, until: at(60) };
    assert!(
        ledger
            .apply(&[Entry {
                revision,
                at: at(0),
                change
            }])
            .is_err()
    );
    ledger.release(id, at(0)).unwrap();
    sound(&ledger);
}

#[test]
fn entries_before_the_refused_one_have_been_followed() {
    let (_, mut entries) = history();
    entries.remove(5);
    let mut ledger = Ledger::new();
    assert_eq!(ledger.apply(&entries).unwrap_err().index, 5);
    assert_eq!(ledger.state().revision(), Revision::new(5));
    sound(&ledger);
}

#[test]
fn a_view_that_is_too_far_behind_copies_everything_and_shows_the_same() {
    let config = LedgerConfig {
        journal: 4,
        ..LedgerConfig::default()
    };
    let mut ledger = Ledger::with(config);
    let id = ledger.add(node("n1", 10), at(0)).unwrap();
    let mut view = View::of(&ledger);
    for behind in [0, 3, 4, 5, 9] {
        for _ in 0..behind {
            let state = match ledger.state().takes_new(id) {
                true => ResourceState::Draining,
                false => ResourceState::Available,
            };
            ledger.set_state(id, state, at(0)).unwrap();
        }
        let synced = view.sync(&ledger);
        assert_eq!(synced.recopied, behind > 4, "{behind} behind");
        assert_eq!(synced.entries, if behind > 4 { 0 } else { behind });
        assert_eq!(synced.revision, ledger.state().revision());
        assert_eq!(view.state(), ledger.state());
    }
    let overrun = ledger.journal().since(Revision::START).err().unwrap();
    assert_eq!(
        overrun.oldest.number(),
        ledger.state().revision().number() - 4
    );
}

#[test]
fn a_journal_knows_nothing_of_the_future() {
    let (ledger, _) = history();
    let next = Revision::new(ledger.state().revision().number() + 1);
    assert!(ledger.journal().since(next).is_err());
    assert_eq!(
        ledger
            .journal()
            .since(ledger.state().revision())
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn a_view_of_another_ledger_is_copied_whatever_the_revisions_say() {
    let (ledger, entries) = history();
    let twin = Ledger::replay(empty(), &entries).unwrap();
    let mut view = View::of(&ledger);
    assert!(view.sync(&twin).recopied);
    assert!(!view.sync(&twin).recopied);
}

#[test]
fn a_clone_is_another_ledger() {
    let (mut ledger, node) = one_node(10);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&want(1), &Placement::on(node)).unwrap();
    let plan = draft.finish();
    let mut clone = ledger.clone();
    assert!(clone.commit(&plan, at(0)).is_err());
    ledger.reserve(&want(1), node, at(0)).unwrap();
    clone.reserve(&want(9), node, at(0)).unwrap();
    clone.reserve(&want(1), node, at(0)).unwrap();
    view.sync(&ledger);
    assert!(view.sync(&clone).recopied);
    assert_eq!(view.state(), clone.state());
}
