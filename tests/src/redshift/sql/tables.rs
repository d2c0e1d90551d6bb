//! What makes and changes tables, views and users.

use super::columns::column;
use super::grants::{grant, user};
use super::refusals::Refusal;
use super::tokens::{Token, closing, split_at_commas};

pub fn create(tokens: &[Token]) -> Result<Vec<Token>, Refusal> {
    let is_extra = |token: &&Token| {
        ["create", "or", "replace", "local", "temp", "temporary"]
            .iter()
            .any(|word| token.is(word))
    };
    let what = tokens.iter().take_while(is_extra).count();
    match tokens.get(what) {
        Some(token) if token.is("table") => table(tokens, what + 1),
        Some(token) if token.is("view") => Ok(view(tokens)),
        Some(token) if token.is("user") => Ok(user(tokens)),
        _ => Ok(tokens.to_vec()),
    }
}

/// Takes `WITH NO SCHEMA BINDING` from the end: views are bound here.
fn view(tokens: &[Token]) -> Vec<Token> {
    let end = tokens.len().saturating_sub(4);
    let phrase = ["with", "no", "schema", "binding"];
    let is_unbound = tokens[end..]
        .iter()
        .zip(phrase)
        .all(|(token, word)| token.is(word));
    tokens[..if is_unbound { end } else { tokens.len() }].to_vec()
}

fn table(tokens: &[Token], after_table: usize) -> Result<Vec<Token>, Refusal> {
    let if_not_exists = tokens.get(after_table).is_some_and(|token| token.is("if"));
    let name = after_table + if if_not_exists { 3 } else { 0 };
    let mut at = end_of_name(tokens, name);
    let mut table = tokens[..at].to_vec();
    let mut columns = Vec::new();
    if tokens.get(at).is_some_and(|token| token.is_symbol("(")) {
        let end = closing(tokens, at).ok_or_else(|| Refusal::syntax("("))?;
        let items = split_at_commas(&tokens[at + 1..end]);
        columns = items.iter().map(|item| item[0].name()).collect();
        table.extend(body(&items)?);
        at = end + 1;
    }
    let (attributes, query) = match tokens[at..].iter().position(|token| token.is("as")) {
        Some(length) => tokens[at..].split_at(length),
        None => (&tokens[at..], &[][..]),
    };
    // Those of a query are not known before it runs.
    let known = query.is_empty().then_some(columns.as_slice());
    check_attributes(attributes, known)?;
    table.extend_from_slice(query);
    Ok(table)
}

/// Where a name ends that begins at `at` and may have parts.
fn end_of_name(tokens: &[Token], mut at: usize) -> usize {
    at += 1;
    while tokens.get(at).is_some_and(|token| token.is_symbol(".")) {
        at += 2;
    }
    at.min(tokens.len())
}

fn body(items: &[&[Token]]) -> Result<Vec<Token>, Refusal> {
    let mut parts = Vec::new();
    for item in items {
        let first = item[0].text.to_lowercase();
        match first.as_str() {
            // Not enforced.
            "unique" | "foreign" | "constraint" | "primary" => {}
            "check" => return Err(Refusal::syntax(&item[0].text)),
            "like" => {
                let mut like = item.to_vec();
                like.push(Token::word("INCLUDING CONSTRAINTS"));
                parts.push(like);
            }
            _ => parts.push(column(item)?),
        }
    }
    for name in primary_key(items) {
        let column = parts.iter_mut().find(|part| part[0].name() == name);
        let column = column.ok_or_else(|| {
            let message = format!("column \"{name}\" named in key does not exist");
            Refusal::new("42703", message)
        })?;
        column.push(Token::word("NOT NULL"));
    }
    let mut body = vec![Token::word("(")];
    for (number, part) in parts.into_iter().enumerate() {
        if number > 0 {
            body.push(Token::word(","));
        }
        body.extend(part);
    }
    body.push(Token::word(")"));
    Ok(body)
}

/// The columns of the table's key, which hold no nulls for all that their values are not enforced.
fn primary_key(items: &[&[Token]]) -> Vec<String> {
    let key = items.iter().find_map(|item| {
        let key = item.windows(2);
        let at = key
            .into_iter()
            .position(|two| two[0].is("primary") && two[1].is("key"))?;
        item.get(at + 3..).filter(|_| item[at + 2].is_symbol("("))
    });
    let names = key.into_iter().flatten().filter(|token| token.is_name());
    names.map(Token::name).collect()
}

/// Checks what stands behind a table's columns; PostgreSQL has no use for it.
fn check_attributes(tokens: &[Token], columns: Option<&[String]>) -> Result<(), Refusal> {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1);
        let one_of = |words: &[&str]| next.is_some_and(|t| words.iter().any(|word| t.is(word)));
        let opens = next.is_some_and(|token| token.is_symbol("("));
        let taken = match token.text.to_lowercase().as_str() {
            "backup" if one_of(&["yes", "no"]) => 2,
            "diststyle" if one_of(&["even", "key", "all", "auto"]) => 2,
            "encode" | "sortkey" if one_of(&["auto"]) => 2,
            "compound" | "interleaved" if one_of(&["sortkey"]) => 1,
            "distkey" | "sortkey" if opens => {
                let end = closing(tokens, at + 1).ok_or_else(|| Refusal::syntax("("))?;
                check_keys(&tokens[at + 2..end], columns)?;
                end + 1 - at
            }
            _ => return Err(Refusal::syntax(&token.text)),
        };
        at += taken;
    }
    Ok(())
}

fn check_keys(tokens: &[Token], columns: Option<&[String]>) -> Result<(), Refusal> {
    let names = tokens.iter().filter(|token| token.is_name());
    let unknown = names.map(Token::name).find(|name| {
        columns.is_some_and(|columns| !columns.contains(name) && !columns.contains(&"like".into()))
    });
    match unknown {
        None => Ok(()),
        Some(name) => {
            let message = format!("column \"{name}\" named in key does not exist");
            Err(Refusal::new("42703", message))
        }
    }
}

pub fn alter(tokens: &[Token]) -> Result<Vec<Token>, Refusal> {
    match tokens.get(1) {
        Some(token) if token.is("table") => {}
        Some(token) if token.is("user") => return Ok(user(tokens)),
        _ => return Ok(grant(tokens)),
    }
    let action = end_of_name(tokens, 2);
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is(word));
    if is(action, "alter") || is(action, "append") {
        let message = format!("ALTER TABLE {} cannot run inside a transaction block", {
            &tokens[action].text
        });
        return Err(Refusal::new("25001", message));
    }
    if !is(action, "add") {
        return Ok(tokens.to_vec());
    }
    let column_at = action + if is(action + 1, "column") { 2 } else { 1 };
    let key = ["primary", "unique", "foreign", "constraint"];
    if key.iter().any(|word| is(column_at, word)) {
        // Not enforced.
        return Ok(Vec::new());
    }
    add_column(tokens, column_at)
}

fn add_column(tokens: &[Token], at: usize) -> Result<Vec<Token>, Refusal> {
    let definition = &tokens[at..];
    if let Some(token) = definition.first().filter(|token| token.is("if")) {
        return Err(Refusal::syntax(&token.text));
    }
    if split_at_commas(definition).len() > 1 {
        return Err(Refusal::syntax(","));
    }
    let has = |word: &str| definition.iter().any(|token| token.is(word));
    if has("not") && !has("default") {
        return Err(Refusal::unsupported(
            "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression",
        ));
    }
    let mut translated = tokens[..at].to_vec();
    translated.extend(column(definition)?);
    Ok(translated)
}
