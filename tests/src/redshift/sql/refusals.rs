//! What PostgreSQL takes and Redshift does not.

use super::tokens::Token;

/// An error of the server's, as its clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The SQLSTATE.
    pub code: &'static str,
    pub message: String,
    pub detail: Option<String>,
}

impl Refusal {
    pub fn syntax(near: &str) -> Self {
        Self::new("42601", format!("syntax error at or near \"{near}\""))
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new("0A000", message)
    }

    /// What goes wrong while a statement runs.
    pub fn internal(message: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::new("XX000", message)
        }
    }

    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            detail: None,
        }
    }
}

/// Functions that Redshift has not, or on its leader node only, where no table can be read.
const UNKNOWN_FUNCTIONS: [&str; 4] = [
    "now",
    "clock_timestamp",
    "statement_timestamp",
    "string_agg",
];

pub fn check(tokens: &[Token]) -> Result<(), Refusal> {
    for at in 0..tokens.len() {
        everywhere(&tokens[at..])?;
    }
    let word = |at: usize| tokens.get(at).map(|token| token.text.to_lowercase());
    match (word(0).as_deref(), word(1).as_deref()) {
        (Some("merge"), _) => merge(tokens),
        (Some("create"), Some("index" | "unique")) => Err(Refusal::unsupported(
            "SQL command \"CREATE INDEX\" not supported on Redshift tables.",
        )),
        (Some("truncate"), _) => Err(Refusal::unsupported(
            "TRUNCATE commits the transaction that it runs in; the stand-in refuses it",
        )),
        (Some("vacuum"), _) => Err(Refusal::new(
            "25001",
            "VACUUM cannot run inside a transaction block",
        )),
        (Some("lock"), _) => match tokens.iter().find(|token| token.is("in")) {
            Some(token) => Err(Refusal::syntax(&token.text)),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn everywhere(tokens: &[Token]) -> Result<(), Refusal> {
    let [token, next, ..] = tokens else {
        return Ok(());
    };
    let function = token.name();
    let is_call = token.is_name() && next.is_symbol("(");
    let is_unknown =
        function.starts_with("pg_advisory_") || UNKNOWN_FUNCTIONS.contains(&function.as_str());
    if is_call && is_unknown {
        let message = format!("function {function}() does not exist");
        return Err(Refusal::new("42883", message));
    }
    let phrases = [
        ("on", "conflict"),
        ("distinct", "on"),
        ("is", "distinct"),
        ("filter", "("),
    ];
    let phrase = phrases
        .iter()
        .any(|(one, two)| token.is(one) && next.text.eq_ignore_ascii_case(two));
    if phrase || token.is("returning") {
        return Err(Refusal::syntax(&token.text));
    }
    Ok(())
}

/// `MERGE INTO target USING source [alias] ON … WHEN MATCHED THEN … WHEN NOT MATCHED THEN …`
fn merge(tokens: &[Token]) -> Result<(), Refusal> {
    let using = tokens.iter().position(|token| token.is("using"));
    let Some(using) = using.filter(|using| *using > 2) else {
        return Err(Refusal::syntax("MERGE"));
    };
    // The name's parts stand between dots; another name is an alias.
    let target = &tokens[2..using];
    let is_alias = |pair: &&[Token]| pair[0].is_name() && pair[1].is_name();
    if let Some(pair) = target.windows(2).find(is_alias) {
        return Err(Refusal::syntax(&pair[1].text));
    }
    if tokens.get(using + 1).is_some_and(|t| t.is_symbol("(")) {
        return Err(Refusal::unsupported(
            "MERGE source must be a table; views and subqueries are not supported",
        ));
    }
    let branches = branches(tokens)?;
    if branches.len() == 2 && branches.contains(&true) && branches.contains(&false) {
        return Ok(());
    }
    Err(Refusal::new(
        "42601",
        "MERGE needs both WHEN MATCHED and WHEN NOT MATCHED, or REMOVE DUPLICATES, \
         which the stand-in does not know",
    ))
}

/// Whether each of the branches is for rows that match.
fn branches(tokens: &[Token]) -> Result<Vec<bool>, Refusal> {
    let word = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is(word));
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let is_match = word(at + 1, "matched");
        let is_other = word(at + 1, "not") && word(at + 2, "matched");
        if !word(at, "when") || !(is_match || is_other) {
            continue;
        }
        let then = at + if is_match { 2 } else { 3 };
        // Redshift knows no further conditions, and no doing nothing.
        let wrong = if word(then, "then") { then + 1 } else { then };
        let wrong = (wrong == then || word(wrong, "do")).then_some(wrong);
        if let Some(token) = wrong.and_then(|wrong| tokens.get(wrong)) {
            return Err(Refusal::syntax(&token.text));
        }
        found.push(is_match);
    }
    Ok(found)
}
