//! The figures as metrics, for a scraper to read.

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::{
    LabelError, MetricKind, MetricLabels, NameError, Reading, RecordError, Registry, WaitSummary,
};

use super::figures::{Figures, Lately};
use super::watch::Monitor;
use crate::FunctionId;

/// Why figures are no metrics.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ExportError {
    /// A metric has no legal name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The name of a function is no label.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The registry takes no more.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Series of one function, counted generously.
const SERIES: usize = 128;

impl Monitor {
    /// All figures now, as metrics that begin with `function_`, each labelled with what `name` calls the function; names are to differ.
    ///
    /// It is made anew each time; `cloudlot_core::metrics::openmetrics::encode` makes text of it (feature `openmetrics` of that crate).
    /// Percentiles are gauges. Bad numbers of calls show as the difference between `function_calls` and `function_good`.
    ///
    /// # Errors
    /// If a name is longer than a label may be.
    pub fn metrics(
        &self,
        now: Timestamp,
        name: impl Fn(FunctionId) -> String,
    ) -> Result<Registry, ExportError> {
        let functions: Vec<FunctionId> = self.functions().collect();
        let limit = functions.len().saturating_add(1).saturating_mul(SERIES);
        let mut out = Metrics {
            registry: Registry::with_limits(limit, 1),
            now,
            function: String::new(),
        };
        for function in functions {
            if let Some(figures) = self.figures(function, now) {
                out.function = name(function);
                out.figures(&figures)?;
            }
        }
        out.function.clear();
        out.count("function_unknown", ("of", "calls"), self.unknown())?;
        Ok(out.registry)
    }
}

struct Metrics {
    registry: Registry,
    now: Timestamp,
    function: String,
}

impl Metrics {
    fn figures(&mut self, figures: &Figures) -> Result<(), ExportError> {
        let Figures {
            calls,
            endings,
            instances,
            ..
        } = figures;
        self.count("function_calls", NONE, *calls)?;
        self.count("function_retries", NONE, figures.retries)?;
        for (ending, count) in [
            ("success", endings.success),
            ("failure", endings.failure),
            ("timed_out", endings.timed_out),
            ("lost", endings.lost),
            ("waited_too_long", endings.waited_too_long),
            ("turned_away", endings.turned_away),
        ] {
            self.count("function_endings", ("ending", ending), count)?;
        }
        self.share("function_cold_ratio", NONE, figures.cold)?;
        self.share("function_good_ratio", NONE, figures.compliance)?;
        self.share("function_burn", NONE, figures.burn)?;
        self.share(
            "function_score",
            NONE,
            figures.performance.map(|it| it.score()),
        )?;
        self.times("function_latency_seconds", &figures.latency)?;
        self.times("function_delay_seconds", &figures.delay)?;
        for (state, seconds) in [
            ("starting", instances.starting),
            ("busy", instances.busy),
            ("idle", instances.idle),
        ] {
            self.gauge("function_instance_seconds", ("state", state), seconds)?;
        }
        figures.lately.iter().try_for_each(|it| self.lately(it))
    }

    fn lately(&mut self, it: &Lately) -> Result<(), ExportError> {
        let window = format!("{:?}", it.window);
        let label = ("window", &*window);
        self.gauge("function_calls_per_second", label, it.per_second)?;
        self.share("function_recent_cold_ratio", label, it.cold)?;
        self.share("function_recent_good_ratio", label, it.compliance)
    }

    fn times(&mut self, name: &str, times: &WaitSummary) -> Result<(), ExportError> {
        if times.count == 0 {
            return Ok(());
        }
        for (percentile, seconds) in [
            ("50", times.p50),
            ("90", times.p90),
            ("95", times.p95),
            ("99", times.p99),
            ("100", times.max),
        ] {
            self.gauge(name, ("percentile", percentile), seconds)?;
        }
        Ok(())
    }

    fn share(
        &mut self,
        name: &str,
        label: Label<'_>,
        value: Option<f64>,
    ) -> Result<(), ExportError> {
        value.map_or(Ok(()), |value| self.gauge(name, label, value))
    }

    fn gauge(&mut self, name: &str, label: Label<'_>, value: f64) -> Result<(), ExportError> {
        self.record(name, label, Reading::Gauge(value))
    }

    fn count(&mut self, name: &str, label: Label<'_>, count: u64) -> Result<(), ExportError> {
        self.record(name, label, Reading::Count(count))
    }

    fn record(
        &mut self,
        name: &str,
        label: Label<'_>,
        reading: Reading,
    ) -> Result<(), ExportError> {
        let function = Some(("function", &*self.function)).filter(|it| !it.1.is_empty());
        let labels = function
            .into_iter()
            .chain(Some(label).filter(|it| *it != NONE));
        let (kind, labels) = (MetricKind::custom(name)?, MetricLabels::new(labels)?);
        Ok(self.registry.record(self.now, &kind, &labels, reading)?)
    }
}

type Label<'a> = (&'a str, &'a str);
const NONE: Label<'_> = ("", "");
