//! All that is told, as text or JSON.

use super::rules::Sheet;
use super::train::Look;
use super::world::name;
use cloudlot_qlearn::Explanation;
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// What is in force.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Settings {
    pub(super) rule: String,
    pub(super) planner: &'static str,
    #[serde(skip)]
    pub(super) planning: &'static str,
    pub(super) epsilon: f64,
    pub(super) discount: f64,
    pub(super) mask: bool,
    /// The root of chance; of a loaded driver it is not known any more.
    pub(super) seed: Option<u64>,
    /// How many steps a loaded driver had learned from.
    pub(super) loaded_steps: Option<u64>,
}

/// How one driver got on.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Figures {
    pub(super) planner: &'static str,
    #[serde(skip)]
    pub(super) planning: &'static str,
    pub(super) steps: u64,
    pub(super) episodes: u64,
    /// The exact value of the greedy policy.
    pub(super) value: f64,
    /// Whether that is the optimum.
    pub(super) best: bool,
    /// After how many steps it was the best for good, as far as was looked.
    pub(super) best_since_steps: Option<u64>,
    pub(super) curve: Vec<Look>,
}

/// What was saved and came back.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Saved<'a> {
    pub(super) file: &'a Path,
    pub(super) bytes: usize,
    pub(super) checksum: String,
    /// The reloaded driver gives the same bytes.
    pub(super) same: bool,
    /// How many further steps both made, and were still the same.
    pub(super) same_after_steps: u64,
}

#[derive(Serialize)]
pub(super) struct Explained {
    pub(super) state: u32,
    pub(super) situation: String,
    #[serde(flatten)]
    pub(super) explanation: Explanation,
}

/// All of it.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    pub(super) settings: Settings,
    /// What the best driver earns in an episode.
    pub(super) optimum: f64,
    pub(super) driver: Figures,
    /// The second driver.
    pub(super) beside: Option<Figures>,
    pub(super) interrupted: bool,
    pub(super) checkpoint: Saved<'a>,
    pub(super) drawing: &'a Path,
    pub(super) explained: Option<Explained>,
    pub(super) rules: Option<Sheet>,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, planning, .. } = self;
        let (epsilon, discount) = (self.epsilon, self.discount);
        write!(
            f,
            "taxi: rule {rule} {planning}, epsilon {epsilon}, discount {discount}, "
        )?;
        f.write_str(if self.mask { "useful" } else { "all" })?;
        f.write_str(" actions")?;
        if let Some(seed) = self.seed {
            write!(f, ", seed {seed}")?;
        }
        if let Some(steps) = self.loaded_steps {
            write!(f, ", going on after {steps} steps")?;
        }
        Ok(())
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            steps,
            episodes,
            value,
            ..
        } = &self.driver;
        let early = if self.interrupted {
            ", interrupted"
        } else {
            ""
        };
        writeln!(f, "trained     {steps} steps in {episodes} episodes{early}")?;
        writeln!(
            f,
            "value       {} of the greedy policy, exactly",
            short(*value)
        )?;
        writeln!(
            f,
            "optimum     {}{}",
            short(self.optimum),
            since(&self.driver)
        )?;
        if let Some(other) = &self.beside {
            let (value, planning) = (short(other.value), other.planning);
            let since = since(other);
            writeln!(
                f,
                "beside      {value} {planning}, {} steps{since}",
                other.steps
            )?;
        }
        let Saved {
            file,
            bytes,
            checksum,
            ..
        } = &self.checkpoint;
        writeln!(
            f,
            "saved       {}, {bytes} bytes, checksum {checksum}",
            file.display()
        )?;
        let further = self.checkpoint.same_after_steps;
        writeln!(
            f,
            "reloaded    the same to the byte, and still so {further} steps later"
        )?;
        writeln!(f, "drawing     {}", self.drawing.display())?;
        if let Some(told) = &self.explained {
            writeln!(f, "\nstate {}: {}", told.state, told.situation)?;
            writeln!(f, "{}", told.explanation.named(name))?;
        }
        if let Some(sheet) = &self.rules {
            writeln!(f, "\n{}", sheet.slice)?;
            for line in &sheet.map {
                writeln!(f, "  {line}")?;
            }
            for rule in &sheet.rules {
                writeln!(f, "{rule}")?;
            }
        }
        Ok(())
    }
}

fn since(figures: &Figures) -> String {
    let began = figures.curve.first().map(|look| look.steps);
    match figures.best_since_steps {
        None => ", not reached".to_owned(),
        since if since == began => ", reached before".to_owned(),
        Some(steps) => format!(", reached after {steps}"),
    }
}

/// Exact sums carry the dust of rounding; what is below a millionth is of no interest here.
fn short(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}
