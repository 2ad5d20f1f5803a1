//! Damage to a text: what bad disks, bad clients and bad people do to a file.

use crate::chance::Chance;

/// What stands where a number should be.
const NUMBERS: [&str; 16] = [
    "0",
    "-1",
    "-0.0",
    "0.5",
    "1e-400",
    "1e308",
    "1e400",
    "4294967296",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "99999999999999999999999999999999999999999",
    "NaN",
    "Infinity",
    "\"NaN\"",
];

/// What stands where anything should be.
const VALUES: [&str; 8] = [
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "\"\\u0000\\u202e\"",
    "\"\\ud800\"",
    "{\"cpu\":{\"cpu\":{}}}",
];

/// The text after one to four kinds of damage.
pub(crate) fn mutated(text: &str, chance: &mut Chance) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=chance.below(4) {
        if bytes.is_empty() {
            break;
        }
        damage(&mut bytes, chance);
    }
    bytes
}

fn damage(bytes: &mut Vec<u8>, chance: &mut Chance) {
    let place = chance.below(bytes.len());
    let end = (place + chance.below(24)).min(bytes.len());
    match chance.below(8) {
        0 => bytes[place] ^= 1 << chance.below(8),
        1 => bytes[place] = chance.one_of(b"\0\"\\{}[],:019-eE. \xff"),
        2 => bytes.truncate(place),
        3 => _ = bytes.drain(place..end),
        4 => {
            let again = bytes[place..end].to_vec();
            bytes.splice(place..place, again);
        }
        5 => replace(bytes, place, chance.one_of(&NUMBERS), u8::is_ascii_digit),
        6 => {
            let word = |byte: &u8| !b",:{}[]".contains(byte);
            replace(bytes, place, chance.one_of(&VALUES), word);
        }
        _ => {
            let deep = chance.one_of(&[2, 100, 200, 5_000]);
            let (open, close) = chance.one_of(&[("[", "]"), (r#"{"all_of":["#, "]}")]);
            bytes.splice(place..place, open.repeat(deep).bytes());
            if chance.one_in(2) {
                bytes.extend(close.repeat(deep).bytes());
            }
        }
    }
}

/// Puts something else in the place of the next run of bytes that are `of_it`.
fn replace(bytes: &mut Vec<u8>, from: usize, by: &str, of_it: impl Fn(&u8) -> bool) {
    let Some(start) = bytes[from..].iter().position(&of_it) else {
        return;
    };
    let start = from + start;
    let length = bytes[start..].iter().take_while(|byte| of_it(byte));
    let end = start + length.count();
    bytes.splice(start..end, by.bytes());
}
