//! `a / b`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Float64Array};
use datafusion::arrow::compute::kernels::arity::try_binary;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, Kind};

/// Divides doubles. Dividing by zero is an error, as it is in Spark for doubles too.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Divide {
    signature: Signature,
}

impl Divide {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::exact(
                vec![DataType::Float64, DataType::Float64],
                Volatility::Immutable,
            ),
        }
    }
}

impl ScalarUDFImpl for Divide {
    fn name(&self) -> &str {
        "spark_divide"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let left = args.args[0].to_array(args.number_rows)?;
        let right = args.args[1].to_array(args.number_rows)?;
        let quotients: Float64Array = try_binary(
            left.as_primitive::<Float64Type>(),
            right.as_primitive::<Float64Type>(),
            |a, b| {
                if b == 0.0 {
                    Err(ArrowError::DivideByZero)
                } else {
                    Ok(a / b)
                }
            },
        )
        .map_err(|_| by_zero())?;
        Ok(ColumnarValue::Array(Arc::new(quotients)))
    }
}

/// The error of every division by zero.
pub(super) fn by_zero() -> DataFusionError {
    Error::new(
        Kind::Final,
        "divide",
        "by zero",
        "[DIVIDE_BY_ZERO] Division by zero.",
    )
    .hint("use nullif(divisor, 0) to get NULL instead")
    .into_datafusion()
}
