//! A strict reader of the part of OpenMetrics that is exported here: gauges, counters and
//! histograms without timestamps, units and exemplars.
//!
//! Source: OpenMetrics 1.0, sections "Text format" and "Metric types".

use std::collections::{BTreeMap, BTreeSet};

type LabelSet = BTreeMap<String, String>;

/// Sample name and labels to value.
pub(crate) type Exposition = BTreeMap<(String, LabelSet), f64>;

/// Every sample of a text, or what is wrong with it.
pub(crate) fn check(text: &str) -> Result<Exposition, String> {
    let body = text
        .strip_suffix("# EOF\n")
        .ok_or("no `# EOF` at the end")?;
    if !(body.is_empty() || body.ends_with('\n')) {
        return Err("`# EOF` has no line of its own".into());
    }
    let mut reader = Reader::default();
    for line in body.split_terminator('\n') {
        reader
            .line(line)
            .map_err(|error| format!("{error}: `{line}`"))?;
    }
    reader.close()?;
    Ok(reader.samples)
}

#[derive(Default)]
struct Reader {
    samples: Exposition,
    known: BTreeSet<String>,
    helped: Option<String>,
    family: Option<(String, String)>,
    histograms: BTreeMap<LabelSet, Histogram>,
}

#[derive(Default)]
struct Histogram {
    count: Option<f64>,
    sum: Option<f64>,
    buckets: Vec<(f64, f64)>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            self.close()?;
            let (name, _) = rest.split_once(' ').ok_or("no help")?;
            self.helped = Some(name.to_owned());
            return Ok(());
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            return self.open(rest);
        }
        if line.starts_with('#') {
            return Err("unknown comment".into());
        }
        self.sample(line)
    }

    fn open(&mut self, rest: &str) -> Result<(), String> {
        if self.helped.is_none() {
            self.close()?;
        }
        let (name, kind) = rest.split_once(' ').ok_or("no type")?;
        if self.helped.take().is_some_and(|helped| helped != name) {
            return Err("help of another family".into());
        }
        if !is_name(name) || !["gauge", "counter", "histogram"].contains(&kind) {
            return Err("bad name or type".into());
        }
        if !self.known.insert(name.to_owned()) {
            return Err("family in two places".into());
        }
        self.family = Some((name.to_owned(), kind.to_owned()));
        Ok(())
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let (family, kind) = self.family.clone().ok_or("sample without a family")?;
        let end = line.find(['{', ' ']).ok_or("no value")?;
        let (name, rest) = line.split_at(end);
        let suffix = name
            .strip_prefix(&*family)
            .ok_or("sample of another family")?;
        let (labels, rest) = labels(rest)?;
        let value: f64 = rest
            .strip_prefix(' ')
            .filter(|value| !value.contains(' '))
            .and_then(|value| value.parse().ok())
            .ok_or("bad value")?;
        if !value.is_finite() {
            return Err("not finite".into());
        }
        match (&*kind, suffix) {
            ("gauge", "") => {}
            ("counter", "_total") if value >= 0.0 => {}
            ("histogram", _) => self.histogram(suffix, labels.clone(), value)?,
            _ => return Err(format!("no sample of a {kind}")),
        }
        match self.samples.insert((name.to_owned(), labels), value) {
            None => Ok(()),
            Some(_) => Err("sample given twice".into()),
        }
    }

    fn histogram(&mut self, suffix: &str, mut labels: LabelSet, value: f64) -> Result<(), String> {
        let le = labels.remove("le");
        let histogram = self.histograms.entry(labels).or_default();
        match (suffix, le) {
            ("_count", None) => histogram.count = Some(value),
            ("_sum", None) => histogram.sum = Some(value),
            ("_bucket", Some(le)) => {
                let le = le.parse().map_err(|_| "bad le")?;
                histogram.buckets.push((le, value));
            }
            _ => return Err("no sample of a histogram".into()),
        }
        Ok(())
    }

    /// Ends a family.
    fn close(&mut self) -> Result<(), String> {
        self.family = None;
        for (labels, histogram) in std::mem::take(&mut self.histograms) {
            let rising = histogram
                .buckets
                .windows(2)
                .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
            let last = histogram.buckets.last().copied();
            let whole = last == histogram.count.map(|count| (f64::INFINITY, count));
            if !rising || !whole || histogram.sum.is_none() {
                return Err(format!("broken histogram {labels:?}"));
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == b'_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

/// Labels in front of a text, and what follows them.
fn labels(text: &str) -> Result<(LabelSet, &str), String> {
    let mut labels = LabelSet::new();
    let Some(mut rest) = text.strip_prefix('{') else {
        return Ok((labels, text));
    };
    loop {
        let (name, after) = rest.split_once("=\"").ok_or("no label")?;
        let (value, after) = quoted(after)?;
        if !is_name(name) || labels.insert(name.to_owned(), value).is_some() {
            return Err("bad label name, or twice the same".into());
        }
        if let Some(after) = after.strip_prefix('}') {
            return Ok((labels, after));
        }
        rest = after.strip_prefix(',').ok_or("no comma between labels")?;
    }
}

/// A value up to its closing quote, without its escapes, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return Ok((value, &text[place + 1..])),
            '\\' => value.push(match letters.next() {
                Some((_, 'n')) => '\n',
                Some((_, escaped @ ('"' | '\\'))) => escaped,
                _ => return Err("bad escape".into()),
            }),
            plain => value.push(plain),
        }
    }
    Err("no closing quote".into())
}
