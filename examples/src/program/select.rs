//! Which domains may be changed, by the globs on the command line.

use cloudlot_hv::DomainSample;
use glob::Pattern;

/// Holds for domains whose name matches one of `only` (or there is none) and none of `exclude`.
pub(super) fn selection(
    only: &[Pattern],
    exclude: &[Pattern],
) -> impl Fn(&DomainSample) -> bool + 'static {
    let (only, exclude) = (only.to_vec(), exclude.to_vec());
    move |domain| chosen(&only, &exclude, &domain.name)
}

fn chosen(only: &[Pattern], exclude: &[Pattern], name: &str) -> bool {
    let matches = |pattern: &Pattern| pattern.matches(name);
    (only.is_empty() || only.iter().any(matches)) && !exclude.iter().any(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusion_wins_over_choice() {
        let globs = |texts: &[&str]| -> Vec<Pattern> {
            texts
                .iter()
                .map(|text| Pattern::new(text).unwrap())
                .collect()
        };
        let check = |only: &[&str], exclude: &[&str]| {
            let names = ["web-1", "web-2", "db"];
            let chosen = names
                .iter()
                .filter(|name| chosen(&globs(only), &globs(exclude), name));
            chosen.copied().collect::<Vec<&str>>().join(" ")
        };
        assert_eq!(check(&[], &[]), "web-1 web-2 db");
        assert_eq!(check(&["web-*"], &[]), "web-1 web-2");
        assert_eq!(check(&["web-*", "db"], &["*-2"]), "web-1 db");
        assert_eq!(check(&[], &["*"]), "");
        assert_eq!(check(&["WEB-1"], &[]), "");
    }
}
