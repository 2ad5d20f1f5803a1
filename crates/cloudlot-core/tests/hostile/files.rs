//! Files that are long on purpose: one short fault for each list, whatever is in it.

use cloudlot_core::{Request, Resource};

const MANY: usize = 100_000;

/// A list or a map of so many entries.
fn many(open: char, entry: impl Fn(usize) -> String, close: char) -> String {
    let entries: Vec<String> = (0..MANY).map(entry).collect();
    format!("{open}{}{close}", entries.join(","))
}

/// The refusal is one line that says what is too long.
#[track_caller]
fn refused<T: serde::de::DeserializeOwned>(json: &str, starts: &str) {
    let why = serde_json::from_str::<T>(json).err().unwrap().to_string();
    assert!(why.starts_with(starts), "{why:.300}");
    assert!(why.len() < 300, "{} bytes: {why:.300}", why.len());
}

#[test]
fn a_request_with_a_list_of_a_hundred_thousand_is_refused_in_one_line() {
    let with = |field: &str, value: &str| {
        format!(r#"{{"name":"j","parts":[{{"amounts":{{"cpu":1}}}}],"{field}":{value}}}"#)
    };
    let rule = |n: usize| format!(r#"{{"name":["n{n}"]}}"#);
    let affinity = |n: usize| format!(r#"{{"label":"a=b{n}","level":"host","mode":"apart"}}"#);
    for (field, list) in [
        ("constraints", many('[', rule, ']')),
        (
            "preferences",
            many(
                '[',
                |n| format!(r#"{{"rule":{},"weight":1}}"#, rule(n)),
                ']',
            ),
        ),
        (
            "tolerations",
            many('[', |n| format!(r#"{{"key":"t{n}"}}"#), ']'),
        ),
        ("labels", many('{', |n| format!(r#""l{n}":"v""#), '}')),
        ("affinities", many('[', affinity, ']')),
        (
            "spread",
            many('[', |n| format!(r#"{{"level":"l{n}","max_skew":1}}"#), ']'),
        ),
    ] {
        refused::<Request>(
            &with(field, &list),
            &format!("{field}: `100000` is more than"),
        );
    }
    let inside = format!("[{{\"any_of\":{}}}]", many('[', rule, ']'));
    refused::<Request>(&with("constraints", &inside), "constraints[0]");
    let parts = many('[', |_| r#"{"amounts":{"cpu":1}}"#.to_owned(), ']');
    let parts = format!(r#"{{"name":"j","parts":{parts}}}"#);
    refused::<Request>(&parts, "parts: `100000` is more than");
    let kinds = many('{', |n| format!(r#""k{n}":1"#), '}');
    let kinds = format!(r#"{{"name":"j","parts":[{{"amounts":{kinds}}}]}}"#);
    refused::<Request>(&kinds, "parts[0].amounts: `100000` is more than");
}

#[test]
fn a_resource_with_a_list_of_a_hundred_thousand_is_refused_in_one_line() {
    let number = |n: usize| format!(r#""k{n}":1"#);
    let word = |n: usize| format!(r#""k{n}":"v""#);
    for (field, list) in [
        ("capacity", many('{', number, '}')),
        ("overcommit", many('{', |n| format!(r#""k{n}":1000"#), '}')),
        (
            "capabilities",
            many('{', |n| format!(r#""k{n}":{{"text":"v"}}"#), '}'),
        ),
        ("labels", many('{', word, '}')),
        ("metadata", many('{', word, '}')),
        ("tags", many('[', |n| format!(r#""t{n}""#), ']')),
        (
            "taints",
            many(
                '[',
                |n| format!(r#"{{"key":"t{n}","effect":"NoSchedule"}}"#),
                ']',
            ),
        ),
        (
            "topology",
            many('[', |n| format!(r#"{{"level":"l{n}","name":"a"}}"#), ']'),
        ),
    ] {
        let json = format!(r#"{{"name":"n","{field}":{list}}}"#);
        refused::<Resource>(&json, &format!("{field}: `100000` is more than"));
    }
}

#[test]
fn a_file_in_which_everything_is_wrong_gets_a_bounded_answer() {
    let parts = many(
        '[',
        |_| r#"{"amounts":{"cpu":"-1"},"count":0}"#.to_owned(),
        ']',
    );
    let why = serde_json::from_str::<Request>(&format!(r#"{{"name":"","parts":{parts}}}"#));
    let why = why.unwrap_err().to_string();
    assert!(why.len() < 20_000, "{} bytes", why.len());
    assert!(why.contains(" more"), "what is not shown is counted");
}
