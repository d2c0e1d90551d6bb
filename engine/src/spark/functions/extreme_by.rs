//! `max_by(value, by)` and `min_by(value, by)`.

use std::cmp::Ordering;
use std::mem::size_of_val;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, make_comparator};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

/// The value of the row in which `by` is greatest (or smallest). Rows without a `by` do not count;
/// of several such rows, which one is open.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ExtremeBy {
    name: &'static str,
    signature: Signature,
}

impl ExtremeBy {
    pub(super) fn max() -> Self {
        Self::new(MAX_BY)
    }

    pub(super) fn min() -> Self {
        Self::new("min_by")
    }

    fn new(name: &'static str) -> Self {
        Self {
            name,
            signature: Signature::any(2, Volatility::Immutable),
        }
    }
}

const MAX_BY: &str = "max_by";

impl AggregateUDFImpl for ExtremeBy {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let parts = ["value", "by"].into_iter().zip(args.input_fields);
        let fields = parts.map(|(part, field)| {
            let name = format_state_name(args.name, part);
            Arc::new(Field::new(name, field.data_type().clone(), true))
        });
        Ok(fields.collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Extreme {
            // Of reversed orders, the greatest is the smallest.
            descending: self.name != MAX_BY,
            value: ScalarValue::try_from(args.expr_fields[0].data_type())?,
            by: ScalarValue::try_from(args.expr_fields[1].data_type())?,
        }))
    }
}

/// The best row so far; `by` is null where there was none.
#[derive(Debug)]
struct Extreme {
    descending: bool,
    value: ScalarValue,
    by: ScalarValue,
}

impl Extreme {
    fn options(&self) -> SortOptions {
        SortOptions {
            descending: self.descending,
            // Nulls lose against everything.
            nulls_first: true,
        }
    }

    /// The row of `by` that comes last in the order.
    fn best(&self, by: &ArrayRef) -> Result<Option<usize>> {
        let compare = make_comparator(by, by, self.options())?;
        let rows = (0..by.len()).filter(|row| by.is_valid(*row));
        Ok(rows.max_by(|a, b| compare(*a, *b)))
    }
}

impl Accumulator for Extreme {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (value, by) = (&values[0], &values[1]);
        let Some(row) = self.best(by)? else {
            return Ok(());
        };
        let current = self.by.to_array()?;
        let compare = make_comparator(by, &current, self.options())?;
        if compare(row, 0) == Ordering::Greater {
            self.by = ScalarValue::try_from_array(by, row)?;
            self.value = ScalarValue::try_from_array(value, row)?;
        }
        Ok(())
    }

    /// States are rows of their own.
    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), self.by.clone()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size() + self.by.size()
    }
}
