//! The units that people write for each kind, kind and amount in one text, and printing.

use super::{ROUNDINGS, count, kinds, read};
use cloudlot_core::{Kind, ParseQuantityError, Quantities, Quantity, Rounding, cores, gib};
use proptest::prelude::*;

#[test]
fn each_kind_has_its_units() {
    for (kind, text, amount) in [
        (Kind::CPU, "2", 2_000),
        (Kind::CPU, "500m", 500),
        (Kind::CPU, "1.5 cores", 1_500),
        (Kind::CPU, "1core", 1_000),
        (Kind::CPU, "2 cpus", 2_000),
        (Kind::CPU, "1cpu", 1_000),
        (Kind::CPU, "250 millicores", 250),
        (Kind::CPU, "1e3", 1_000_000),
        (Kind::CPU, "1k", 1_000_000),
        (Kind::CPU, "1Ki", 1_024_000),
        (Kind::MEMORY, "512", 512),
        (Kind::MEMORY, "512B", 512),
        (Kind::MEMORY, "16Gi", 16 << 30),
        (Kind::MEMORY, "16 GiB", 16 << 30),
        (Kind::MEMORY, "16 Gi", 16 << 30),
        (Kind::MEMORY, "1.5GB", 1_500_000_000),
        (Kind::MEMORY, "1kB", 1_000),
        (Kind::MEMORY, "1EB", 1_000_000_000_000_000_000),
        (Kind::STORAGE, "1 TB", 1_000_000_000_000),
        (Kind::STORAGE, "1TiB", 1 << 40),
        (Kind::NETWORK, "64", 64),
        (Kind::NETWORK, "10Gbps", 10_000_000_000),
        (Kind::NETWORK, "2.5 Gbps", 2_500_000_000),
        (Kind::NETWORK, "10G", 10_000_000_000),
        (Kind::NETWORK, "64kbps", 64_000),
        (Kind::NETWORK, "64Kbps", 64_000),
        (Kind::NETWORK, "1Kibit/s", 1_024),
        (Kind::NETWORK, "1Mbit/s", 1_000_000),
        (Kind::NETWORK, "1 Mb/s", 1_000_000),
        (Kind::NETWORK, "1bit/s", 1),
        (Kind::NETWORK, "1B/s", 8),
        (Kind::NETWORK, "0.125B/s", 1),
        (Kind::NETWORK, "1kB/s", 8_000),
        (Kind::NETWORK, "1MB/s", 8_000_000),
        (Kind::NETWORK, "1MiB/s", 8 << 20),
        (Kind::NETWORK, "1EiB/s", 8 << 60),
        (Kind::GPU, "0.5", 500),
        (Kind::GPU, "500m", 500),
        (Kind::GPU, "1 gpu", 1_000),
        (Kind::GPU, "2 gpus", 2_000),
        (Kind::GPU, "1 device", 1_000),
        (Kind::GPU, "3 devices", 3_000),
    ] {
        let read = read(&kind.into(), text, Rounding::Exact);
        assert_eq!(read, Ok(amount), "{kind:?} {text}");
    }
}

#[test]
fn a_unit_of_another_kind_is_named_as_such() {
    for (kind, text, message) in [
        (
            Kind::CPU,
            "4GB",
            "`GB` is a unit of memory or storage, not of cpu",
        ),
        (Kind::CPU, "1 gpu", "`gpu` is a unit of gpu, not of cpu"),
        (
            Kind::MEMORY,
            "10Gbps",
            "`Gbps` is a unit of network, not of memory",
        ),
        (
            Kind::STORAGE,
            "1 MB/s",
            "`MB/s` is a unit of network, not of storage",
        ),
        (
            Kind::NETWORK,
            "10GB",
            "`GB` is a unit of memory or storage, not of network",
        ),
        (Kind::GPU, "2 cores", "`cores` is a unit of cpu, not of gpu"),
    ] {
        let why = read(&kind.into(), text, Rounding::Up).unwrap_err();
        assert_eq!(why.to_string(), message);
    }
    let why = read(&count(), "3GiB", Rounding::Up).unwrap_err();
    let message = "`GiB` is a unit of memory or storage, not of example.com/count";
    assert_eq!(why.to_string(), message);
}

#[test]
fn words_that_could_mean_two_things_are_no_units() {
    for (kind, text) in [
        (Kind::MEMORY, "1Mb"),
        (Kind::MEMORY, "1mb"),
        (Kind::MEMORY, "1KB"),
        (Kind::MEMORY, "1mB"),
        (Kind::MEMORY, "1gb"),
        (Kind::MEMORY, "1 Mbit"),
        (Kind::NETWORK, "1mbps"),
        (Kind::NETWORK, "1MBps"),
        (Kind::NETWORK, "1Mb"),
        (Kind::NETWORK, "1KB/s"),
        (Kind::CPU, "1 Core"),
        (Kind::CPU, "1 mcores"),
        (Kind::CPU, "1 cores "),
        (Kind::CPU, "1  cores"),
        (Kind::CPU, "1e3 cores"),
    ] {
        let why = read(&kind.into(), text, Rounding::Up).unwrap_err();
        assert!(
            matches!(why, ParseQuantityError::Unit { .. }),
            "{text}: {why}"
        );
    }
}

#[test]
fn printing_takes_the_largest_unit_that_leaves_a_whole_number() {
    for (kind, amount, want) in [
        (Kind::CPU, 0, "0"),
        (Kind::CPU, 500, "500m"),
        (Kind::CPU, 1_500, "1500m"),
        (Kind::CPU, 2_000_000, "2000"),
        (Kind::MEMORY, 0, "0"),
        (Kind::MEMORY, 1_023, "1023"),
        (Kind::MEMORY, 16 << 30, "16Gi"),
        (Kind::MEMORY, 1536 << 20, "1536Mi"),
        (Kind::MEMORY, 1_000 << 10, "1000Ki"),
        (Kind::STORAGE, 1_000_000_000_000, "1T"),
        (Kind::STORAGE, 1 << 63, "8Ei"),
        (Kind::NETWORK, 0, "0bps"),
        (Kind::NETWORK, 10_000_000_000, "10Gbps"),
        (Kind::NETWORK, 1_500_000, "1500kbps"),
        (Kind::NETWORK, 5_000_000_000_000_000, "5000Tbps"),
        (Kind::GPU, 500, "500m"),
        (Kind::GPU, 2_000, "2"),
    ] {
        let quantity = Quantity::new(kind, amount);
        assert_eq!(quantity.amount_text().to_string(), want);
    }
    let both = Quantities::from([gib(16), cores(2)]);
    assert_eq!(both.to_string(), "cpu 2, memory 16Gi");
    assert_eq!(Quantities::default().to_string(), "nothing");
}

#[test]
fn a_kind_and_an_amount_are_told_apart_or_refused() {
    let parse = |text: &str| text.parse::<Quantity>();
    for text in ["cpu=1.5 cores", "cpu 1.5 cores", "cpu=1500m", "cpu 1500m"] {
        assert_eq!(parse(text), Ok(Quantity::new(Kind::CPU, 1_500)), "{text}");
    }
    for text in ["a=b=5", "a=b 5"] {
        assert_eq!(parse(text).unwrap().kind().as_str(), "a=b", "{text}");
    }
    for text in ["", "cpu", "500m", "cpu:500m", "memory:16Gi"] {
        let refused = matches!(parse(text), Err(ParseQuantityError::Form(_)));
        assert!(refused, "{text}");
    }
    for text in [
        "=5",
        " 5",
        "my disk=5",
        "memory = 5",
        "memory= 5",
        "memory: 5",
        "cpu==5",
    ] {
        assert!(
            matches!(parse(text), Err(ParseQuantityError::Kind(_))),
            "{text}"
        );
    }
    assert!(matches!(parse("cpu="), Err(ParseQuantityError::Number(_))));
    assert!(matches!(
        parse("cpu=-1"),
        Err(ParseQuantityError::Negative(_))
    ));
    assert!(matches!(
        parse("cpu=0.1m"),
        Err(ParseQuantityError::TooFine { .. })
    ));
}

proptest! {
    #[test]
    fn every_quantity_survives_printing_and_parsing(
        kind in kinds(),
        count in prop_oneof![any::<u64>(), 0..5_000_u64, Just(u64::MAX)],
        zeros in 0..20_u32,
        twos in 0..64_u32,
    ) {
        let decimal = count.saturating_mul(10_u64.pow(zeros));
        let binary = count.saturating_mul(1 << twos);
        for amount in [count, decimal, binary, count << twos] {
            let quantity = Quantity::new(kind.clone(), amount);
            prop_assert_eq!(quantity.to_string().parse(), Ok(quantity.clone()));
            let text = quantity.amount_text().to_string();
            prop_assert_eq!(format!("{kind}={text}").parse(), Ok(quantity.clone()));
            for rounding in ROUNDINGS {
                prop_assert_eq!(read(&kind, &text, rounding), Ok(amount));
            }
        }
    }
}
