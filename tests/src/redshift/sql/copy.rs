//! `COPY table FROM 's3://…' IAM_ROLE … FORMAT AS PARQUET MANIFEST`

use super::refusals::Refusal;
use super::tokens::{Kind, Token, join};

/// What is to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The table as it was written.
    pub table: String,
    /// The URL of the manifest.
    pub manifest: String,
    /// Nested values become text.
    pub serializes: bool,
}

impl Copy {
    /// Reads what follows the word `COPY`.
    pub fn parse(tokens: &[Token]) -> Result<Self, Refusal> {
        let from = tokens.iter().position(|token| token.is("from"));
        let from = from.ok_or_else(|| Refusal::syntax("COPY"))?;
        if tokens[..from].iter().any(|token| token.is_symbol("(")) {
            let message = "the stand-in does not know COPY with a list of columns";
            return Err(Refusal::unsupported(message));
        }
        let source = tokens.get(from + 1).and_then(Token::content);
        let source = source.ok_or_else(|| Refusal::syntax("FROM"))?;
        let options = Options::parse(&tokens[from + 2..])?;
        options.check()?;
        Ok(Self {
            table: join(&tokens[..from]).trim().to_owned(),
            manifest: source,
            serializes: options.serializes,
        })
    }
}

#[derive(Debug, Default)]
struct Options {
    has_role: bool,
    is_parquet: bool,
    has_manifest: bool,
    serializes: bool,
}

impl Options {
    fn parse(tokens: &[Token]) -> Result<Self, Refusal> {
        let (mut options, mut at) = (Self::default(), 0);
        while let Some(token) = tokens.get(at) {
            let next = tokens.get(at + 1);
            let word = token.text.to_lowercase();
            at += 1;
            match word.as_str() {
                "iam_role" => {
                    let is_role = |t: &Token| t.is("default") || t.kind == Kind::Text;
                    options.has_role = next.is_some_and(is_role);
                    at += 1;
                }
                "format" | "as" => {}
                "parquet" => options.is_parquet = true,
                "manifest" => options.has_manifest = true,
                "serializetojson" => options.serializes = true,
                "statupdate" => {
                    let is_switch = |t: &&Token| t.is("on") || t.is("off");
                    at += usize::from(next.filter(is_switch).is_some());
                }
                "region" | "maxerror" | "delimiter" | "compupdate" | "gzip" => {
                    let name = word.to_uppercase();
                    return Err(Refusal::unsupported(format!(
                        "{name} argument is not supported for PARQUET based COPY"
                    )));
                }
                "credentials" | "access_key_id" | "secret_access_key" | "session_token" => {
                    return Err(Refusal::unsupported(
                        "COPY from this file format only accepts IAM_ROLE credentials",
                    ));
                }
                _ => return Err(Refusal::syntax(&token.text)),
            }
        }
        Ok(options)
    }

    fn check(&self) -> Result<(), Refusal> {
        let missing = if !self.has_role {
            "IAM_ROLE is missing: COPY needs a role that may read the files"
        } else if !self.is_parquet {
            "the stand-in copies FORMAT AS PARQUET alone"
        } else if !self.has_manifest {
            "the stand-in copies with a MANIFEST alone: a prefix takes whatever lies there"
        } else {
            return Ok(());
        };
        Err(Refusal::unsupported(missing))
    }
}
