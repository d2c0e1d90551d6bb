//! Users and what they may.

use super::tokens::Token;

/// Takes the word `ROLE` from before the names of roles; `GROUP` is known to PostgreSQL.
pub fn grant(tokens: &[Token]) -> Vec<Token> {
    let mut granted: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let names_follow = granted.last().is_some_and(|before| {
            let words = ["to", "from", "grant", "revoke"];
            before.is_symbol(",") || words.iter().any(|word| before.is(word))
        });
        if !(names_follow && token.is("role")) {
            granted.push(token.clone());
        }
    }
    granted
}

/// `PASSWORD DISABLE`, for users who log in by their role alone.
pub fn user(tokens: &[Token]) -> Vec<Token> {
    let mut tokens = tokens.to_vec();
    for at in 1..tokens.len() {
        if tokens[at - 1].is("password") && tokens[at].is("disable") {
            "NULL".clone_into(&mut tokens[at].text);
        }
    }
    tokens
}
