//! Types that mean something else in Spark than in DataFusion.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{DataType as SqlType, ExactNumberInfo, TimezoneInfo};

use super::functions;

/// Plans the types of casts and of typed literals.
#[derive(Debug)]
pub(super) struct SparkTypePlanner;

impl TypePlanner for SparkTypePlanner {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let kind = match sql_type {
            // A moment, to the microsecond; shown in the session's zone.
            SqlType::Timestamp(None, TimezoneInfo::None) => functions::timestamp_type(),
            // What a clock on the wall shows, wherever it hangs.
            SqlType::TimestampNtz(None) => functions::timestamp_ntz_type(),
            SqlType::Decimal(ExactNumberInfo::None)
            | SqlType::Numeric(ExactNumberInfo::None)
            | SqlType::Dec(ExactNumberInfo::None) => DataType::Decimal128(10, 0),
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Field::new("", kind, true))))
    }
}
