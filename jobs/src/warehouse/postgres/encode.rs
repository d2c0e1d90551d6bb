//! Rows in the binary format of PostgreSQL's `COPY`: for each row the number of its fields, for
//! each field its length and its value in network byte order.
//! <https://www.postgresql.org/docs/current/sql-copy.html>

use bytes::{BufMut, Bytes, BytesMut};
use cinemill_engine::error::{Error, Kind, Result};
use datafusion::arrow::array::{
    Array, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, PrimitiveArray, RecordBatch,
    StringArray,
};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
};

/// PostgreSQL counts from 2000-01-01, files from 1970-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400 * 1_000_000;
const NULL: i32 = -1;
/// Digits of a `numeric` in one of its places.
const PLACE_DIGITS: usize = 4;
const PLACE_BASE: u128 = 10_000;
const NEGATIVE: u16 = 0x4000;

/// The columns of one batch.
pub struct Encoder<'a>(Vec<Column<'a>>);

enum Column<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, i8),
    Date(&'a PrimitiveArray<Date32Type>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Text(&'a StringArray),
    Binary(&'a BinaryArray),
}

impl<'a> Encoder<'a> {
    /// What comes before the rows.
    pub fn header() -> Bytes {
        Bytes::from_static(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0")
    }

    /// What comes after the rows.
    pub fn trailer() -> Bytes {
        Bytes::from_static(&[0xff, 0xff])
    }

    /// # Errors
    /// `Load` where a column is of a type that cannot be sent.
    pub fn new(batch: &'a RecordBatch) -> Result<Self> {
        let schema = batch.schema_ref();
        let columns = batch.columns().iter().zip(schema.fields());
        let columns = columns.map(|(column, field)| {
            Column::of(column).ok_or_else(|| {
                let cause = format!("its type is {}", field.data_type());
                Error::new(Kind::Load, "send column", field.name(), cause)
            })
        });
        Ok(Self(columns.collect::<Result<_>>()?))
    }

    pub fn encode(&self, rows: usize) -> Bytes {
        let mut out = BytesMut::with_capacity(rows * self.0.len() * 12);
        let fields = i16::try_from(self.0.len()).unwrap_or(i16::MAX);
        for row in 0..rows {
            out.put_i16(fields);
            for column in &self.0 {
                column.put(row, &mut out);
            }
        }
        out.freeze()
    }
}

impl<'a> Column<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Int8 => Self::Int8(array.as_primitive()),
            DataType::Int16 => Self::Int16(array.as_primitive()),
            DataType::Int32 => Self::Int32(array.as_primitive()),
            DataType::Int64 => Self::Int64(array.as_primitive()),
            DataType::UInt8 => Self::UInt8(array.as_primitive()),
            DataType::UInt16 => Self::UInt16(array.as_primitive()),
            DataType::UInt32 => Self::UInt32(array.as_primitive()),
            DataType::Float32 => Self::Float32(array.as_primitive()),
            DataType::Float64 => Self::Float64(array.as_primitive()),
            DataType::Decimal128(_, scale) => Self::Decimal(array.as_primitive(), *scale),
            DataType::Date32 => Self::Date(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Timestamp(array.as_primitive()),
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Binary => Self::Binary(array.as_binary()),
            _ => return None,
        })
    }

    fn put(&self, row: usize, out: &mut BytesMut) {
        match self {
            Self::Boolean(values) => match values.is_null(row) {
                true => out.put_i32(NULL),
                false => put(out, &[u8::from(values.value(row))]),
            },
            Self::Int8(values) => number(values, row, out, |v| i16::from(v).to_be_bytes()),
            Self::Int16(values) => number(values, row, out, i16::to_be_bytes),
            Self::Int32(values) => number(values, row, out, i32::to_be_bytes),
            Self::Int64(values) => number(values, row, out, i64::to_be_bytes),
            Self::UInt8(values) => number(values, row, out, |v| i16::from(v).to_be_bytes()),
            Self::UInt16(values) => number(values, row, out, |v| i32::from(v).to_be_bytes()),
            Self::UInt32(values) => number(values, row, out, |v| i64::from(v).to_be_bytes()),
            Self::Float32(values) => number(values, row, out, f32::to_be_bytes),
            Self::Float64(values) => number(values, row, out, f64::to_be_bytes),
            Self::Date(values) => {
                let date = |days: i32| days.saturating_sub(EPOCH_DAYS).to_be_bytes();
                number(values, row, out, date);
            }
            Self::Timestamp(values) => {
                let time = |micros: i64| micros.saturating_sub(EPOCH_MICROS).to_be_bytes();
                number(values, row, out, time);
            }
            Self::Decimal(values, _) if values.is_null(row) => out.put_i32(NULL),
            Self::Decimal(values, scale) => decimal(values.value(row), *scale, out),
            Self::Text(values) if values.is_null(row) => out.put_i32(NULL),
            Self::Text(values) => put(out, values.value(row).as_bytes()),
            Self::Binary(values) if values.is_null(row) => out.put_i32(NULL),
            Self::Binary(values) => put(out, values.value(row)),
        }
    }
}

/// A field: its length, then its bytes. A batch holds less than two gigabytes.
fn put(out: &mut BytesMut, bytes: &[u8]) {
    out.put_i32(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
    out.put_slice(bytes);
}

fn number<T: ArrowPrimitiveType, const N: usize>(
    values: &PrimitiveArray<T>,
    row: usize,
    out: &mut BytesMut,
    bytes: impl Fn(T::Native) -> [u8; N],
) {
    match values.is_null(row) {
        true => out.put_i32(NULL),
        false => put(out, &bytes(values.value(row))),
    }
}

/// A `numeric`: places of four digits, the weight of the first, sign, digits after the point.
fn decimal(value: i128, scale: i8, out: &mut BytesMut) {
    let scale = usize::from(scale.unsigned_abs());
    // The point falls between two places, so that the last one is filled up with zeros.
    let missing = (PLACE_DIGITS - scale % PLACE_DIGITS) % PLACE_DIGITS;
    let power = |digits: usize| (0..digits).fold(1u128, |power, _| power * 10);
    let last = power(PLACE_DIGITS - missing);
    let mut digits = value.unsigned_abs();
    let mut places = vec![(digits % last) * power(missing)];
    digits /= last;
    while digits > 0 {
        places.push(digits % PLACE_BASE);
        digits /= PLACE_BASE;
    }
    let after_point = scale.div_ceil(PLACE_DIGITS);
    let weight = places.len() as i64 - after_point as i64 - 1;
    places.reverse();
    let length = 8 + 2 * places.len();
    out.put_i32(i32::try_from(length).unwrap_or(i32::MAX));
    out.put_i16(i16::try_from(places.len()).unwrap_or(i16::MAX));
    out.put_i16(i16::try_from(weight).unwrap_or(0));
    out.put_u16(if value < 0 { NEGATIVE } else { 0 });
    out.put_i16(i16::try_from(scale).unwrap_or(0));
    for place in places {
        out.put_i16(i16::try_from(place).unwrap_or(0));
    }
}
