//! The table of results, with a target for each figure.

use std::fmt;

/// Returns the median.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The target of a figure.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// At least this value.
    AtLeast(f64),
    /// At most this value.
    AtMost(f64),
    /// No target; only for information.
    None,
}

/// One line of the table.
#[derive(Debug)]
pub struct Figure {
    /// The name of the figure.
    pub name: String,
    /// The measured value.
    pub value: f64,
    /// The unit of the value.
    pub unit: &'static str,
    /// The target.
    pub target: Target,
}

impl Figure {
    /// Returns true if the value reaches its target.
    pub fn is_met(&self) -> bool {
        match self.target {
            Target::AtLeast(target) => self.value >= target,
            Target::AtMost(target) => self.value <= target,
            Target::None => true,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name, value, unit, ..
        } = self;
        let digits = if *value >= 1000.0 { 0 } else { 2 };
        write!(formatter, "{name:<52}{value:>10.digits$} {unit:<8}")?;
        let outcome = if self.is_met() { "PASS" } else { "FAIL" };
        match self.target {
            Target::AtLeast(target) => write!(formatter, ">= {target:<6} {outcome}"),
            Target::AtMost(target) => write!(formatter, "<= {target:<6} {outcome}"),
            Target::None => Ok(()),
        }
    }
}
