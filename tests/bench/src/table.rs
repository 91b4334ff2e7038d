//! What was measured, beside what it may be.

use std::fmt;

/// The middle one.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What a figure must be.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// Only for information.
    None,
}

/// One line of the table.
#[derive(Debug)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// What came out.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// What it must be.
    pub bar: Bar,
}

impl Figure {
    /// Whether it is as it must be.
    pub fn holds(&self) -> bool {
        match self.bar {
            Bar::AtLeast(bar) => self.value >= bar,
            Bar::AtMost(bar) => self.value <= bar,
            Bar::None => true,
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
        let outcome = if self.holds() { "PASS" } else { "FAIL" };
        match self.bar {
            Bar::AtLeast(bar) => write!(formatter, ">= {bar:<6} {outcome}"),
            Bar::AtMost(bar) => write!(formatter, "<= {bar:<6} {outcome}"),
            Bar::None => Ok(()),
        }
    }
}
