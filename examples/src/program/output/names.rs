//! What domains and vCPUs are called in front of people.

use cloudlot_hv::{CpuPicture, CycleReport, DomainId, PcpuId, VcpuId};

/// A domain's name, without what could move a terminal's cursor; its id if it has no name.
pub(super) fn domain(report: &CycleReport, id: DomainId) -> String {
    report
        .names
        .get(&id)
        .map_or_else(|| id.to_string(), |name| printable(name))
}

/// A vCPU's domain and number.
pub(super) fn vcpu(report: &CycleReport, id: VcpuId) -> String {
    format!("{}/{}", domain(report, id.domain), id.index)
}

/// The pCPU that a vCPU is on.
pub(super) fn place(picture: &CpuPicture, id: VcpuId) -> Option<PcpuId> {
    picture
        .pcpus
        .iter()
        .find(|pcpu| pcpu.vcpus.contains(&id))
        .map(|pcpu| pcpu.id)
}

/// The text with control characters written out.
pub(super) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_write_over_the_screen() {
        assert_eq!(printable("web\u{1b}[2J\n"), "web\\u{1b}[2J\\n");
        assert_eq!(printable("bäckerei 🥐"), "bäckerei 🥐");
    }
}
