//! Column types: what a file's type is in a warehouse, and how a warehouse names what it has.

use std::fmt;

use datafusion::arrow::datatypes::{DataType, TimeUnit};

use super::dialect::Dialect;

/// The longest text that Redshift holds, in bytes.
pub const TEXT_BYTES_MAX: u32 = 65535;

/// A type that both dialects have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlType {
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    Real,
    Double,
    Decimal {
        precision: u8,
        scale: i8,
    },
    Date,
    Timestamp,
    /// PostgreSQL only: an instant.
    TimestampTz,
    /// Bytes at most in Redshift, characters at most in PostgreSQL; `None` for no limit.
    Text {
        max: Option<u32>,
    },
    Binary,
    /// A type that cinemill loads nothing into.
    Other(String),
}

impl SqlType {
    /// The type that values of a file's column are loaded into; `None` where there is none.
    pub fn of(data_type: &DataType, dialect: Dialect) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::SmallInt,
            DataType::Int32 | DataType::UInt16 => Self::Integer,
            DataType::Int64 | DataType::UInt32 => Self::BigInt,
            DataType::Float32 => Self::Real,
            DataType::Float64 => Self::Double,
            DataType::Decimal128(precision, scale) if *scale >= 0 => Self::Decimal {
                precision: *precision,
                scale: *scale,
            },
            DataType::Date32 => Self::Date,
            DataType::Timestamp(TimeUnit::Microsecond, zone) => match (zone, dialect) {
                (Some(_), Dialect::Postgres) => Self::TimestampTz,
                // Redshift reads the instants of a file as times in UTC.
                _ => Self::Timestamp,
            },
            DataType::Utf8 => Self::Text { max: None },
            DataType::Binary => Self::Binary,
            _ => return None,
        })
    }

    /// Reads what `information_schema.columns` says.
    pub fn parse(
        name: &str,
        length: Option<u32>,
        precision: Option<u8>,
        scale: Option<i8>,
    ) -> Self {
        match name {
            "boolean" => Self::Boolean,
            "smallint" => Self::SmallInt,
            "integer" => Self::Integer,
            "bigint" => Self::BigInt,
            "real" => Self::Real,
            "double precision" => Self::Double,
            "numeric" => match (precision, scale) {
                (Some(precision), Some(scale)) => Self::Decimal { precision, scale },
                _ => Self::Other("numeric without a precision".to_owned()),
            },
            "date" => Self::Date,
            "timestamp without time zone" => Self::Timestamp,
            "timestamp with time zone" => Self::TimestampTz,
            "text" => Self::Text { max: None },
            "character varying" => Self::Text { max: length },
            "bytea" | "binary varying" => Self::Binary,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether a column of this type takes values of the other, whatever the lengths of texts are.
    pub fn takes(&self, data: &Self) -> bool {
        match (self, data) {
            (Self::Text { .. }, Self::Text { .. }) => true,
            (Self::Other(_), _) => false,
            _ => self == data,
        }
    }

    /// As `CREATE TABLE` has it.
    pub fn sql(&self, dialect: Dialect) -> String {
        match (self, dialect) {
            (Self::Text { max: None }, Dialect::Postgres) => "TEXT".to_owned(),
            (Self::Text { max: None }, Dialect::Redshift) => format!("VARCHAR({TEXT_BYTES_MAX})"),
            (Self::Binary, Dialect::Postgres) => "BYTEA".to_owned(),
            (Self::Binary, Dialect::Redshift) => format!("VARBYTE({TEXT_BYTES_MAX})"),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Boolean => "BOOLEAN",
            Self::SmallInt => "SMALLINT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::Real => "REAL",
            Self::Double => "DOUBLE PRECISION",
            Self::Decimal { precision, scale } => {
                return write!(f, "DECIMAL({precision}, {scale})");
            }
            Self::Date => "DATE",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampTz => "TIMESTAMPTZ",
            Self::Text { max: Some(max) } => return write!(f, "VARCHAR({max})"),
            Self::Text { max: None } => "text",
            Self::Binary => "binary",
            Self::Other(name) => name,
        };
        f.write_str(name)
    }
}
