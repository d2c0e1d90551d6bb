//! A job's conditions in a warehouse's SQL.
//!
//! They are written in Spark SQL, and the run checked them with Spark's meaning. A warehouse may
//! mean something else by the same words, so that only what means the same everywhere goes there;
//! whoever asks is told of the rest.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator,
    Value,
};
use datafusion::sql::sqlparser::dialect::DatabricksDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::dialect::quote;

/// Functions of one meaning, under the name that all dialects share.
const FUNCTIONS: [(&str, &str); 8] = [
    ("abs", "ABS"),
    ("char_length", "CHAR_LENGTH"),
    ("coalesce", "COALESCE"),
    ("length", "CHAR_LENGTH"),
    ("lower", "LOWER"),
    ("octet_length", "OCTET_LENGTH"),
    ("trim", "TRIM"),
    ("upper", "UPPER"),
];

/// The condition in a warehouse's SQL; `None` where that might mean something else.
pub fn translate(condition: &str) -> Option<String> {
    let mut parser = Parser::new(&DatabricksDialect {})
        .try_with_sql(condition)
        .ok()?;
    expression(&parser.parse_expr().ok()?)
}

fn expression(expr: &Expr) -> Option<String> {
    let all = |exprs: &[Expr]| {
        let texts: Option<Vec<_>> = exprs.iter().map(expression).collect();
        texts.map(|texts| texts.join(", "))
    };
    let not = |negated: &bool| if *negated { "NOT " } else { "" };
    Some(match expr {
        Expr::Identifier(name) => quote(&name.value.to_ascii_lowercase()),
        Expr::Nested(inner) => format!("({})", expression(inner)?),
        Expr::Value(value) => literal(&value.value)?,
        Expr::IsNull(inner) => format!("{} IS NULL", expression(inner)?),
        Expr::IsNotNull(inner) => format!("{} IS NOT NULL", expression(inner)?),
        Expr::UnaryOp { op, expr } => {
            let operator = match op {
                UnaryOperator::Not => "NOT ",
                UnaryOperator::Minus => "- ",
                _ => return None,
            };
            format!("{operator}{}", expression(expr)?)
        }
        Expr::BinaryOp { left, op, right } => {
            format!(
                "{} {} {}",
                expression(left)?,
                operator(op)?,
                expression(right)?
            )
        }
        Expr::InList {
            expr,
            list,
            negated,
        } => {
            format!("{} {}IN ({})", expression(expr)?, not(negated), all(list)?)
        }
        Expr::Between {
            expr,
            negated,
            low,
            high,
        } => format!(
            "{} {}BETWEEN {} AND {}",
            expression(expr)?,
            not(negated),
            expression(low)?,
            expression(high)?
        ),
        Expr::Function(function) => call(function)?,
        _ => return None,
    })
}

/// Division is not among them: of integers it is a fraction in Spark only.
fn operator(operator: &BinaryOperator) -> Option<&'static str> {
    Some(match operator {
        BinaryOperator::And => "AND",
        BinaryOperator::Or => "OR",
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "<>",
        BinaryOperator::Lt => "<",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Gt => ">",
        BinaryOperator::GtEq => ">=",
        BinaryOperator::Plus => "+",
        BinaryOperator::Minus => "-",
        BinaryOperator::Multiply => "*",
        _ => return None,
    })
}

fn literal(value: &Value) -> Option<String> {
    match value {
        Value::Number(digits, _) => Some(digits.to_string()),
        Value::Boolean(value) => Some(value.to_string().to_ascii_uppercase()),
        Value::Null => Some("NULL".to_owned()),
        // Dialects read backslashes differently.
        Value::SingleQuotedString(text) if !text.contains('\\') => {
            Some(format!("'{}'", text.replace('\'', "''")))
        }
        _ => None,
    }
}

fn call(function: &Function) -> Option<String> {
    let name = function.name.to_string().to_ascii_lowercase();
    let (_, name) = FUNCTIONS.iter().find(|(spark, _)| *spark == name)?;
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let is_plain = list.clauses.is_empty()
        && list.duplicate_treatment.is_none()
        && function.over.is_none()
        && function.filter.is_none();
    let arguments: Option<Vec<_>> = list.args.iter().map(argument).collect();
    is_plain.then_some(format!("{name}({})", arguments?.join(", ")))
}

fn argument(argument: &FunctionArg) -> Option<String> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => expression(expr),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_translated() {
        for (spark, sql) in [
            ("average_rating >= 0", r#""average_rating" >= 0"#),
            (
                "`end_year` IS NULL OR end_year >= release_year + 1",
                r#""end_year" IS NULL OR "end_year" >= "release_year" + 1"#,
            ),
            (
                "title_type IN ('movie', 'it''s')",
                r#""title_type" IN ('movie', 'it''s')"#,
            ),
            (
                "NOT (length(title) > 200)",
                r#"NOT (CHAR_LENGTH("title") > 200)"#,
            ),
            (
                "year NOT BETWEEN 1800 AND 2100",
                r#""year" NOT BETWEEN 1800 AND 2100"#,
            ),
        ] {
            assert_eq!(translate(spark).as_deref(), Some(sql), "{spark}");
        }
    }

    #[test]
    fn what_may_mean_something_else_is_not() {
        for spark in [
            "budget / revenue > 1",
            "title RLIKE 'a.*'",
            "title LIKE 'a\\\\_%'",
            "size(split(genres, ',')) <= 3",
            "x = \"text\"",
            "CAST(x AS INT) > 1",
            "x >",
        ] {
            assert_eq!(translate(spark), None, "{spark}");
        }
    }
}
