//! The definition of one column.

use super::refusals::Refusal;
use super::tokens::{Token, closing};

/// What a constraint is called that holds a column's bytes to a length.
pub const BYTES_CONSTRAINT: &str = "bytes_";

/// The longest text there can be, and the one that a type without a length allows.
const LONGEST: u32 = 65_535;
const DEFAULT_LENGTH: u32 = 256;

const ENCODINGS: [&str; 12] = [
    "raw",
    "az64",
    "bytedict",
    "delta",
    "delta32k",
    "lzo",
    "mostly8",
    "mostly16",
    "mostly32",
    "runlength",
    "text255",
    "zstd",
];
/// The types that can be encoded as AZ64.
const AZ64_TYPES: [&str; 13] = [
    "smallint",
    "int2",
    "integer",
    "int",
    "int4",
    "bigint",
    "int8",
    "decimal",
    "numeric",
    "date",
    "timestamp",
    "timestamptz",
    "timetz",
];

/// `name type [attributes]` in PostgreSQL's words. Keys are not enforced in Redshift; lengths are,
/// in bytes.
pub fn column(tokens: &[Token]) -> Result<Vec<Token>, Refusal> {
    let (Some(name), Some(first)) = (tokens.first(), tokens.get(1)) else {
        // A name alone, as in `CREATE TABLE t (a, b) AS SELECT …`.
        return Ok(tokens.to_vec());
    };
    let of_type = Type::parse(&tokens[1..])?;
    let mut column = vec![name.clone()];
    column.extend(of_type.tokens);
    attributes(&tokens[1 + of_type.length..], first, &mut column)?;
    if let Some(bytes) = of_type.most_bytes {
        let constraint = format!("{BYTES_CONSTRAINT}{bytes}_{}", name.name());
        let quoted = constraint.replace('"', "\"\"");
        let check = format!(
            "CONSTRAINT \"{quoted}\" CHECK (octet_length({}) <= {bytes})",
            name.text
        );
        column.push(Token::word(check));
    }
    Ok(column)
}

struct Type {
    /// How many tokens it was written with.
    length: usize,
    tokens: Vec<Token>,
    most_bytes: Option<u32>,
}

impl Type {
    fn parse(tokens: &[Token]) -> Result<Self, Refusal> {
        let word = |at: usize| tokens.get(at).map(|token| token.text.to_lowercase());
        let first = word(0).unwrap_or_default();
        let is_varying = word(1).as_deref() == Some("varying");
        let length = if is_varying { 2 } else { 1 };
        match first.as_str() {
            "varchar" | "nvarchar" | "text" => Self::of_bytes(tokens, length, true),
            "character" | "binary" if is_varying => {
                Self::of_bytes(tokens, length, first == "character")
            }
            "varbyte" | "varbinary" => Self::of_bytes(tokens, length, false),
            "super" => Ok(Self {
                length,
                tokens: vec![Token::word("jsonb")],
                most_bytes: None,
            }),
            _ => Ok(Self {
                length: 1,
                tokens: tokens[..1].to_vec(),
                most_bytes: None,
            }),
        }
    }

    /// A type with a length in brackets, which may be missing.
    fn of_bytes(tokens: &[Token], at: usize, is_text: bool) -> Result<Self, Refusal> {
        let in_brackets = tokens.get(at).is_some_and(|token| token.is_symbol("("));
        let bytes = match tokens.get(at + 1).filter(|_| in_brackets) {
            None => DEFAULT_LENGTH,
            Some(token) if token.is("max") => LONGEST,
            Some(token) => token
                .text
                .parse()
                .map_err(|_| Refusal::syntax(&token.text))?,
        };
        if bytes > LONGEST {
            let message = format!("length for type varchar cannot exceed {LONGEST}");
            return Err(Refusal::new("22023", message));
        }
        let name = if is_text {
            format!("VARCHAR({bytes})")
        } else {
            "bytea".to_owned()
        };
        Ok(Self {
            length: if in_brackets { at + 3 } else { at },
            tokens: vec![Token::word(name)],
            most_bytes: Some(bytes),
        })
    }
}

/// Takes over what PostgreSQL knows, and leaves out what it does not.
fn attributes(tokens: &[Token], type_of: &Token, column: &mut Vec<Token>) -> Result<(), Refusal> {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let following = |word: &str| tokens.get(at + 1).is_some_and(|token| token.is(word));
        let taken = match token.text.to_lowercase().as_str() {
            "(" => {
                let end = closing(tokens, at).ok_or_else(|| Refusal::syntax("("))?;
                column.extend_from_slice(&tokens[at..=end]);
                end + 1 - at
            }
            "encode" => {
                check_encoding(tokens.get(at + 1), type_of)?;
                2
            }
            "distkey" | "sortkey" | "unique" => 1,
            "primary" if following("key") => {
                column.push(Token::word("NOT NULL"));
                2
            }
            "collate" => 2,
            "identity" | "generated" | "references" => {
                let message = format!("the stand-in does not know {} columns", token.text);
                return Err(Refusal::unsupported(message));
            }
            "check" => return Err(Refusal::syntax(&token.text)),
            _ => {
                column.push(token.clone());
                1
            }
        };
        at += taken;
    }
    Ok(())
}

fn check_encoding(encoding: Option<&Token>, type_of: &Token) -> Result<(), Refusal> {
    let name = encoding.map(Token::name).unwrap_or_default();
    let type_of = type_of.name();
    let fits = name != "az64" || AZ64_TYPES.contains(&type_of.as_str());
    if ENCODINGS.contains(&name.as_str()) && fits {
        return Ok(());
    }
    let message = format!("invalid encoding type specified for a column of type {type_of}: {name}");
    Err(Refusal::new("42601", message))
}
