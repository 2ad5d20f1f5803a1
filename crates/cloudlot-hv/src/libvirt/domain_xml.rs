//! Reads a domain's XML: what libvirt's other calls do not tell, and what its owner asks for.
//!
//! Pure; XML that cannot be read is an error, a wrong rule of the owner a note.
//!
//! Rules are an element in our namespace under `<metadata>`, every attribute optional:
//! ```xml
//! <cloudlot:rules xmlns:cloudlot="https://cloudlot.dev/hv/1" managed="no" weight="2" shares="2"
//!                 memory-min="256MiB" memory-max="1GiB" cpus="0-3"/>
//! ```

use crate::{CpuSet, DomainRules};
use cloudlot_core::Bytes;
use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// The namespace of our metadata element.
pub const METADATA_NAMESPACE: &str = "https://cloudlot.dev/hv/1";

/// What a running domain's live XML says.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Live {
    /// The balloon's target, virtio-mem included.
    pub(super) target: Option<Bytes>,
    /// Whether it has a balloon device.
    pub(super) balloon: bool,
    /// How often the guest is asked for statistics; zero: never.
    pub(super) period: Duration,
    /// Memory in virtio-mem devices, which the balloon does not reach.
    pub(super) virtio_mem: VirtioMem,
    /// The owner's rules, if the metadata have any.
    pub(super) rules: Option<Rules>,
}

/// Memory in virtio-mem devices.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct VirtioMem {
    /// Plugged now.
    pub(super) current: Bytes,
    /// The most that can be plugged.
    pub(super) size: Bytes,
}

/// What a domain's persistent definition says.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Persistent {
    /// Where its vCPUs may run, where no pin of their own says otherwise.
    pub(super) cpus: Option<CpuSet>,
    /// Pins by vCPU number.
    pub(super) pins: BTreeMap<u32, CpuSet>,
    /// The owner's rules, if the metadata have any.
    pub(super) rules: Option<Rules>,
}

impl Persistent {
    /// Where the definition lets a vCPU run; `None`: anywhere.
    pub(super) fn bound(&self, vcpu: u32) -> Option<&CpuSet> {
        self.pins.get(&vcpu).or(self.cpus.as_ref())
    }
}

/// What the owner asks for in metadata.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Rules {
    /// Everything but `cpus`.
    pub(super) rules: DomainRules,
    /// Where its vCPUs may run at most.
    pub(super) cpus: Option<CpuSet>,
    /// Values that were ignored, and why.
    pub(super) wrong: Vec<String>,
}

/// Why a domain's XML cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum DomainXmlError {
    /// It is not XML.
    #[error("not well-formed: {0}")]
    Malformed(String),
    /// It is something else.
    #[error("`<{0}>` is not a domain")]
    NotADomain(String),
    /// A value that libvirt writes cannot be understood.
    #[error("`{value}` in `{at}` is not understood")]
    Value {
        /// The element or attribute.
        at: String,
        /// What stands there.
        value: String,
    },
}

/// Reads the XML of a running domain.
pub(super) fn live(xml: &str) -> Result<Live, DomainXmlError> {
    let document = parse(xml)?;
    let domain = domain(&document)?;
    let devices = child(domain, "devices");
    let balloon = devices
        .and_then(|devices| child(devices, "memballoon"))
        .filter(|balloon| balloon.attribute("model") != Some("none"));
    let period = balloon
        .and_then(|balloon| child(balloon, "stats"))
        .and_then(|stats| stats.attribute("period"))
        .map_or(Ok(0), |period| understood("stats period", period))?;
    Ok(Live {
        target: child(domain, "currentMemory").map(size).transpose()?,
        balloon: balloon.is_some(),
        period: Duration::from_secs(period),
        virtio_mem: devices.map_or(Ok(VirtioMem::default()), virtio_mem)?,
        rules: rules(domain),
    })
}

/// Reads the XML of a domain's persistent definition.
pub(super) fn persistent(xml: &str) -> Result<Persistent, DomainXmlError> {
    let document = parse(xml)?;
    let domain = domain(&document)?;
    let cpus = child(domain, "vcpu")
        .and_then(|vcpu| vcpu.attribute("cpuset"))
        .map(|cpus| understood("vcpu cpuset", cpus))
        .transpose()?;
    let mut pins = BTreeMap::new();
    for pin in child(domain, "cputune")
        .into_iter()
        .flat_map(|tune| children(tune, "vcpupin"))
    {
        let of = |name| pin.attribute(name).unwrap_or_default();
        pins.insert(
            understood("vcpupin vcpu", of("vcpu"))?,
            understood("vcpupin cpuset", of("cpuset"))?,
        );
    }
    Ok(Persistent {
        cpus,
        pins,
        rules: rules(domain),
    })
}

fn virtio_mem(devices: Node) -> Result<VirtioMem, DomainXmlError> {
    let mut sum = VirtioMem::default();
    for memory in children(devices, "memory") {
        if memory.attribute("model") != Some("virtio-mem") {
            continue;
        }
        let Some(target) = child(memory, "target") else {
            continue;
        };
        let of = |name| child(target, name).map_or(Ok(Bytes::ZERO), size);
        sum.size = sum.size.saturating_add(of("size")?);
        sum.current = sum.current.saturating_add(of("current")?);
    }
    Ok(sum)
}

fn rules(domain: Node) -> Option<Rules> {
    let element = child(domain, "metadata")?
        .children()
        .find(|node| node.has_tag_name((METADATA_NAMESPACE, "rules")))?;
    let mut found = Rules::default();
    for attribute in element.attributes() {
        if let Err(wrong) = found.take(attribute.name(), attribute.value()) {
            found.wrong.push(wrong);
        }
    }
    let rules = &mut found.rules;
    if let (Some(min), Some(max)) = (rules.memory_min, rules.memory_max)
        && min > max
    {
        found.wrong.push(format!(
            "memory-min {min} is above memory-max {max}: both ignored"
        ));
        (rules.memory_min, rules.memory_max) = (None, None);
    }
    Some(found)
}

impl Rules {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let rules = &mut self.rules;
        match name {
            "managed" => {
                rules.managed = match value {
                    "yes" => true,
                    "no" => false,
                    _ => {
                        return Err(format!(
                            "managed=\"{value}\" is neither yes nor no: ignored"
                        ));
                    }
                }
            }
            "weight" => rules.weight = from_one_up(name, value)?,
            "shares" => rules.shares = from_one_up(name, value)?,
            "memory-min" => rules.memory_min = Some(value_of(name, value)?),
            "memory-max" => rules.memory_max = Some(value_of(name, value)?),
            "cpus" => {
                let cpus: CpuSet = value_of(name, value)?;
                if cpus.is_empty() {
                    return Err("cpus=\"\" allows no pCPU: ignored".to_owned());
                }
                self.cpus = Some(cpus);
            }
            _ => return Err(format!("{name} is no rule: ignored")),
        }
        Ok(())
    }
}

fn value_of<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|error| format!("{name}=\"{value}\": {error}: ignored"))
}

fn from_one_up(name: &str, value: &str) -> Result<u32, String> {
    match value_of(name, value)? {
        0 => Err(format!("{name}=\"0\" is below 1: ignored")),
        number => Ok(number),
    }
}

fn parse(xml: &str) -> Result<Document<'_>, DomainXmlError> {
    Document::parse(xml).map_err(|error| DomainXmlError::Malformed(error.to_string()))
}

fn domain<'a, 'input>(document: &'a Document<'input>) -> Result<Node<'a, 'input>, DomainXmlError> {
    let root = document.root_element();
    if root.has_tag_name("domain") {
        Ok(root)
    } else {
        Err(DomainXmlError::NotADomain(
            root.tag_name().name().to_owned(),
        ))
    }
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children()
        .filter(move |child| child.has_tag_name(name))
}

/// A size with libvirt's unit attribute, which is KiB where it is missing.
fn size(node: Node) -> Result<Bytes, DomainXmlError> {
    let name = node.tag_name().name();
    let number: u64 = understood(name, node.text().unwrap_or_default().trim())?;
    let unit = node.attribute("unit").unwrap_or("KiB");
    let scale = match unit {
        "b" | "bytes" => 1,
        "KB" => 1_000,
        "k" | "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "M" | "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "G" | "GiB" => 1 << 30,
        "TB" => 1_000_000_000_000,
        "T" | "TiB" => 1 << 40,
        _ => {
            return Err(DomainXmlError::Value {
                at: format!("{name} unit"),
                value: unit.to_owned(),
            });
        }
    };
    Ok(Bytes::new(number.saturating_mul(scale)))
}

fn understood<T: FromStr>(at: &str, value: &str) -> Result<T, DomainXmlError> {
    value.parse().map_err(|_| DomainXmlError::Value {
        at: at.to_owned(),
        value: value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cpus(list: &str) -> CpuSet {
        list.parse().expect("a CPU list")
    }

    fn metadata(attributes: &str) -> Rules {
        let xml = format!(
            "<domain><metadata><c:rules xmlns:c='{METADATA_NAMESPACE}' {attributes}/></metadata></domain>"
        );
        persistent(&xml).unwrap().rules.expect("there are rules")
    }

    #[test]
    fn live_xml_tells_balloon_period_and_virtio_mem() {
        let read = live(
            "<domain type='kvm' id='3'>
               <memory unit='KiB'>4194304</memory>
               <currentMemory unit='KiB'>3145728</currentMemory>
               <devices>
                 <memory model='virtio-mem'><target>
                   <size unit='KiB'>2097152</size><requested unit='KiB'>1048576</requested>
                   <current unit='KiB'>524288</current>
                 </target></memory>
                 <memory model='dimm'><target><size unit='KiB'>524288</size></target></memory>
                 <memballoon model='virtio'><stats period='5'/></memballoon>
               </devices>
             </domain>",
        )
        .unwrap();
        assert_eq!(read.target, Some(Bytes::gib(3)));
        assert!(read.balloon);
        assert_eq!(read.period, Duration::from_secs(5));
        assert_eq!(read.virtio_mem.current, Bytes::mib(512));
        assert_eq!(read.virtio_mem.size, Bytes::gib(2));
        assert_eq!(read.rules, None);
    }

    #[test]
    fn a_balloon_of_model_none_is_none() {
        for devices in ["<memballoon model='none'/>", "", "<disk/>"] {
            let xml = format!("<domain><devices>{devices}</devices></domain>");
            let read = live(&xml).unwrap();
            assert!(!read.balloon, "{devices}");
            assert_eq!(read.period, Duration::ZERO);
        }
    }

    #[test]
    fn a_pin_of_its_own_goes_before_the_set_of_all() {
        let read = persistent(
            "<domain><vcpu placement='static' cpuset='0-3'>3</vcpu>
               <cputune><vcpupin vcpu='1' cpuset='2'/><emulatorpin cpuset='0'/></cputune>
             </domain>",
        )
        .unwrap();
        assert_eq!(read.bound(0), Some(&cpus("0-3")));
        assert_eq!(read.bound(1), Some(&cpus("2")));

        let free = persistent("<domain><vcpu>2</vcpu></domain>").unwrap();
        assert_eq!(free.bound(0), None);
    }

    #[test]
    fn rules_are_read_from_our_namespace_only() {
        let rules = metadata(
            "managed='no' weight='2' shares='3' memory-min='256MiB' memory-max='1GiB' cpus='0-1,4'",
        );
        assert_eq!(rules.wrong, Vec::<String>::new());
        assert_eq!(rules.cpus, Some(cpus("0-1,4")));
        assert_eq!(
            rules.rules,
            DomainRules {
                managed: false,
                pinnable: true,
                weight: 2,
                shares: 3,
                memory_min: Some(Bytes::mib(256)),
                memory_max: Some(Bytes::gib(1)),
            }
        );
        let foreign = "<domain><metadata><rules managed='no'/><x:rules xmlns:x='u' managed='no'/></metadata></domain>";
        assert_eq!(persistent(foreign).unwrap().rules, None);
    }

    #[test]
    fn a_wrong_rule_is_named_and_the_others_hold() {
        let wrong = [
            "managed='maybe'",
            "weight='0'",
            "weight='-1'",
            "shares='many'",
            "shares='4294967296'",
            "memory-min='much'",
            "cpus='3-1'",
            "cpus=''",
            "colour='red'",
            "memory-min='2GiB' memory-max='1GiB'",
        ];
        for attributes in wrong {
            let other = if attributes.starts_with("weight") {
                "shares='7'"
            } else {
                "weight='7'"
            };
            let rules = metadata(&format!("{attributes} {other}"));
            assert_eq!(rules.wrong.len(), 1, "{attributes}: {:?}", rules.wrong);
            assert_eq!(rules.cpus, None, "{attributes}");
            let mut expected = DomainRules::default();
            if other.starts_with("weight") {
                expected.weight = 7;
            } else {
                expected.shares = 7;
            }
            assert_eq!(rules.rules, expected, "{attributes}");
        }
    }

    #[test]
    fn xml_that_is_no_domain_is_refused() {
        let refused = [
            "",
            "<domain>",
            "<capabilities/>",
            "<domain><currentMemory>many</currentMemory></domain>",
            "<domain><currentMemory unit='furlong'>1</currentMemory></domain>",
            "<domain><devices><memballoon><stats period='-1'/></memballoon></devices></domain>",
        ];
        for xml in refused {
            assert!(live(xml).is_err(), "{xml}");
        }
        let refused = [
            "<domain><vcpu cpuset='a-b'>1</vcpu></domain>",
            "<domain><cputune><vcpupin cpuset='1'/></cputune></domain>",
            "<domain><cputune><vcpupin vcpu='0' cpuset='9-'/></cputune></domain>",
        ];
        for xml in refused {
            assert!(persistent(xml).is_err(), "{xml}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text: String, attribute in "[a-z0-9 ='-]{0,20}") {
            let _ = (live(&text), persistent(&text));
            let xml = format!("<domain><vcpu {attribute}>1</vcpu><currentMemory>{text}</currentMemory></domain>");
            let _ = (live(&xml), persistent(&xml));
        }
    }
}
