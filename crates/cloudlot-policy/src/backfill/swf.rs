//! Reads traces of batch jobs in the Standard Workload Format, version 2.
//!
//! It reads what the [replay](super::replay()) needs, and leaves the meaning of missing fields to whoever uses them.
//!
//! Source: Chapin, Cirne, Feitelson, Jones, Leutenegger, Schwiegelshohn, Smith and Talby, "Benchmarks and standards for the evaluation of parallel
//! job schedulers", JSSPP 1999; <https://www.cs.huji.ac.il/labs/parallel/workload/swf.html>.

/// One line of a trace; fields that the trace does not know are `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SwfJob {
    /// Its number in the trace.
    pub number: u64,
    /// When it was submitted, in seconds since the start of the trace.
    pub submitted: u64,
    /// How long it ran, in seconds.
    pub ran: Option<u64>,
    /// How many processors it had.
    pub processors: Option<u64>,
    /// How many processors it had asked for.
    pub requested_processors: Option<u64>,
    /// How long it had asked for, in seconds.
    pub requested: Option<u64>,
}

/// Why a trace cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SwfError {
    /// A line has too few fields.
    #[error("line {line} has {found} fields and needs 9")]
    TooFew {
        /// Which, from 1.
        line: usize,
        /// How many it has.
        found: usize,
    },
    /// A field is no number, or a number and submission time is missing.
    #[error("line {line}: field {field} is `{text}`, which is no number that it may be")]
    Number {
        /// Which line, from 1.
        line: usize,
        /// Which field, from 1.
        field: usize,
        /// What it says.
        text: String,
    },
}

/// The jobs of a trace, in its order. Comments, which begin with `;`, and empty lines are passed over.
///
/// # Errors
/// The first line that cannot be read.
/// ```
/// let jobs = cloudlot_policy::backfill::swf::parse("; MaxNodes: 256\n1 5094 -1 12072 16 -1 -1 -1 -1 -1 1 -1 -1 -1 0 -1 -1 -1\n")?;
/// assert_eq!((jobs[0].submitted, jobs[0].ran, jobs[0].processors, jobs[0].requested), (5_094, Some(12_072), Some(16), None));
/// # Ok::<(), cloudlot_policy::backfill::swf::SwfError>(())
/// ```
pub fn parse(text: &str) -> Result<Vec<SwfJob>, SwfError> {
    let lines = (1..).zip(text.lines()).map(|(n, line)| (n, line.trim()));
    let jobs = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(';'));
    jobs.map(|(n, line)| job(n, line)).collect()
}

fn job(line: usize, text: &str) -> Result<SwfJob, SwfError> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() < 9 {
        let found = fields.len();
        return Err(SwfError::TooFew { line, found });
    }
    let bad = |field: usize| SwfError::Number {
        line,
        field,
        text: fields[field - 1].to_owned(),
    };
    let known = |field: usize| match fields[field - 1].parse::<i64>() {
        Ok(value) => Ok(u64::try_from(value).ok()),
        Err(_) => Err(bad(field)),
    };
    let needed = |field: usize| known(field)?.ok_or_else(|| bad(field));
    Ok(SwfJob {
        number: needed(1)?,
        submitted: needed(2)?,
        ran: known(4)?,
        processors: known(5)?,
        requested_processors: known(8)?,
        requested: known(9)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        let found = |text| parse(text).unwrap_err().to_string();
        assert_eq!(found("; a\n\n1 2 3"), "line 3 has 3 fields and needs 9");
        let word = "1 x -1 1 1 -1 -1 -1 -1";
        assert_eq!(
            found(word),
            "line 1: field 2 is `x`, which is no number that it may be"
        );
        assert_eq!(
            found("-1 5 -1 1 1 -1 -1 -1 -1"),
            "line 1: field 1 is `-1`, which is no number that it may be"
        );
    }
}
