//! The syntax of Kubernetes quantities: tables of what is accepted and refused, and the edges.
//!
//! Source: the grammar in the documentation of Kubernetes' `resource.Quantity`. Its scanner also takes texts without any
//! digit for zero (`Ki`, `.`); the grammar does not, and neither do we.

use super::{ROUNDINGS, count, kinds, read};
use cloudlot_core::{Kind, ParseQuantityError, Quantity, Rounding};
use proptest::prelude::*;

/// What a text means as a plain count: the amount rounded down, and whether something is left over.
type Row = (&'static str, u64, bool);

const ACCEPTED: &[Row] = &[
    // Numbers, signs and points.
    ("0", 0, false),
    ("1", 1, false),
    ("+1", 1, false),
    ("-0", 0, false),
    ("-0.000", 0, false),
    ("-0Gi", 0, false),
    ("007", 7, false),
    ("5.", 5, false),
    ("+5.", 5, false),
    (".5", 0, true),
    ("+.5", 0, true),
    ("0.5", 0, true),
    ("1.0", 1, false),
    (
        "1.000000000000000000000000000000000000000000000000",
        1,
        false,
    ),
    (
        "1.000000000000000000000000000000000000000000000001",
        1,
        true,
    ),
    (
        "00000000000000000000000000000000000000000000000012",
        12,
        false,
    ),
    // Parts.
    ("1000m", 1, false),
    ("1500m", 1, true),
    ("1m", 0, true),
    ("0m", 0, false),
    ("1000000u", 1, false),
    ("1u", 0, true),
    ("1000000000n", 1, false),
    ("1n", 0, true),
    ("0.1n", 0, true),
    // Decimal multiples.
    ("1k", 1_000, false),
    ("1.5k", 1_500, false),
    ("1.k", 1_000, false),
    (".5k", 500, false),
    ("0.0005k", 0, true),
    ("1M", 1_000_000, false),
    ("1G", 1_000_000_000, false),
    ("1T", 1_000_000_000_000, false),
    ("1P", 1_000_000_000_000_000, false),
    ("1E", 1_000_000_000_000_000_000, false),
    ("0.000000000000000001E", 1, false),
    ("18E", 18_000_000_000_000_000_000, false),
    // Binary multiples.
    ("1Ki", 1 << 10, false),
    ("1Mi", 1 << 20, false),
    ("1Gi", 1 << 30, false),
    ("1Ti", 1 << 40, false),
    ("1Pi", 1 << 50, false),
    ("1Ei", 1 << 60, false),
    ("8Ei", 1 << 63, false),
    ("1.5Gi", 1536 << 20, false),
    (".5Ki", 512, false),
    ("0.1Ki", 102, true),
    ("0.0009765625Ki", 1, false),
    (
        "0.000000000000000000867361737988403547205962240695953369140624Ei",
        0,
        true,
    ),
    (
        "0.000000000000000000867361737988403547205962240695953369140625Ei",
        1,
        false,
    ),
    // Exponents.
    ("1e3", 1_000, false),
    ("1E3", 1_000, false),
    ("1e+3", 1_000, false),
    ("1E+3", 1_000, false),
    ("1e03", 1_000, false),
    ("1e0", 1, false),
    ("1e-0", 1, false),
    ("1000e-3", 1, false),
    ("1E-1", 0, true),
    ("1.5e3", 1_500, false),
    ("1.2345e3", 1_234, true),
    (".5e1", 5, false),
    ("5.e1", 50, false),
    ("0e999999999", 0, false),
    ("1e-999999999", 0, true),
    ("1e-9223372036854775808", 0, true),
    ("0.00000000000000000000000000000001e32", 1, false),
    // The edge.
    ("18446744073709551615", u64::MAX, false),
    ("18446744073709551615.000", u64::MAX, false),
    ("18446744073709551614.5", u64::MAX - 1, true),
    ("18446744073709551615000m", u64::MAX, false),
    ("18.446744073709551615E", u64::MAX, false),
    ("15.999999999999999999Ei", u64::MAX - 1, true),
    ("15.9999999999999999999Ei", u64::MAX, true),
];

const REFUSED: &[&str] = &[
    "",
    " ",
    "+",
    "-",
    ".",
    "+.",
    "-.",
    "..",
    "1..",
    "1.2.3",
    ".5.",
    "--1",
    "+-1",
    "++1",
    " 1",
    "1 ",
    "\t1",
    "1\n",
    "1  k",
    "1\tk",
    "1 e3",
    "0x10",
    "1_000",
    "1,000",
    "1,5",
    "1'000",
    "NaN",
    "nan",
    "inf",
    "infinity",
    "true",
    "k",
    "Ki",
    "e3",
    "E",
    "1e",
    "1e+",
    "1E-",
    "1Ee",
    "1eE",
    "1ee3",
    "1e3.5",
    "1e1.5",
    "1e 3",
    "1e3e3",
    "1e3k",
    "1E3Ki",
    "1ke3",
    "1Kie3",
    "1e0x2",
    "1e9223372036854775808",
    "0e9223372036854775808",
    "1K",
    "1ki",
    "1KI",
    "1mi",
    "1Mii",
    "1MM",
    "1g",
    "1t",
    "1p",
    "1i",
    "1ni",
    "1Mb",
    "1h",
    "1kk",
    "1m1",
    "1µ",
    "١",
    "1²",
    "½",
    "1\0",
    "1\u{a0}k",
    "0.1am",
    ".5i",
    "1+1.0M",
    "3.01e-",
    "1.1.M",
    "aoeu",
    "1Zi",
    "1Y",
];

#[test]
fn kubernetes_syntax_is_accepted_and_rounds_as_asked() {
    for &(text, floor, rest) in ACCEPTED {
        let [down, up, exact] = ROUNDINGS.map(|rounding| read(&count(), text, rounding));
        assert_eq!(down, Ok(floor), "{text}");
        if rest {
            assert_eq!(up.ok(), floor.checked_add(1), "{text}");
            assert!(
                matches!(exact, Err(ParseQuantityError::TooFine { .. })),
                "{text}"
            );
        } else {
            assert_eq!((up, exact), (Ok(floor), Ok(floor)), "{text}");
        }
    }
}

#[test]
fn what_the_syntax_does_not_cover_is_refused_for_every_rounding() {
    for text in REFUSED {
        for rounding in ROUNDINGS {
            let why = read(&count(), text, rounding).unwrap_err();
            let form = matches!(
                why,
                ParseQuantityError::Number(_) | ParseQuantityError::Unit { .. }
            );
            assert!(form, "{text:?}: {why}");
        }
    }
}

#[test]
fn an_amount_beyond_64_bits_is_too_large_whatever_its_form() {
    let huge = format!("1{}", "0".repeat(10_000));
    for text in [
        "18446744073709551616",
        "18446744073709551615.5e1",
        "16Ei",
        "295147905179352825856Ei", // 2^128
        "18.446744073709551616E",
        "19E",
        "1e20",
        "1e999999999",
        "1E9223372036854775807",
        "0.001e9223372036854775807",
        "123456789e9223372036854775807",
        &huge,
    ] {
        for rounding in ROUNDINGS {
            let why = read(&count(), text, rounding).unwrap_err();
            assert!(
                matches!(why, ParseQuantityError::TooLarge { .. }),
                "{text}: {why}"
            );
            assert!(why.to_string().contains("18446744073709551615"), "{why}");
        }
    }
}

#[test]
fn only_rounding_up_passes_the_edge() {
    let [down, up, exact] =
        ROUNDINGS.map(|rounding| read(&count(), "18446744073709551615.1", rounding));
    assert_eq!(down, Ok(u64::MAX));
    assert!(matches!(up, Err(ParseQuantityError::TooLarge { .. })));
    assert!(matches!(exact, Err(ParseQuantityError::TooFine { .. })));
    let cores = |text| Quantity::parse_exact(Kind::CPU, text).map(|cores| cores.amount());
    assert_eq!(cores("18446744073709551.615"), Ok(u64::MAX));
    assert!(cores("18446744073709551.616").is_err());
}

#[test]
fn a_negative_amount_has_its_own_error() {
    for text in ["-1", "-0.1m", "-1Gi", "-5 cores", "-1e-999999999", "-.5"] {
        for rounding in ROUNDINGS {
            let why = read(&Kind::CPU.into(), text, rounding).unwrap_err();
            assert_eq!(why, ParseQuantityError::Negative(text.to_owned()));
        }
    }
}

#[test]
fn a_message_stays_short_however_long_the_text() {
    let (letters, digits) = ("é".repeat(100_000), "9".repeat(100_000));
    for text in [
        letters.clone(),
        format!("1{letters}"),
        digits.clone(),
        format!("-{digits}"),
        format!("1.{digits}"),
    ] {
        let why = Quantity::parse_exact(Kind::CPU, &text).unwrap_err();
        assert!(why.to_string().chars().count() < 200, "{why}");
        let why = text.parse::<Quantity>().unwrap_err();
        assert!(why.to_string().chars().count() < 200, "{why}");
    }
}

proptest! {
    #[test]
    fn spoilt_texts_never_panic_and_roundings_agree(
        row in 0..ACCEPTED.len(),
        place in 0..64_usize,
        with in prop_oneof!["[-+.eEinumkKMGTPBbps/ 0-9]{0,3}", any::<String>()],
        kind in kinds(),
    ) {
        let mut text: Vec<char> = ACCEPTED[row].0.chars().collect();
        let place = place % text.len();
        text.splice(place..=place, with.chars());
        let text: String = text.into_iter().collect();
        let _ = format!("{kind}={text}").parse::<Quantity>();
        match ROUNDINGS.map(|rounding| read(&kind, &text, rounding)) {
            [Ok(down), Ok(up), Ok(exact)] => prop_assert!(down == exact && up == exact),
            [Ok(down), up, Err(ParseQuantityError::TooFine { .. })] => prop_assert_eq!(up.ok(), down.checked_add(1)),
            [Err(down), Err(up), Err(exact)] => prop_assert!(down == up && up == exact),
            other => prop_assert!(false, "{text}: {other:?}"),
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text: String, kind in kinds()) {
        let _ = text.parse::<Quantity>();
        let _ = read(&kind, &text, Rounding::Up);
    }
}
