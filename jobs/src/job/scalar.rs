//! Single values in `job.toml`.

use std::cmp::Ordering;
use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A text, a number or a truth value. Dates are written as texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
}

impl Scalar {
    /// The value as a literal of Spark SQL.
    pub fn sql(&self) -> String {
        match self {
            Self::Text(text) => {
                let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
                format!("'{escaped}'")
            }
            Self::Integer(number) => number.to_string(),
            // With an exponent it is a double; without one a decimal.
            Self::Float(number) => format!("{number:e}"),
            Self::Boolean(truth) => truth.to_string(),
        }
    }
}

impl Scalar {
    /// Which of two values comes first; `None` where that depends on the column's type.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => {
                let as_texts = one.cmp(two);
                let numbers = (one.trim().parse::<f64>(), two.trim().parse::<f64>());
                let as_numbers = match numbers {
                    (Ok(one), Ok(two)) => one.partial_cmp(&two),
                    _ => Some(as_texts),
                };
                (as_numbers == Some(as_texts)).then_some(as_texts)
            }
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            // Only of the order of bounds is decided by it, which may be off for huge ones.
            #[allow(clippy::cast_precision_loss)]
            Self::Integer(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Text(_) | Self::Boolean(_) => None,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Boolean(truth) => truth.fmt(f),
        }
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Boolean(truth) => serializer.serialize_bool(*truth),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or a boolean")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Scalar, E> {
        let number = i64::try_from(number).map_err(|_| E::custom("the number is too large"))?;
        Ok(Scalar::Integer(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(number))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Scalar, E> {
        Ok(Scalar::Boolean(truth))
    }
}
