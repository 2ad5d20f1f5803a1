//! Numbers against written arithmetic: a binary unit doubles the digits again and again, a decimal one moves the point.

use super::{kinds, read};
use cloudlot_core::{Kind, ParseQuantityError, Rounding};
use proptest::prelude::*;

/// What a suffix does: it doubles a number so many times, and appends so many zeros.
type End = (String, u32, i64);

const SUFFIXES: [(&str, u32, i64); 16] = [
    ("", 0, 0),
    ("n", 0, -9),
    ("u", 0, -6),
    ("m", 0, -3),
    ("k", 0, 3),
    ("M", 0, 6),
    ("G", 0, 9),
    ("T", 0, 12),
    ("P", 0, 15),
    ("E", 0, 18),
    ("Ki", 10, 0),
    ("Mi", 20, 0),
    ("Gi", 30, 0),
    ("Ti", 40, 0),
    ("Pi", 50, 0),
    ("Ei", 60, 0),
];

/// Written addition of a number to itself.
fn doubled(digits: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum: Vec<u8> = Vec::new();
    for digit in digits.iter().rev() {
        let twice = 2 * digit + carry;
        carry = twice / 10;
        sum.push(twice % 10);
    }
    sum.push(carry);
    sum.reverse();
    sum
}

/// The digits before the point as a number if it has 64 bits, and whether digits behind the point are left over.
fn by_hand(whole: &str, part: &str, doublings: u32, tens: i64) -> (Option<u64>, bool) {
    let text = format!("{whole}{part}");
    let mut digits: Vec<u8> = text.bytes().map(|byte| byte - b'0').collect();
    for _ in 0..doublings {
        digits = doubled(&digits);
    }
    let point = i64::try_from(digits.len() - part.len()).expect("a short text") + tens;
    let zeros = |count: i64| vec![0; usize::try_from(count).unwrap_or(0)];
    let digits = [
        zeros(-point),
        digits.clone(),
        zeros(point - i64::try_from(digits.len()).expect("short")),
    ]
    .concat();
    let (before, behind) = digits.split_at(usize::try_from(point).unwrap_or(0));
    let before: String = before.iter().map(u8::to_string).collect();
    let floor = format!("0{}", before.trim_start_matches('0')).parse().ok();
    (floor, behind.iter().any(|digit| *digit > 0))
}

fn parts() -> impl Strategy<Value = (String, String)> {
    let short = ("[0-9]{0,3}", "[0-9]{0,4}");
    let long = ("[0-9]{0,24}", "[0-9]{0,70}");
    let sparse = ("0{0,5}[0-9]?0{0,20}", "0{0,30}[0-9]?0{0,5}");
    let edge = (Just(u64::MAX.to_string()), "[0-9]{0,4}");
    prop_oneof![short, long, sparse, edge].prop_filter("a number has a digit", |(whole, part)| {
        !(whole.is_empty() && part.is_empty())
    })
}

fn ends() -> impl Strategy<Value = End> {
    let suffix = proptest::sample::select(SUFFIXES.to_vec())
        .prop_map(|(text, doublings, tens)| (text.to_owned(), doublings, tens));
    let exponent = (prop_oneof![Just('e'), Just('E')], -60..60_i64)
        .prop_map(|(letter, tens)| (format!("{letter}{tens}"), 0, tens));
    prop_oneof![suffix, exponent]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn numbers_mean_what_written_arithmetic_says(
        (whole, part) in parts(),
        (end, doublings, tens) in ends(),
        kind in kinds(),
    ) {
        let thousandths = matches!(kind.well_known(), Some(Kind::CPU | Kind::GPU));
        let tens = if thousandths { tens + 3 } else { tens };
        let (floor, rest) = by_hand(&whole, &part, doublings, tens);
        let text = format!("{whole}.{part}{end}");
        let check = |rounding, want: Option<u64>| match (read(&kind, &text, rounding), want) {
            (Ok(amount), Some(want)) => amount == want,
            (Err(ParseQuantityError::TooLarge { .. }), None) => true,
            _ => false,
        };
        let up = floor.and_then(|floor| floor.checked_add(u64::from(rest)));
        prop_assert!(check(Rounding::Down, floor), "{text} down is {floor:?}");
        prop_assert!(check(Rounding::Up, up), "{text} up is {up:?}");
        if rest && floor.is_some() {
            let exact = read(&kind, &text, Rounding::Exact);
            prop_assert!(matches!(exact, Err(ParseQuantityError::TooFine { .. })), "{text}");
        } else {
            prop_assert!(check(Rounding::Exact, floor), "{text} is {floor:?}");
        }
    }
}
