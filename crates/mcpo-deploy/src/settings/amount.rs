//! Amounts of money.

use std::fmt;

/// An amount in a currency, such as `20 EUR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    pub units: u64,
    /// Hundredths of a unit, below 100.
    pub hundredths: u32,
    /// Three letters (ISO 4217).
    pub currency: String,
}

impl Amount {
    /// Reads an amount such as `20 EUR` or `19.50 EUR`. It must be more than zero.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, currency) = text.trim().split_once(' ')?;
        let (units, fraction) = number.split_once('.').unwrap_or((number, "00"));
        let are_digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let is_currency = currency.len() == 3 && currency.chars().all(|c| c.is_ascii_uppercase());
        if !are_digits(units) || !are_digits(fraction) || fraction.len() != 2 || !is_currency {
            return None;
        }
        let amount = Self {
            units: units.parse().ok()?,
            hundredths: fraction.parse().ok()?,
            currency: currency.to_owned(),
        };
        (amount.units > 0 || amount.hundredths > 0).then_some(amount)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hundredths {
            0 => write!(formatter, "{} {}", self.units, self.currency),
            rest => write!(formatter, "{}.{rest:02} {}", self.units, self.currency),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Amount;

    #[test]
    fn amounts_have_a_number_and_a_currency() {
        for text in ["20 EUR", "19.50 USD", "0.01 JPY"] {
            assert_eq!(Amount::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "20", "EUR 20", "20 euro", "20.5 EUR", "-1 EUR", "0 EUR", "0.00 EUR", ". EUR",
        ] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }
}
