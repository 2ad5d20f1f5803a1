//! The stages between a proposal and what is done: pure functions in a fixed order.
//!
//! Every stage maps a proposal to an action by what is known before the draw. So the probability of
//! what is done is the sum over the proposals that end there. A proposal is an action and whether
//! chance asked for it: the same action may be the best one or a try.

use super::rules::nearest;
use crate::{ActionId, Mask, Reason};

/// What the stages know. `free ⊆ safe`, neither empty; `baseline` is in `free`.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) values: &'a [f64],
    pub(super) visits: &'a [u32],
    /// What the shield lets pass.
    pub(super) safe: Mask,
    /// What the cool-down lets pass, too.
    pub(super) free: Mask,
    pub(super) baseline: ActionId,
    pub(super) sizes: &'a [i64],
    pub(super) visits_min: u32,
    /// Whether the budget pays for a deviation; a guard without a budget always does.
    pub(super) pays: bool,
    pub(super) killed: bool,
}

/// An action on its way through the stages.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Verdict {
    pub(super) action: ActionId,
    /// Whether chance asked for the proposal.
    pub(super) explores: bool,
    /// The last stage that changed it.
    pub(super) changed_by: Option<Reason>,
}

/// A stage: what it makes of a verdict. A shield's own correction is an argument of [`judge`].
type Stage = fn(&Scene<'_>, Verdict) -> Verdict;

/// What follows the shield, in order.
const STAGES: [Stage; 4] = [cool_down, trust, budget, kill];

/// What becomes of a proposal; `corrected` is what the shield wants instead of an unsafe one.
pub(super) fn judge(
    scene: &Scene<'_>,
    (proposed, explores): (ActionId, bool),
    corrected: impl FnOnce() -> Option<ActionId>,
) -> Verdict {
    let verdict = Verdict {
        action: proposed,
        explores,
        changed_by: None,
    };
    let shielded = shield(scene, verdict, corrected);
    STAGES
        .iter()
        .fold(shielded, |verdict, stage| stage(scene, verdict))
}

/// How likely a proposal was to end in `action`: proposals come with their chance, and with the part of
/// it that is a try.
pub(super) fn chance_of(
    action: ActionId,
    proposals: impl Iterator<Item = (ActionId, f64, f64)>,
    judged: impl Fn(ActionId, bool) -> Verdict,
) -> f64 {
    let mut total = 0.0;
    for (proposed, chance, tried) in proposals {
        for (part, explores) in [(tried, true), (chance - tried, false)] {
            if judged(proposed, explores).action == action {
                total += part;
            }
        }
    }
    // The parts of a whole may add up to a rounding beside it.
    total.clamp(f64::MIN_POSITIVE, 1.0)
}

fn shield(
    scene: &Scene<'_>,
    verdict: Verdict,
    corrected: impl FnOnce() -> Option<ActionId>,
) -> Verdict {
    if scene.safe.allows(verdict.action) {
        return verdict;
    }
    let action = corrected()
        .filter(|&action| scene.safe.allows(action))
        .or_else(|| nearest(scene.sizes, verdict.action, scene.safe))
        .unwrap_or(scene.baseline);
    verdict.change(action, Reason::Shield)
}

fn cool_down(scene: &Scene<'_>, verdict: Verdict) -> Verdict {
    let action = nearest(scene.sizes, verdict.action, scene.free).unwrap_or(scene.baseline);
    verdict.change(action, Reason::Cooldown)
}

/// What is not trusted is not done, unless it explores: that is for the budget to decide.
fn trust(scene: &Scene<'_>, verdict: Verdict) -> Verdict {
    let both = scene.trusts(scene.baseline) && scene.trusts(verdict.action);
    if verdict.explores || both {
        return verdict;
    }
    verdict.change(scene.best_trusted(), Reason::Baseline)
}

fn budget(scene: &Scene<'_>, verdict: Verdict) -> Verdict {
    if !verdict.explores || scene.pays {
        return verdict;
    }
    verdict.change(scene.best_trusted(), Reason::Budget)
}

fn kill(scene: &Scene<'_>, verdict: Verdict) -> Verdict {
    if !scene.killed {
        return verdict;
    }
    Verdict {
        action: scene.baseline,
        explores: false,
        changed_by: Some(Reason::Killed),
    }
}

impl Verdict {
    fn change(self, action: ActionId, by: Reason) -> Self {
        if action == self.action {
            return self;
        }
        Self {
            action,
            changed_by: Some(by),
            ..self
        }
    }
}

impl Scene<'_> {
    fn trusts(&self, action: ActionId) -> bool {
        self.visits
            .get(action.index())
            .is_some_and(|&visits| visits >= self.visits_min)
    }

    /// The baseline until it is known itself, then the best of what is known.
    ///
    /// Source: the policy-based rule of Laroche, Trichelair, Tachet des Combes, "Safe Policy
    /// Improvement with Baseline Bootstrapping" (2019), for a baseline without chance.
    pub(super) fn best_trusted(&self) -> ActionId {
        if !self.trusts(self.baseline) {
            return self.baseline;
        }
        let known = super::cooldown::keep(self.free, |action| self.trusts(action));
        crate::explore::best(self.values, known).action
    }

    /// Whether a verdict costs a token.
    pub(super) fn costs(&self, verdict: Verdict) -> bool {
        verdict.explores && verdict.action != self.best_trusted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [i64; 5] = [5, 1, 0, -1, -5];

    fn scene() -> Scene<'static> {
        Scene {
            values: &[0.0, 3.0, 1.0, 2.0, -1.0],
            visits: &[9, 2, 9, 9, 0],
            safe: Mask::all(5),
            free: Mask::all(5),
            baseline: ActionId(2),
            sizes: &SIZES,
            visits_min: 0,
            pays: true,
            killed: false,
        }
    }

    fn verdict(action: u16, explores: bool) -> Verdict {
        Verdict {
            action: ActionId(action),
            explores,
            changed_by: None,
        }
    }

    fn changed(action: u16, explores: bool, by: Reason) -> Verdict {
        Verdict {
            changed_by: Some(by),
            ..verdict(action, explores)
        }
    }

    #[test]
    fn an_unsafe_action_becomes_a_safe_one_whatever_the_correction_says() {
        let safe = Mask::from_bits(0b01100);
        let scene = Scene { safe, ..scene() };
        let out = |corrected| shield(&scene, verdict(0, true), || corrected);
        assert_eq!(out(None), changed(2, true, Reason::Shield));
        assert_eq!(out(Some(ActionId(3))), changed(3, true, Reason::Shield));
        assert_eq!(out(Some(ActionId(1))), changed(2, true, Reason::Shield));
        assert_eq!(out(Some(ActionId(999))), changed(2, true, Reason::Shield));
        let kept = shield(&scene, verdict(3, false), || Some(ActionId(2)));
        assert_eq!(kept, verdict(3, false));
    }

    #[test]
    fn a_change_too_soon_becomes_the_nearest_calm_one() {
        let free = Mask::from_bits(0b00110);
        let scene = Scene { free, ..scene() };
        assert_eq!(
            cool_down(&scene, verdict(4, false)),
            changed(2, false, Reason::Cooldown)
        );
        assert_eq!(cool_down(&scene, verdict(1, false)), verdict(1, false));
    }

    #[test]
    fn an_untrusted_choice_becomes_the_best_trusted_one() {
        let scene = Scene {
            visits_min: 5,
            ..scene()
        };
        assert_eq!(
            trust(&scene, verdict(1, false)),
            changed(3, false, Reason::Baseline)
        );
        assert_eq!(trust(&scene, verdict(3, false)), verdict(3, false));
        assert_eq!(trust(&scene, verdict(4, true)), verdict(4, true));
    }

    #[test]
    fn an_untrusted_baseline_acts_itself() {
        let scene = Scene {
            visits_min: 5,
            baseline: ActionId(4),
            ..scene()
        };
        assert_eq!(
            trust(&scene, verdict(3, false)),
            changed(4, false, Reason::Baseline)
        );
    }

    #[test]
    fn exploration_that_nobody_pays_for_does_not_happen() {
        let broke = Scene {
            pays: false,
            visits_min: 5,
            ..scene()
        };
        assert_eq!(
            budget(&broke, verdict(4, true)),
            changed(3, true, Reason::Budget)
        );
        assert_eq!(budget(&broke, verdict(0, false)), verdict(0, false));
        assert_eq!(budget(&scene(), verdict(4, true)), verdict(4, true));
        assert!(scene().costs(verdict(4, true)));
        assert!(!broke.costs(verdict(3, true)) && !broke.costs(verdict(0, false)));
    }

    #[test]
    fn the_kill_switch_has_the_last_word() {
        let killed = Scene {
            killed: true,
            ..scene()
        };
        for action in 0..5 {
            let out = judge(&killed, (ActionId(action), action == 4), || None);
            assert_eq!(out, changed(2, false, Reason::Killed));
        }
    }

    #[test]
    fn the_last_stage_that_changed_something_is_the_reason() {
        let scene = Scene {
            safe: Mask::from_bits(0b11110),
            free: Mask::from_bits(0b01100),
            pays: false,
            ..scene()
        };
        // +5 is unsafe, +1 comes too soon, 0 is not the best of what is left.
        let out = judge(&scene, (ActionId(0), true), || None);
        assert_eq!(out, changed(3, true, Reason::Budget));
    }
}
