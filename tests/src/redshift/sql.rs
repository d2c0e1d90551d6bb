//! Redshift's SQL in PostgreSQL's words.

mod columns;
mod copy;
mod grants;
mod refusals;
mod tables;
mod tokens;

pub use self::columns::BYTES_CONSTRAINT;
pub use self::copy::Copy;
pub use self::refusals::Refusal;
use self::tokens::{Token, join};

/// What a statement is to the one who executes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    Begin,
    Commit,
    Rollback,
    Copy(Copy),
    /// What PostgreSQL executes itself.
    Other(String),
}

/// The statements of a text, each as it was written and as what it is here.
pub fn translate(sql: &str) -> Vec<(String, Result<Statement, Refusal>)> {
    let statements = tokens::statements(sql).into_iter();
    statements
        .map(|tokens| (join(&tokens).trim().to_owned(), statement(&tokens)))
        .collect()
}

fn statement(tokens: &[Token]) -> Result<Statement, Refusal> {
    let [first, rest @ ..] = tokens else {
        return Ok(Statement::Other(String::new()));
    };
    match first.text.to_lowercase().as_str() {
        "begin" | "start" => return Ok(Statement::Begin),
        "commit" | "end" => return Ok(Statement::Commit),
        "rollback" | "abort" => return Ok(Statement::Rollback),
        "copy" => return Copy::parse(rest).map(Statement::Copy),
        _ => {}
    }
    refusals::check(tokens)?;
    let translated = match first.text.to_lowercase().as_str() {
        "create" => tables::create(tokens)?,
        "alter" => tables::alter(tokens)?,
        "grant" | "revoke" => grants::grant(tokens),
        "set" => settings(tokens),
        _ => tokens.to_vec(),
    };
    Ok(Statement::Other(join(&everywhere(translated))))
}

/// Settings that PostgreSQL does not know become some that it keeps without knowing them.
fn settings(tokens: &[Token]) -> Vec<Token> {
    let mut tokens = tokens.to_vec();
    if let Some(name) = tokens.get_mut(1)
        && (name.is("query_group") || name.is("enable_case_sensitive_identifier"))
    {
        name.text.insert_str(0, "redshift.");
    }
    tokens
}

/// What is written in another way wherever it stands.
fn everywhere(mut tokens: Vec<Token>) -> Vec<Token> {
    for at in 0..tokens.len() {
        let of_schema = at + 2 < tokens.len()
            && tokens[at].is("information_schema")
            && tokens[at + 1].is_symbol(".")
            && tokens[at + 2].is("columns");
        if of_schema {
            "redshift_names".clone_into(&mut tokens[at].text);
        } else if tokens[at].is("pg_default_acl") {
            tokens[at].text.insert_str(0, "redshift_names.");
        } else if tokens[at].is("sysdate") {
            "(transaction_timestamp() AT TIME ZONE 'UTC')".clone_into(&mut tokens[at].text);
        }
    }
    tokens
}

#[cfg(test)]
mod tests;
