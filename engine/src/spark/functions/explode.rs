//! The lists that generators are made of, see `rewrite`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int32Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::{as_list, check_arity, coerce_array};

/// What a generator unnests: the elements of an array, or their places, counted from 0.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct GeneratorList {
    positions: bool,
    signature: Signature,
}

impl GeneratorList {
    pub(super) fn elements() -> Self {
        Self {
            positions: false,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    pub(super) fn positions() -> Self {
        Self {
            positions: true,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for GeneratorList {
    fn name(&self) -> &str {
        if self.positions {
            "explode_positions"
        } else {
            "explode_elements"
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity("explode", types.len(), 1..=1)?;
        Ok(vec![coerce_array("explode", &types[0])?])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if self.positions {
            let item = Field::new_list_field(DataType::Int32, true);
            return Ok(DataType::List(Arc::new(item)));
        }
        coerce_array("explode", &types[0])
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = args.args[0].to_array(args.number_rows)?;
        if !self.positions {
            return Ok(ColumnarValue::Array(array));
        }
        let list = as_list(&array)?;
        let mut places = vec![];
        for bounds in list.value_offsets().windows(2) {
            places.extend(0..bounds[1] - bounds[0]);
        }
        let places: ArrayRef = Arc::new(Int32Array::from(places));
        let item = Arc::new(Field::new_list_field(DataType::Int32, true));
        let offsets = OffsetBuffer::from_lengths(list.offsets().lengths());
        let lists = ListArray::try_new(item, offsets, places, list.nulls().cloned())?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}
