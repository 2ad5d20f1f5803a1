//! Where nothing is allowed nothing is done and nothing learned, whatever the rule and the schedule.

use cloudlot_qlearn::{
    ActionId, Config, Dense, Explore, Learner, Mask, Refused, Rule, Schedule, StateId, Ties,
    Transition, stream,
};

use crate::refusals::rules;

fn explorations() -> [Explore; 2] {
    let epsilon = Schedule::Linear {
        from: 1.0,
        to: 0.1,
        over: 10,
    };
    let ties = Ties::Uniform;
    [
        Explore::epsilon(0.3),
        Explore::EpsilonGreedy { epsilon, ties },
    ]
}

#[test]
fn an_empty_mask_on_both_sides_is_refused() {
    let step = Transition {
        next_action: Some(ActionId(0)),
        ..Transition::new(StateId(0), ActionId(1), 1.0, StateId(1), Mask::NONE)
    };
    for (rule, explore) in rules()
        .into_iter()
        .flat_map(|rule| explorations().map(|explore| (rule, explore)))
    {
        let config = Config {
            rule,
            explore,
            ..Config::default()
        };
        let mut learner = Learner::new(Dense::new(2, 3, 0.0).unwrap(), config).unwrap();
        let before = learner.clone();
        let decided = learner.decide(StateId(0), Mask::NONE, &mut stream(1, 0));
        assert_eq!(decided, Err(Refused::NoAction), "{config:?}");
        let observed = learner.observe(&step);
        assert_eq!(observed, Err(Refused::Action(1)), "{config:?}");
        assert_eq!(learner, before, "{config:?}");
    }
}

#[test]
fn two_tables_refuse_what_one_refuses() {
    let rule = Rule::DoubleQ;
    let config = Config {
        rule,
        ..Config::default()
    };
    let learner = Learner::new(Dense::new(2, 3, 0.0).unwrap(), config).unwrap();
    let beyond = Mask::from_bits(!0b111);
    for (state, mask, refused) in [
        (StateId(0), beyond, Refused::NoAction),
        (StateId(2), Mask::all(3), Refused::State),
    ] {
        let decided = learner.decide(state, mask, &mut stream(1, 0));
        assert_eq!(decided, Err(refused));
    }
}
