//! What is told of batches and of their rows.

use serde_json::{Map, Value, json};
use tokio_postgres::types::Type;

use super::super::LOADER;
use super::super::http::ServiceError;
use super::super::session::{Answer, Column};
use super::super::{CLUSTER, WORKGROUP};
use super::batch::{Batch, Part, Status};
use super::requests::Compute;
use crate::postgres::DATABASE;

/// How many rows one answer holds.
const PAGE: usize = 1000;

pub fn started(batch: &Batch) -> Value {
    about(batch).into()
}

/// Which one it is, where it runs and as whom.
fn about(batch: &Batch) -> Map<String, Value> {
    let (key, name) = match batch.request.compute {
        Compute::Workgroup => ("WorkgroupName", WORKGROUP),
        Compute::Cluster => ("ClusterIdentifier", CLUSTER),
    };
    let told = [
        ("Id", json!(batch.id)),
        ("CreatedAt", json!(batch.created.timestamp())),
        ("Database", json!(DATABASE)),
        ("DbUser", json!(LOADER)),
        (key, json!(name)),
    ];
    told.map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect()
}

/// Of a batch with all its statements, or of one statement.
pub fn description(batch: &Batch, part: Option<usize>) -> Result<Value, ServiceError> {
    let progress = batch.progress();
    let parts: Vec<Value> = (1..=progress.parts.len())
        .map(|number| sub_statement(batch, number, &progress.parts[number - 1]))
        .collect();
    if let Some(number) = part {
        return Ok(parts[number - 1].clone());
    }
    let mut told = about(batch);
    let mut tell = |key: &str, value: Value| told.insert(key.to_owned(), value);
    tell("Status", json!(progress.status.name()));
    if let Some(error) = &progress.error {
        tell("Error", json!(error));
    }
    if batch.request.is_batch {
        let has_rows = parts.iter().any(|part| part["HasResultSet"] == true);
        tell("HasResultSet", json!(has_rows));
        tell("SubStatements", Value::Array(parts));
    } else if let [only] = parts.as_slice() {
        for key in ["HasResultSet", "QueryString", "ResultRows", "ResultSize"] {
            tell(key, only[key].clone());
        }
    }
    Ok(told.into())
}

fn sub_statement(batch: &Batch, number: usize, part: &Part) -> Value {
    let mut told = json!({
        "Id": format!("{}:{number}", batch.id),
        "Status": part.status.name(),
        "QueryString": batch.request.statements[number - 1],
        "HasResultSet": has_rows(part),
        "ResultRows": result_rows(part),
        "ResultSize": size(&part.answer),
    });
    if let Some(error) = &part.error {
        told["Error"] = json!(error);
    }
    told
}

fn has_rows(part: &Part) -> bool {
    part.status == Status::Finished && !part.answer.columns.is_empty()
}

/// The rows of a query, or those that a statement changed; -1 while there is nothing to tell.
fn result_rows(part: &Part) -> i64 {
    match part.status {
        Status::Finished => i64::try_from(part.answer.affected).unwrap_or(i64::MAX),
        _ => -1,
    }
}

fn size(answer: &Answer) -> usize {
    let values = answer.rows.iter().flatten().flatten();
    values.map(String::len).sum()
}

/// A page of a statement's rows.
pub fn page(
    batch: &Batch,
    part: Option<usize>,
    token: Option<&str>,
) -> Result<Value, ServiceError> {
    if batch.request.is_batch && part.is_none() {
        let message = "BatchExecuteStatement result can only be retrieved with sub-statement id.";
        return Err(ServiceError::validation(message));
    }
    let progress = batch.progress();
    let part = &progress.parts[part.unwrap_or(1) - 1];
    if progress.status != Status::Finished || !has_rows(part) {
        let message =
            "Query does not have result. Please check query status with DescribeStatement.";
        return Err(ServiceError::new("ResourceNotFoundException", message));
    }
    let start = match token {
        None => 0,
        Some(token) => {
            from_token(token).ok_or_else(|| ServiceError::validation("NextToken is not valid"))?
        }
    };
    let Answer { columns, rows, .. } = &part.answer;
    let of_page = rows.iter().skip(start).take(PAGE);
    let records = of_page.map(|row| {
        let fields = row.iter().zip(columns);
        let fields = fields.map(|(value, column)| field(value.as_deref(), &column.type_of));
        fields.collect::<Vec<_>>()
    });
    let mut told = json!({
        "Records": records.collect::<Vec<_>>(),
        "ColumnMetadata": columns.iter().map(metadata).collect::<Vec<_>>(),
        "TotalNumRows": rows.len(),
    });
    let next = start + PAGE;
    if next < rows.len() {
        told["NextToken"] = json!(format!("{TOKEN}{next}"));
    }
    Ok(told)
}

const TOKEN: &str = "from-row-";

fn from_token(token: &str) -> Option<usize> {
    token.strip_prefix(TOKEN)?.parse().ok()
}

/// One value, of which the kind tells the type.
fn field(value: Option<&str>, type_of: &Type) -> Value {
    let Some(text) = value else {
        return json!({ "isNull": true });
    };
    let known = match *type_of {
        Type::BOOL => Some(json!({ "booleanValue": text == "t" })),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => {
            let number = text.parse::<i64>().ok();
            number.map(|number| json!({ "longValue": number }))
        }
        Type::FLOAT4 | Type::FLOAT8 => {
            let number = text.parse::<f64>().ok();
            number.map(|number| json!({ "doubleValue": number }))
        }
        _ => None,
    };
    known.unwrap_or_else(|| json!({ "stringValue": text }))
}

fn metadata(column: &Column) -> Value {
    let type_name = match column.type_of {
        // Redshift has neither of them.
        Type::TEXT => "varchar",
        Type::JSONB => "super",
        _ => column.type_of.name(),
    };
    json!({
        "name": column.name,
        "label": column.name,
        "typeName": type_name,
        "nullable": 1,
        "isCaseSensitive": type_name == "varchar",
        "isCurrency": false,
        "isSigned": matches!(column.type_of, Type::INT2 | Type::INT4 | Type::INT8),
    })
}
