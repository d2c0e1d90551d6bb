//! `split(text, regex[, limit])`.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, LargeStringBuilder, ListArray, NullBufferBuilder, StringBuilder,
    StringViewBuilder,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::java_regex::Pattern;
use super::{Texts, check_arity, coerce_text};

/// The pieces of a text between the matches of a Java regex, as an array. Empty pieces stay, also
/// at the end. A positive limit is the greatest number of pieces. Null if an argument is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Split {
    signature: Signature,
}

impl Split {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Split {
    fn name(&self) -> &str {
        "split"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity("split", types.len(), 2..=3)?;
        let mut coerced = vec![
            coerce_text("split", &types[0])?,
            coerce_text("split", &types[1])?,
        ];
        match types.get(2) {
            Some(limit) if limit.is_integer() || limit.is_null() => coerced.push(DataType::Int32),
            Some(other) => return plan_err!("split needs an int as its limit, not {other}"),
            None => {}
        }
        Ok(coerced)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(list_of(&types[0]))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let texts = args.args[0].to_array(rows)?;
        let limits = match args.args.get(2) {
            Some(limit) => Some(limit.to_array(rows)?),
            None => None,
        };
        let limits = limits
            .as_ref()
            .map(|array| array.as_primitive::<Int32Type>());
        // A constant stays one row, so that it is compiled once.
        let patterns = match &args.args[1] {
            ColumnarValue::Array(array) => Arc::clone(array),
            constant @ ColumnarValue::Scalar(_) => constant.to_array(1)?,
        };
        let patterns = Texts::new(&patterns)?;
        let mut memo: Option<(&str, Pattern)> = None;

        let mut pieces = Pieces::new(texts.data_type(), rows);
        for (row, text) in Texts::new(&texts)?.iter().enumerate() {
            let pattern = patterns.get(if patterns.len() == 1 { 0 } else { row });
            let limit = match limits {
                Some(limits) if limits.is_null(row) => None,
                Some(limits) => Some(limits.value(row)),
                None => Some(-1),
            };
            let (Some(text), Some(regex), Some(limit)) = (text, pattern, limit) else {
                pieces.end_row(false);
                continue;
            };
            let compiled = match &mut memo {
                Some((known, compiled)) if *known == regex => compiled,
                other => &mut other.insert((regex, Pattern::new(regex)?)).1,
            };
            compiled.split(text, limit, |piece| pieces.push(piece));
            pieces.end_row(true);
        }
        Ok(ColumnarValue::Array(pieces.finish()?))
    }
}

fn list_of(item: &DataType) -> DataType {
    DataType::List(Field::new_list_field(item.clone(), true).into())
}

/// Builds the arrays of pieces, in the layout of the texts that they come from.
struct Pieces {
    values: Values,
    count: usize,
    lengths: Vec<usize>,
    row_start: usize,
    nulls: NullBufferBuilder,
}

enum Values {
    Plain(StringBuilder),
    Large(LargeStringBuilder),
    View(StringViewBuilder),
}

impl Pieces {
    fn new(item: &DataType, rows: usize) -> Self {
        let values = match item {
            DataType::LargeUtf8 => Values::Large(LargeStringBuilder::new()),
            DataType::Utf8View => Values::View(StringViewBuilder::new()),
            _ => Values::Plain(StringBuilder::new()),
        };
        Self {
            values,
            count: 0,
            lengths: Vec::with_capacity(rows),
            row_start: 0,
            nulls: NullBufferBuilder::new(rows),
        }
    }

    fn push(&mut self, piece: &str) {
        match &mut self.values {
            Values::Plain(builder) => builder.append_value(piece),
            Values::Large(builder) => builder.append_value(piece),
            Values::View(builder) => builder.append_value(piece),
        }
        self.count += 1;
    }

    fn end_row(&mut self, valid: bool) {
        self.lengths.push(self.count - self.row_start);
        self.row_start = self.count;
        self.nulls.append(valid);
    }

    fn finish(mut self) -> Result<ArrayRef> {
        let values: ArrayRef = match &mut self.values {
            Values::Plain(builder) => Arc::new(builder.finish()),
            Values::Large(builder) => Arc::new(builder.finish()),
            Values::View(builder) => Arc::new(builder.finish()),
        };
        let item = Field::new_list_field(values.data_type().clone(), true);
        Ok(Arc::new(ListArray::try_new(
            Arc::new(item),
            OffsetBuffer::from_lengths(self.lengths),
            values,
            self.nulls.finish(),
        )?))
    }
}
