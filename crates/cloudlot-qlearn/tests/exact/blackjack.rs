//! Blackjack from its rules, as a model.
//!
//! Cards come from an endless deck: ace to nine with chance 1/13 each, ten with 4/13. The player
//! hits or sticks; the dealer draws to 17. An ace counts 11 where that does not bust. A natural
//! wins unless the dealer has one too. No doubling, no splitting, no bonus.

use cloudlot_qlearn::exact::{Model, ModelBuilder, Policy, evaluate, value_iteration};
use cloudlot_qlearn::{ActionId, StateId};
use serde_json::Value;

const STICK: ActionId = ActionId(0);
const HIT: ActionId = ActionId(1);

/// A hand: its sum, and whether an ace in it counts 11.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Hand {
    sum: u32,
    soft: bool,
}

impl Hand {
    const EMPTY: Self = Self {
        sum: 0,
        soft: false,
    };

    fn with(self, card: u32) -> Self {
        let as_eleven = card == 1 && self.sum + 11 <= 21;
        let sum = self.sum + if as_eleven { 11 } else { card };
        let soft = self.soft || as_eleven;
        if sum > 21 && soft {
            // Only one ace can count 11, so that this is the last one.
            return Self {
                sum: sum - 10,
                soft: false,
            };
        }
        Self { sum, soft }
    }
}

fn cards() -> impl Iterator<Item = (u32, f64)> {
    (1..=10).map(|card| (card, if card == 10 { 4.0 / 13.0 } else { 1.0 / 13.0 }))
}

/// How likely the dealer ends with each sum; 22 stands for a bust, 23 for a natural.
fn dealer(hand: Hand, cards_held: u32, chance: f64, sums: &mut [f64; 24]) {
    let natural = cards_held == 2 && hand.sum == 21;
    if natural {
        sums[23] += chance;
    } else if hand.sum >= 17 {
        sums[usize::try_from(hand.sum.min(22)).unwrap()] += chance;
    } else {
        for (card, p) in cards() {
            dealer(hand.with(card), cards_held + 1, chance * p, sums);
        }
    }
}

/// How likely the player wins, draws and loses by sticking. A dealer's natural counts as 21 here
/// but for a player's natural, which it ties.
fn settle(sum: u32, natural: bool, upcard: u32) -> [f64; 3] {
    let mut sums = [0.0; 24];
    dealer(Hand::EMPTY.with(upcard), 1, 1.0, &mut sums);
    let mut odds = [0.0; 3];
    for (total, chance) in (0..24).zip(sums) {
        let (dealt, bust) = (if total == 23 { 21 } else { total }, total == 22);
        let result = if natural {
            usize::from(total == 23)
        } else if bust || sum > dealt {
            0
        } else {
            1 + usize::from(sum < dealt)
        };
        odds[result] += chance;
    }
    odds
}

/// Sums 4 to 21, hard and soft, against ten upcards; a natural against each; and the end.
fn state(hand: Hand, upcard: u32) -> StateId {
    StateId(((hand.sum - 4) * 2 + u32::from(hand.soft)) * 10 + upcard - 1)
}

fn natural(upcard: u32) -> StateId {
    StateId(18 * 2 * 10 + upcard - 1)
}

const OVER: StateId = StateId(18 * 2 * 10 + 10);

fn stick(builder: &mut ModelBuilder, from: StateId, odds: [f64; 3]) {
    for (chance, reward) in odds.into_iter().zip([1.0, 0.0, -1.0]) {
        builder.ends(from, STICK, chance, OVER, reward);
    }
}

fn model() -> Model {
    let mut builder = Model::builder(OVER.0 + 1, 2);
    builder.terminal(OVER);
    for upcard in 1..=10 {
        stick(&mut builder, natural(upcard), settle(21, true, upcard));
        let hands = (4..=21).flat_map(|sum| [false, true].map(|soft| Hand { sum, soft }));
        for hand in hands {
            let from = state(hand, upcard);
            stick(&mut builder, from, settle(hand.sum, false, upcard));
            for (card, p) in cards() {
                let next = hand.with(card);
                if next.sum > 21 {
                    builder.ends(from, HIT, p, OVER, -1.0);
                } else {
                    builder.goes(from, HIT, p, state(next, upcard), 0.0);
                }
            }
        }
    }
    let mut starts = vec![0.0; OVER.index()];
    for (first, p) in cards() {
        for (second, q) in cards() {
            for (upcard, r) in cards() {
                let hand = Hand::EMPTY.with(first).with(second);
                let at = if hand.sum == 21 {
                    natural(upcard)
                } else {
                    state(hand, upcard)
                };
                starts[at.index()] += p * q * r;
            }
        }
    }
    for (state, chance) in (0..).map(StateId).zip(starts) {
        builder.start(state, chance);
    }
    builder.build().unwrap()
}

fn reference() -> Value {
    serde_json::from_str(include_str!("../data/blackjack_sab.json")).unwrap()
}

#[test]
fn optimal_blackjack_loses_what_it_should() {
    let (model, reference) = (model(), reference());
    let solution = value_iteration(&model, 1.0, 1e-13, 1_000).unwrap();
    let expected = reference["optimal_expected_return"].as_f64().unwrap();
    let found = model.start_value(&solution.values);
    assert!((found - expected).abs() < 1e-9, "{found}");
    let rows = reference["rows"].as_array().unwrap();
    assert!(rows.len() >= 280, "{}", rows.len());
    for row in rows {
        let row: Vec<f64> = row
            .as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap())
            .collect();
        let whole = |x: f64| (0..30).find(|n| f64::from(*n) == x).unwrap();
        let hand = Hand {
            sum: whole(row[0]),
            soft: row[2] == 1.0,
        };
        let q = solution.q.row(state(hand, whole(row[1])).index());
        for (found, expected) in q.iter().zip(&row[3..]) {
            assert!((found - expected).abs() < 1e-9, "{row:?}: {q}");
        }
    }
}

#[test]
fn to_stick_on_twenty_is_as_bad_as_it_should() {
    let (model, reference) = (model(), reference());
    let stick = |id: StateId| {
        id.0 >= state(
            Hand {
                sum: 20,
                soft: false,
            },
            1,
        )
        .0
    };
    let choose = |id| if stick(id) { STICK } else { HIT };
    let actions: Vec<ActionId> = model.state_ids().map(choose).collect();
    let policy = Policy::deterministic(&model, &actions).unwrap();
    let found = model.start_value(&evaluate(&model, &policy, 1.0).unwrap());
    let expected = reference["stick_on_20_or_more_expected_return"]
        .as_f64()
        .unwrap();
    assert!((found - expected).abs() < 1e-9, "{found}");
}
