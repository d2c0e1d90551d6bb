//! Errors in Redshift's words.

use tokio_postgres::error::{DbError, SqlState};

use super::sql::{BYTES_CONSTRAINT, Refusal};

/// Why a statement failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The SQLSTATE.
    pub code: String,
    pub message: String,
    pub detail: Option<String>,
}

impl Failure {
    fn new(code: &SqlState, message: impl Into<String>, detail: Option<String>) -> Self {
        Self {
            code: code.code().to_owned(),
            message: message.into(),
            detail,
        }
    }

    fn of_database(error: &DbError) -> Self {
        let code = error.code();
        if *code == SqlState::NOT_NULL_VIOLATION {
            let column = error.column().unwrap_or("?");
            let message = format!("Cannot insert a NULL value into column {column}");
            return Self::new(code, message, None);
        }
        if *code == SqlState::CARDINALITY_VIOLATION && error.message().contains("MERGE") {
            let message = "Found multiple matches to update the same tuple.";
            return Self::new(code, message, None);
        }
        if let Some(bytes) = exceeded_bytes(error) {
            let message = format!("value too long for type character varying({bytes})");
            return Self::new(&SqlState::STRING_DATA_RIGHT_TRUNCATION, message, None);
        }
        if let Some(value) = value_that_is_no_number(error) {
            return Self::of_digit(value);
        }
        Self::new(code, error.message(), error.detail().map(str::to_owned))
    }

    /// Redshift's nodes tell where the number ends, and the value in the small print alone.
    fn of_digit(value: &str) -> Self {
        let mut characters = value.chars().enumerate();
        let wrong = characters.find(|(_, c)| !c.is_ascii_digit());
        let (at, character) = wrong.unwrap_or((0, ' '));
        let message = format!("Invalid digit, Value '{character}', Pos {at}, Type: Integer");
        let detail = small_print(&message, 1207, value);
        let code = SqlState::INVALID_TEXT_REPRESENTATION;
        Self::new(&code, message, Some(detail))
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(error) => Self::of_database(error),
            None => Self::new(&SqlState::CONNECTION_FAILURE, error.to_string(), None),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code.to_owned(),
            message: refusal.message,
            detail: refusal.detail,
        }
    }
}

/// What Redshift adds to errors of its nodes.
pub fn small_print(message: &str, code: u32, context: &str) -> String {
    let line = "-----------------------------------------------";
    format!(
        "\n  {line}\n  error:  {message}\n  code:      {code}\n  context:   {context}\n  \
         query:     0\n  location:  the stand-in\n  process:   query0_0_0 [pid=0]\n  {line}\n"
    )
}

/// The length of the column that a value was too long for.
fn exceeded_bytes(error: &DbError) -> Option<&str> {
    let constraint = error.constraint()?.strip_prefix(BYTES_CONSTRAINT)?;
    constraint.split('_').next()
}

fn value_that_is_no_number(error: &DbError) -> Option<&str> {
    let prefix = "invalid input syntax for type integer: \"";
    error.message().strip_prefix(prefix)?.strip_suffix('"')
}
