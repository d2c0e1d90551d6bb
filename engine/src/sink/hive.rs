//! Names of Hive folders, as Spark writes them.

use std::fmt::Write;

/// Spark's name for the folder of the null (and the empty) value.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// `column=value`, escaped as Spark's `ExternalCatalogUtils.escapePathName` does it.
pub fn folder_name(column: &str, value: Option<&str>) -> String {
    let value = match value {
        None | Some("") => NULL_FOLDER.to_owned(),
        Some(value) => escape(value),
    };
    format!("{}={value}", escape(column))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(c) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{:02X}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_as_spark_names_them() {
        assert_eq!(
            folder_name("release_year", Some("1999")),
            "release_year=1999"
        );
        assert_eq!(
            folder_name("release_year", None),
            "release_year=__HIVE_DEFAULT_PARTITION__"
        );
        assert_eq!(folder_name("k", Some("")), "k=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(folder_name("k", Some("a/b:c=d%é ")), "k=a%2Fb%3Ac%3Dd%25é ");
    }
}
