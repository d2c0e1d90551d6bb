//! A job's parameters: `[params.<name>]` declares one, `:name` in SQL stands for its value.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::source::ColumnType;
use cinemill_engine::spark::{ParamValue, Params};
use serde::{Deserialize, Serialize};

use super::definition::JobDefinition;
use super::scalar::Scalar;
use super::schema;

/// The day for which a run is made. Every job has this parameter, and none declares it.
pub const RUN_DATE: &str = "run_date";

/// One parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ParamTable", into = "ParamTable")]
pub struct ParamDefinition {
    pub kind: ColumnType,
    /// Without one, the value must be given.
    pub default: Option<ParamValue>,
    pub description: String,
}

/// As written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamTable {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Scalar>,
    #[serde(default)]
    description: String,
}

impl TryFrom<ParamTable> for ParamDefinition {
    type Error = String;

    fn try_from(table: ParamTable) -> Result<Self, String> {
        let kind = schema::column_type(&table.kind)?;
        let default = table
            .default
            .map(|value| ParamValue::parse(kind, &value.to_string()));
        Ok(Self {
            kind,
            default: default
                .transpose()
                .map_err(|cause| format!("default: {cause}"))?,
            description: table.description,
        })
    }
}

impl From<ParamDefinition> for ParamTable {
    fn from(param: ParamDefinition) -> Self {
        Self {
            kind: type_word(param.kind),
            default: param.default.map(|value| Scalar::Text(value.to_string())),
            description: param.description,
        }
    }
}

/// A type in Spark's words.
pub fn type_word(kind: ColumnType) -> String {
    format!("{kind:?}").to_ascii_uppercase()
}

/// What is wrong with the declared names.
pub fn check_names(params: &BTreeMap<String, ParamDefinition>) -> Result<(), String> {
    for name in params.keys() {
        if name == RUN_DATE {
            return Err(format!(
                "params.{name}: every job has it, and none declares it"
            ));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let starts_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_plain || !name.chars().all(plain) {
            return Err(format!(
                "params.{name}: a name has letters, digits and `_`, and begins with no digit"
            ));
        }
    }
    Ok(())
}

impl JobDefinition {
    /// The text of every parameter's value: what is given, else its default; `today` where no run
    /// date is given.
    ///
    /// # Errors
    /// `Usage` for an unknown name, a value of another type, and one that is missing.
    pub fn settle_params(
        &self,
        given: &BTreeMap<String, String>,
        today: NaiveDate,
    ) -> Result<BTreeMap<String, String>> {
        if let Some(name) = given.keys().find(|name| self.param_type(name).is_none()) {
            let mut known: Vec<&str> = self.params.keys().map(String::as_str).collect();
            known.push(RUN_DATE);
            let cause = format!("the job {} has no such parameter", self.name);
            return Err(Error::new(Kind::Usage, "use parameter", name, cause)
                .hint(format!("there are: {}", known.join(", "))));
        }
        let date = given
            .get(RUN_DATE)
            .cloned()
            .unwrap_or_else(|| today.to_string());
        let mut settled = BTreeMap::from([(RUN_DATE.to_owned(), date)]);
        for (name, param) in &self.params {
            let value = given.get(name).cloned();
            let value = value.or_else(|| param.default.as_ref().map(ToString::to_string));
            let value = value.ok_or_else(|| {
                let cause = "it has no default, and no value is given";
                Error::new(Kind::Usage, "use parameter", name, cause).hint(format!(
                    "give it as --param {name}=<{}>",
                    type_word(param.kind)
                ))
            })?;
            settled.insert(name.clone(), value);
        }
        let values = self.param_values(&settled)?;
        Ok(values
            .into_iter()
            .map(|(name, value)| (name, value.to_string()))
            .collect())
    }

    /// The values that texts stand for.
    ///
    /// # Errors
    /// `Usage` for a text that is not of its parameter's type.
    pub fn param_values(&self, texts: &BTreeMap<String, String>) -> Result<Params> {
        let values = texts.iter().filter_map(|(name, text)| {
            let kind = self.param_type(name)?;
            let value = ParamValue::parse(kind, text)
                .map_err(|cause| Error::new(Kind::Usage, "use parameter", name, cause));
            Some(value.map(|value| (name.clone(), value)))
        });
        values.collect()
    }

    /// Values of the right types, for planning without any given.
    pub fn sample_params(&self) -> Params {
        let day = NaiveDate::default();
        let mut samples = Params::from([(RUN_DATE.to_owned(), ParamValue::Date(day))]);
        for (name, param) in &self.params {
            let sample = || match param.kind {
                ColumnType::String => ParamValue::String(String::new()),
                ColumnType::Int => ParamValue::Int(1),
                ColumnType::Bigint => ParamValue::Bigint(1),
                ColumnType::Double => ParamValue::Double(1.0),
                ColumnType::Boolean => ParamValue::Boolean(true),
                ColumnType::Date => ParamValue::Date(day),
            };
            samples.insert(name.clone(), param.default.clone().unwrap_or_else(sample));
        }
        samples
    }

    fn param_type(&self, name: &str) -> Option<ColumnType> {
        match name {
            RUN_DATE => Some(ColumnType::Date),
            _ => self.params.get(name).map(|param| param.kind),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::job::Relation;

    const REST: &str = "[inputs.a]\nfile = \"a.tsv\"\nformat = \"imdb\"\nschema = \"x STRING\"\n\
                        [output]\nrelation = \"r\"\n";

    fn job(params: &str) -> Result<JobDefinition> {
        let relation = Relation {
            name: "r".into(),
            sql: "SELECT x FROM a".into(),
        };
        JobDefinition::parse("j", &format!("{params}\n{REST}"), vec![relation])
    }

    fn given(params: &[(&str, &str)]) -> BTreeMap<String, String> {
        let params = params.iter();
        params
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    const PARAMS: &str = "[params.min_votes]\ntype = \"INT\"\ndefault = 25000\n\
                          [params.market]\ntype = \"STRING\"\n";

    #[test]
    fn values_are_given_or_defaults() {
        let job = job(PARAMS).unwrap();
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let settled = job
            .settle_params(&given(&[("market", "US"), ("min_votes", " 7")]), today)
            .unwrap();
        let expected = [
            ("market", "US"),
            ("min_votes", "7"),
            ("run_date", "2026-11-21"),
        ];
        assert_eq!(settled, given(&expected));
        for (wrong, words) in [
            (given(&[]), "market: it has no default"),
            (
                given(&[("market", "US"), ("votes", "1")]),
                "no such parameter",
            ),
            (
                given(&[("market", "US"), ("min_votes", "many")]),
                "`many` is no INT",
            ),
            (
                given(&[("market", "US"), ("run_date", "today")]),
                "`today` is no DATE",
            ),
        ] {
            let error = job.settle_params(&wrong, today).unwrap_err();
            assert_eq!(error.kind, Kind::Usage);
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn wrong_declarations_are_told() {
        for (toml, words) in [
            ("[params.a]\ntype = \"UUID\"", "UUID"),
            (
                "[params.a]\ntype = \"INT\"\ndefault = \"x\"",
                "`x` is no INT",
            ),
            (
                "[params.a]\ntype = \"INT\"\ndefault = [1]",
                "a text, a number",
            ),
            ("[params.run_date]\ntype = \"DATE\"", "every job has it"),
            ("[params.a-b]\ntype = \"INT\"", "letters, digits"),
        ] {
            let error = job(toml).unwrap_err();
            assert_eq!(error.kind, Kind::Definition);
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_definition_survives_the_way_to_the_cluster() {
        let job = job(PARAMS).unwrap();
        let json = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<JobDefinition>(&json).unwrap(), job);
    }
}
