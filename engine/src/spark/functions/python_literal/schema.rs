//! Types as Spark writes them: `array<struct<id: int, name: string>>`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};

/// Deeper types are no use, and cost stack.
const NESTING_MAX: usize = 32;

/// Reads a type, or the fields of a struct as in `id INT, name STRING`.
pub(super) fn parse(ddl: &str) -> Result<DataType, String> {
    let whole = |read: fn(&mut Words<'_>, usize) -> Result<DataType, String>| {
        let mut words = Words(ddl);
        let kind = read(&mut words, 0)?;
        match words.next() {
            None => Ok(kind),
            Some(word) => Err(format!("`{word}` is too much")),
        }
    };
    whole(data_type).or_else(|cause| whole(fields).map_err(|_| cause))
}

/// The words of a schema: names, and single characters between them.
struct Words<'a>(&'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0 = self.0.trim_start();
        let first = self.0.chars().next()?;
        let length = if first == '`' {
            self.0[1..].find('`').map_or(self.0.len(), |end| end + 2)
        } else {
            let end = self.0.find(|c: char| !c.is_alphanumeric() && c != '_');
            end.unwrap_or(self.0.len()).max(first.len_utf8())
        };
        let (word, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(word)
    }
}

impl Words<'_> {
    fn take(&mut self, wanted: &str) -> bool {
        let mut ahead = Words(self.0);
        let found = ahead.next() == Some(wanted);
        if found {
            self.0 = ahead.0;
        }
        found
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        match self.take(wanted) {
            true => Ok(()),
            false => Err(format!("`{wanted}` is missing before `{}`", self.0.trim())),
        }
    }
}

fn data_type(words: &mut Words<'_>, depth: usize) -> Result<DataType, String> {
    if depth > NESTING_MAX {
        return Err(format!("it nests deeper than {NESTING_MAX}"));
    }
    let word = words.next().ok_or("a type is missing")?;
    Ok(match word.to_lowercase().as_str() {
        "string" => DataType::Utf8,
        "tinyint" | "byte" => DataType::Int8,
        "smallint" | "short" => DataType::Int16,
        "int" | "integer" => DataType::Int32,
        "bigint" | "long" => DataType::Int64,
        "float" | "real" => DataType::Float32,
        "double" => DataType::Float64,
        "boolean" => DataType::Boolean,
        "array" => {
            words.expect("<")?;
            let item = data_type(words, depth + 1)?;
            words.expect(">")?;
            DataType::List(Arc::new(Field::new_list_field(item, true)))
        }
        "struct" => {
            words.expect("<")?;
            let kind = fields(words, depth + 1)?;
            words.expect(">")?;
            kind
        }
        _ => return Err(format!("`{word}` is no type that it can hold")),
    })
}

fn fields(words: &mut Words<'_>, depth: usize) -> Result<DataType, String> {
    let mut fields = vec![];
    loop {
        let name = words.next().ok_or("a field's name is missing")?;
        let is_name = name.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '`');
        if !is_name {
            return Err(format!("`{name}` is no name of a field"));
        }
        words.take(":");
        let kind = data_type(words, depth)?;
        fields.push(Field::new(name.trim_matches('`'), kind, true));
        if !words.take(",") {
            return Ok(DataType::Struct(fields.into()));
        }
    }
}
