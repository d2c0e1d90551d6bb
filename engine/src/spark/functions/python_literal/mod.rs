//! `from_python_literal(text, schema)`: what Python prints as a value, read back as a column.
//!
//! Spark has no such function (its users wrap Python's `ast.literal_eval` into a UDF). It is made
//! after `from_json`: the schema is a literal in Spark's words, such as
//! `'array<struct<id: int, name: string>>'`, and a value that does not fit its type is null, at
//! every depth. So one bad entry of a list costs no other entry, and SQL says what to do with it.
//!
//! | type | what fits |
//! |---|---|
//! | `string` | a text; not bytes |
//! | `tinyint` … `bigint` | an integer in range; not `True` |
//! | `float`, `double` | a float, or an integer |
//! | `boolean` | `True` and `False` |
//! | `array<…>` | a list; not a tuple or a set |
//! | `struct<…>` | a dictionary; a missing key is a null field, other keys are ignored |
//!
//! A text that is no literal is null as a whole.

mod column;
mod number;
mod parser;
mod schema;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, plan_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::{Texts, check_arity, coerce_text};

const NAME: &str = "from_python_literal";

/// A value that Python can print and read back.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    None,
    Boolean(bool),
    Integer(i128),
    /// An integer that no type holds.
    HugeInteger,
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Set,
    Dictionary(Vec<(Value, Value)>),
    /// Bytes, complex numbers and `...`, which no type holds.
    Other,
}

impl Value {
    /// Whether Python takes it as a key of a dictionary or an element of a set.
    fn is_hashable(&self) -> bool {
        match self {
            Self::List(_) | Self::Set | Self::Dictionary(_) => false,
            Self::Tuple(items) => items.iter().all(Self::is_hashable),
            _ => true,
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FromPythonLiteral {
    signature: Signature,
}

impl FromPythonLiteral {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for FromPythonLiteral {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity(NAME, types.len(), 2..=2)?;
        types.iter().map(|kind| coerce_text(NAME, kind)).collect()
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        plan_err!("the type that {NAME} returns depends on its schema")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let schema = args.scalar_arguments.get(1).copied().flatten();
        let schema = schema.and_then(ScalarValue::try_as_str).flatten();
        let schema = schema.ok_or_else(|| {
            plan_datafusion_err!(
                "the schema of {NAME} must be a literal text, such as 'array<int>'"
            )
        })?;
        let kind = schema::parse(schema)
            .map_err(|cause| plan_datafusion_err!("the schema '{schema}' of {NAME}: {cause}"))?;
        Ok(Arc::new(Field::new(NAME, kind, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(texts) = args.args.first() else {
            return exec_err!("{NAME} needs a text");
        };
        let texts = texts.to_array(args.number_rows)?;
        let values: Vec<Option<Value>> = Texts::new(&texts)?
            .iter()
            .map(|text| text.and_then(parser::parse))
            .collect();
        let values: Vec<Option<&Value>> = values.iter().map(Option::as_ref).collect();
        let column = column::build(&values, args.return_field.data_type())?;
        Ok(ColumnarValue::Array(column))
    }
}
