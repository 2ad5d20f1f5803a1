//! Several pieces of code timed in turns, so that whatever else the machine does hits all of them.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Times of one piece of work a sample, in nanoseconds of CPU time of this thread.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'a str,
    work: Box<dyn FnMut() -> u64 + 'a>,
    samples: Vec<f64>,
}

impl<'a> Contender<'a> {
    /// `work` does something and says how many times.
    pub(crate) fn new(name: &'a str, work: impl FnMut() -> u64 + 'a) -> Self {
        Self {
            name,
            work: Box::new(work),
            samples: Vec::new(),
        }
    }

    fn sample(&mut self) {
        let begin = cpu_time();
        let count = (self.work)();
        let spent = cpu_time().saturating_sub(begin);
        self.samples
            .push(spent.as_secs_f64() * 1e9 / f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }

    fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a short list"
        )]
        let place = ((sorted.len() - 1) as f64 * part) as usize;
        sorted[place]
    }
}

/// Runs all contenders in turns and prints a table; ratios are to the first. Gives the medians.
pub(crate) fn run(title: &str, rounds: u32, contenders: &mut [Contender<'_>]) -> Vec<f64> {
    let medians = measure(rounds, contenders);
    print(title, contenders);
    medians
}

/// Runs all contenders in turns. Gives the medians.
pub(crate) fn measure(rounds: u32, contenders: &mut [Contender<'_>]) -> Vec<f64> {
    for _ in 0..rounds {
        for contender in &mut *contenders {
            contender.sample();
        }
    }
    contenders.iter().map(|each| each.quantile(0.5)).collect()
}

/// Prints a table; ratios are to the first.
pub(crate) fn print(title: &str, contenders: &[Contender<'_>]) {
    println!("\n{title}");
    println!(
        "{:<44} {:>9} {:>9} {:>9} {:>9}",
        "ns of CPU each", "p10", "median", "ratio p10", "median"
    );
    let bound = [contenders[0].quantile(0.1), contenders[0].quantile(0.5)];
    for contender in contenders {
        let [low, middle] = [contender.quantile(0.1), contender.quantile(0.5)];
        println!(
            "{:<44} {low:>9.2} {middle:>9.2} {:>9.2} {:>9.2}",
            contender.name,
            low / bound[0],
            middle / bound[1]
        );
    }
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}
