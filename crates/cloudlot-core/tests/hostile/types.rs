//! Every public type that is read from files: examples of it, how it is used, and what becomes of damaged ones.

use crate::chance::Chance;
use crate::mutations::mutated;
use cloudlot_core::ledger::{End, Stage};
use cloudlot_core::metrics::{
    Activity, Alert, CollectReport, Content, Dashboard, Failure, FailureCause, KindUsage, Level,
    Line, Monitor, Overall, OwnerUsage, Percentile, Row, Sketch, Usage, Utilisation, WaitSummary,
    Widget,
};
use cloudlot_core::{
    Bytes, Capability, CapabilityRule, CapabilityTest, Constraint, Effect, KindName, Label,
    LabelTest, Measure, Mode, NodeClass, On, OwnerPath, Preference, Priority, Quantities, Request,
    RequestKey, Resource, ResourceState, Rulebook, Selector, Spread, Taint, Timestamp, Toleration,
    Version, Window, cores, ledger,
};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

/// How often each example is damaged.
const TIMES: usize = 2_000;

/// What is known of a type: its name, examples, and what reading and using a text of it gives.
struct Known {
    name: &'static str,
    examples: Vec<String>,
    /// Whether the text is one; panics if what was read breaks a promise.
    read: fn(&[u8]) -> bool,
}

/// The type, its examples, and what is done with one that was read, whatever is in it.
macro_rules! known {
    ($($type:ty: [$($example:expr),+ $(,)?] $(, $use:expr)?;)+) => {
        vec![$(Known {
            name: stringify!($type),
            examples: vec![$(serde_json::to_string(&<$type>::from($example)).unwrap()),+],
            read: |text| {
                let Ok(value) = serde_json::from_slice::<$type>(text) else { return false };
                survives(&value);
                $({
                    let act: fn(&$type) = $use;
                    act(&value);
                })?
                true
            },
        }),+]
    };
}

/// What was read can be written, and reads again as the same.
fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    let back: T = serde_json::from_str(&text).expect("what was written reads again");
    let same = *value == back || near(&json(value), &json(&back));
    assert!(same, "{value:?} came back as {back:?}");
}

fn json<T: Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap()
}

/// Equal but for the last digit of floats, which reading may change.
fn near(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (a, b) {
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b)),
        (Object(a), Object(b)) => {
            let keys = a.keys().eq(b.keys());
            keys && a.values().zip(b.values()).all(|(a, b)| near(a, b))
        }
        (Number(a), Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= f64::EPSILON * a.abs()
        }
        (a, b) => a == b,
    }
}

fn node() -> Resource {
    Resource::node("n1")
        .class("odd")
        .capacity([cores(16), cloudlot_core::gib(64)])
        .reserved([cores(1)])
        .overcommit(KindName::from(cloudlot_core::Kind::CPU), 1_500)
        .capability("clock", "2.4GHz".parse::<Measure>().unwrap())
        .capability("features", ["avx", "sse"])
        .label("zone", "a")
        .taint(Taint::new("spot", "", Effect::NoExecute))
        .topology([("zone", "a"), ("rack", "r1")])
        .owner("ops")
        .tag("ssd")
        .metadata("serial", "a b c")
        .build()
        .unwrap()
}

fn request() -> Request {
    Request::new("web")
        .key(RequestKey(0x1234))
        .owner("org/team-a")
        .gang(4, 2, On::Children { of: 2 }, [cores(2)])
        .require(Selector::any_of("zone", ["a", "b"]))
        .prefer(Constraint::class("gpu"), -3)
        .tolerate(Toleration::exists("spot"))
        .label("app", "web")
        .anti_affinity("app=web", "host")
        .prefer_affinity("app=db", "zone", 7)
        .spread("zone", 1)
        .priority(5)
        .not_before(Timestamp::from_nanos(7))
        .expected(std::time::Duration::from_secs(60))
        .strategy("fair")
        .build()
        .unwrap()
}

fn elastic() -> Request {
    let request = Request::new("batch").elastic([cores(1)], [cores(9), cloudlot_core::gib(1)]);
    request.build().unwrap()
}

fn usage() -> Usage {
    let mut usage = Usage::at(Timestamp::from_nanos(5));
    usage.add_resource("n1", "cpu", KindUsage::new(100, 150, 90, 60));
    usage.add_resource("n2", "memory", KindUsage::new(1 << 40, 1 << 40, 7, 0));
    usage.add_owner("org/team-a", "cpu", 90, 60);
    usage.activity.contention_rate = 0.25;
    usage
}

fn sketch() -> Sketch {
    let mut sketch = Sketch::new();
    for value in [0.0, 0.1, 2.5, 1e-9, 1e9] {
        sketch.record(value).unwrap();
    }
    sketch
}

fn widget(content: Content) -> Widget {
    let (id, title) = ("a".to_owned(), "A".to_owned());
    Widget { id, title, content }
}

/// A rule from a file, put to use.
fn ask(rule: &Constraint) {
    let request = Request::new("job").part([cores(1)]).require(rule.clone());
    if let Ok(request) = request.prefer(rule.clone(), 1).build() {
        let rules = Rulebook::new();
        assert_eq!(
            rules.matches(&request, 0, &node()),
            rules.mismatches(&request, 0, &node()).is_empty()
        );
        assert!(rules.preference_score(&request, &node()) <= 1);
    }
}

/// A report from a file, put to use.
fn show(usage: &Usage) {
    assert!(!usage.to_string().is_empty());
    for name in usage.resources.keys() {
        let _ = usage.resource_utilisation(name);
    }
    for name in usage.owners.keys() {
        let _ = usage.owner_utilisation(name);
    }
    let dashboard = Monitor::default().dashboard(usage);
    assert_eq!(dashboard.widgets.len(), 8);
    #[cfg(feature = "openmetrics")]
    {
        let registry = cloudlot_core::metrics::Registry::new();
        let text = cloudlot_core::metrics::openmetrics::encode(usage, &registry);
        let points = text.lines().filter(|line| !line.starts_with('#'));
        let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
        assert!(text.ends_with("# EOF\n"));
        assert!(
            points
                .map(value)
                .all(|value| value.is_some_and(f64::is_finite))
        );
    }
}

/// A request from a file, put to use.
fn match_up(request: &Request) {
    let rules = Rulebook::new();
    let _ = rules.satisfiable(request, [&node()]);
    let mut ledger = ledger::Ledger::new();
    let id = ledger.add(node(), Timestamp::ZERO).unwrap();
    let before = ledger.state().free(id);
    if let Ok(grant) = ledger.reserve(request, id, Timestamp::ZERO) {
        ledger.release(grant.id, Timestamp::ZERO).unwrap();
    }
    assert_eq!(ledger.state().free(id), before);
    assert_eq!(ledger::audit(ledger.state()), []);
}

/// A resource from a file, put to use.
fn join(resource: &Resource) {
    let again = resource.edit().build().expect("a legal one stays legal");
    assert_eq!(again, *resource);
    let mut ledger = ledger::Ledger::new();
    if let Ok(id) = ledger.add(resource.clone(), Timestamp::ZERO) {
        let all = ledger.state().kinds().quantities(&ledger.state().limit(id));
        assert_eq!(all, *resource.limits());
    }
    assert_eq!(ledger::audit(ledger.state()), []);
}

/// A record of each sort, as a store keeps them.
fn record(n: usize) -> ledger::Record {
    let mut ledger = ledger::Ledger::new();
    let now = Timestamp::ZERO;
    let on = ledger.add(node(), now).unwrap();
    ledger
        .set_limit(&"org".parse().unwrap(), [cores(9)], now)
        .unwrap();
    for key in [1, 2] {
        let request = Request::new("job")
            .key(RequestKey(key))
            .owner("org/a")
            .label("app", "web");
        let request = request
            .part([cores(1)])
            .tolerate(Toleration::everything())
            .build()
            .unwrap();
        let grant = ledger.reserve(&request, on, now).unwrap();
        if key == 1 {
            ledger.release(grant.id, now).unwrap();
        }
    }
    let records: Vec<ledger::Record> = ledger.records().collect();
    assert_eq!(records.len(), 5, "one of each sort");
    records[n].clone()
}

fn known() -> Vec<Known> {
    let measure = || "2.4GHz".parse::<Measure>().unwrap();
    let rule = || CapabilityRule::at_least("clock", measure());
    let texts = || ["a", "b"].map(str::to_owned).into();
    known! {
        Bytes: [Bytes::mib(512), Bytes::new(u64::MAX)];
        Timestamp: [Timestamp::from_nanos(1_500), Timestamp::MAX], |at| _ = at.as_secs_f64();
        KindName: ["cpu".parse::<KindName>().unwrap()];
        Quantities: [[cores(2), cloudlot_core::gib(4)]], |list| {
            let kinds: Vec<&KindName> = list.iter().map(cloudlot_core::Quantity::kind).collect();
            assert!(kinds.is_sorted_by(|a, b| a < b), "{list}");
            assert!(list.iter().all(|quantity| quantity.amount() > 0), "{list}");
        };
        Measure: [measure(), "128 GiB".parse::<Measure>().unwrap()], |measure| {
            assert_eq!(measure.to_string().parse(), Ok(*measure));
        };
        Version: ["1.10.2".parse::<Version>().unwrap()];
        NodeClass: ["compute"];
        RequestKey: [RequestKey(0x1234)];
        OwnerPath: ["org/team-a".parse::<OwnerPath>().unwrap()];
        Label: ["app=web".parse::<Label>().unwrap()];
        Capability: [measure(), "x86_64", ["avx", "sse"], "1.10".parse::<Version>().unwrap()], |it| {
            let node = Resource::node("n1").capability("a", it.clone()).build();
            let _ = node.map(|node| ask(&CapabilityRule::as_good_as("a", node.capability("a").unwrap()).into()));
        };
        CapabilityRule: [rule()], |rule| ask(&rule.clone().into());
        CapabilityTest: [
            rule().test,
            CapabilityTest::Range { least: measure().into(), most: measure().into() },
            CapabilityTest::OneOf([Capability::from("a")].into()),
            CapabilityTest::ContainsAll(texts()),
        ];
        Selector: [Selector::any_of("zone", ["a", "b"])], |selector| ask(&selector.clone().into());
        LabelTest: [LabelTest::In(texts()), LabelTest::Gt(i64::MIN), LabelTest::Exists];
        Constraint: [
            Constraint::AnyOf(vec![
                Constraint::AllOf(vec![Selector::above("size", 3).into(), rule().into()]),
                Constraint::domain("rack", "a/r1"),
                Constraint::class("gpu"),
                Constraint::name("n1"),
            ]),
        ], ask;
        Taint: [Taint::new("spot", "yes", Effect::NoSchedule)], |taint| {
            if let Ok(node) = Resource::node("n1").taint(taint.clone()).build() {
                assert!(Toleration::everything().tolerates(&node.taints()[0]));
            }
        };
        Toleration: [Toleration::equal("spot", "yes").effect(Effect::NoExecute), Toleration::everything()];
        Effect: [Effect::PreferNoSchedule];
        Mode: [Mode::Together, Mode::Apart];
        Spread: [Spread::over("zone", 1), Spread { most: Some(2), among: Some(Label { key: "app".to_owned(), value: "web".to_owned() }), ..Spread::over("zone", 1) }];
        Preference: [Preference { rule: rule().into(), weight: i32::MIN }], |it| ask(&it.rule);
        Priority: [Priority(i32::MIN)];
        Window: [Window { from: Some(Timestamp::ZERO), until: Some(Timestamp::MAX) }], |window| {
            let (from, until) = (window.from.unwrap_or_default(), window.until.unwrap_or(Timestamp::MAX));
            assert!(!window.contains(until) || window.until.is_none());
            assert!(from >= until || window.contains(from));
        };
        On: [On::Node, On::Children { of: 2 }];
        ResourceState: [ResourceState::Draining];
        Request: [request(), elastic()], match_up;
        Resource: [node()], join;
        Stage: [Stage::Held { until: Timestamp::MAX }, Stage::Confirmed { since: Timestamp::ZERO }];
        End: [End::Expired];
        ledger::Record: [record(0), record(1), record(2), record(3), record(4)], |record| {
            let _ = record.name().map(|name| name.to_string());
            // A store with this record in the place of ours, or beside them.
            let ours = (0..5).map(self::record);
            let others = ours.filter(|ours| ours.name() != record.name());
            let all: Vec<_> = others.chain([record.clone()]).collect();
            if let Ok(ledger) = ledger::Ledger::restore(all, ledger::LedgerConfig::default()) {
                assert_eq!(ledger::audit(ledger.state()), []);
            }
        };
        ledger::Activity: [ledger::Activity::InUse];
        Utilisation: [Utilisation { used: u64::MAX, capacity: 1 }], |it| assert!(!it.ratio().is_nan());
        KindUsage: [KindUsage::new(100, 150, 90, 60)], |it| {
            assert!((0.0..=f64::MAX).contains(&it.efficiency()), "{it:?}");
            assert!(it.saturating_add(*it).held >= it.held);
        };
        OwnerUsage: [OwnerUsage { held: 3, confirmed: 1 }];
        Overall: [usage().overall];
        Usage: [usage()], show;
        Activity: [usage().activity];
        WaitSummary: [WaitSummary::of(&sketch())];
        Sketch: [sketch(), Sketch::new()], |sketch| {
            let max = sketch.percentile(Percentile::MAX).unwrap_or(0.0);
            assert!(max.is_finite() && sketch.percentile(Percentile::P50).unwrap_or(0.0) <= max);
            let _ = sketch.clone().record(1.0);
        };
        Dashboard: [Monitor::default().dashboard(&usage())];
        Widget: [widget(Content::Gauge { value: None, level: Level::Unknown })];
        Content: [
            Content::Status { level: Level::Normal, busiest: 0.5 },
            Content::Alert { above: 0.9, raised: vec![Alert { kind: "cpu".to_owned(), value: 0.95 }] },
        ];
        Line: [Line { name: "cpu".to_owned(), points: vec![(Timestamp::ZERO, 0.5)] }];
        Row: [Row {
            resource: "n1".to_owned(), kind: "cpu".to_owned(), capacity: 1, held: 1, free: 0,
            utilization: 1.0, level: Level::Critical,
        }];
        Alert: [Alert { kind: "cpu".to_owned(), value: 0.95 }];
        Level: [Level::Warning];
        CollectReport: [CollectReport {
            recorded: 1, refused: 2,
            failures: vec![Failure { collector: "a".to_owned(), cause: FailureCause::TooMany(3) }],
        }];
        Failure: [Failure { collector: "a".to_owned(), cause: FailureCause::Panic("b".to_owned()) }];
        FailureCause: [FailureCause::Error("a".to_owned())];
    }
}

#[test]
fn damaged_values_are_refused_or_legal_and_nothing_panics() {
    let (mut refused, mut read) = (0_u32, 0_u32);
    for known in known() {
        for example in &known.examples {
            assert!(
                (known.read)(example.as_bytes()),
                "{}: {example}",
                known.name
            );
            let mut chance = Chance::of(known.name);
            for _ in 0..TIMES {
                let text = mutated(example, &mut chance);
                let outcome = std::panic::catch_unwind(|| (known.read)(&text));
                let shown = String::from_utf8_lossy(&text[..text.len().min(2_000)]);
                match outcome {
                    Ok(true) => read += 1,
                    Ok(false) => refused += 1,
                    Err(_) => panic!("{} panics on {shown}", known.name),
                }
            }
        }
    }
    // Both ways are walked, or the test shows nothing.
    assert!(
        read > 500 && refused > read,
        "{read} read, {refused} refused"
    );
}

/// The public types of the source that are read from files, by name, as often as the name is used.
fn declared(folder: &Path, found: &mut BTreeMap<String, usize>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            declared(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for name in derived(text).chain(implemented(text)) {
            *found.entry(name).or_default() += 1;
        }
    }
}

/// The word at the start of a text.
fn word(text: &str) -> String {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text[..end.unwrap_or(text.len())].to_owned()
}

/// Public types with the derived form.
fn derived(text: &str) -> impl Iterator<Item = String> {
    let rests = text.split("serde::Deserialize)").skip(1);
    rests.filter_map(|rest| {
        let line = rest
            .lines()
            .find(|line| line.starts_with("pub") && line.contains(' '))?;
        let declared = line
            .strip_prefix("pub struct ")
            .or(line.strip_prefix("pub enum "));
        declared.map(word)
    })
}

/// Types with a form written by hand, but for those that only exist to read others.
fn implemented(text: &str) -> impl Iterator<Item = String> {
    let by_hand = text.split("Deserialize<'de> for ").skip(1).map(word);
    let as_text = text.split("\nas_text!(").skip(1).map(word);
    by_hand
        .chain(as_text)
        .filter(|name| !["", "Pairs", "Amount"].contains(&name.as_str()))
}

#[test]
fn every_public_type_that_is_read_from_files_is_tried() {
    let mut tried: BTreeMap<String, usize> = BTreeMap::new();
    for known in known() {
        let name = known.name.rsplit("::").next().unwrap().to_owned();
        *tried.entry(name).or_default() += 1;
    }
    let mut declared_types = BTreeMap::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    declared(&source, &mut declared_types);
    assert_eq!(tried, declared_types);
}
