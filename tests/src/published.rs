//! What a reader finds in the folder of a table.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use datafusion::arrow::array::{Array as _, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::processes::Result;

/// The rows of a table, whatever their order was: cells as text, null apart from empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// Names with types.
    pub columns: Vec<(String, String)>,
    pub rows: Vec<Vec<Option<String>>>,
}

impl Rows {
    /// Reads Parquet files.
    pub fn read(folder: &Path, files: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut all = Self::default();
        for name in files {
            let path = folder.join(&name);
            let file = File::open(&path).map_err(|c| format!("{}: {c}", path.display()))?;
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)
                .map_err(|cause| format!("{name}: {cause}"))?;
            let schema = builder.schema().clone();
            let columns: Vec<_> = schema
                .fields()
                .iter()
                .map(|field| (field.name().clone(), type_name(field.data_type())))
                .collect();
            if !all.columns.is_empty() && all.columns != columns {
                return Err(format!("{name} has other columns than its siblings").into());
            }
            all.columns = columns;
            for batch in builder.build()? {
                let batch = batch?;
                let cells = batch
                    .columns()
                    .iter()
                    .map(|column| cast(column, &DataType::Utf8))
                    .collect::<std::result::Result<Vec<_>, _>>()?;
                let cells: Vec<_> = cells.iter().map(|c| c.as_string::<i32>()).collect();
                all.rows.extend((0..batch.num_rows()).map(|row| {
                    let cell = |column: &&StringArray| {
                        (!column.is_null(row)).then(|| column.value(row).to_owned())
                    };
                    cells.iter().map(cell).collect()
                }));
            }
        }
        all.rows.sort();
        Ok(all)
    }

    /// The first difference, in words; `None` where both are the same table.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.columns != other.columns {
            return Some(format!(
                "columns {:?} and {:?}",
                self.columns, other.columns
            ));
        }
        let mut pairs = self.rows.iter().zip(&other.rows);
        if let Some((a, b)) = pairs.find(|(a, b)| a != b) {
            return Some(format!("{a:?} and {b:?}"));
        }
        let (a, b) = (self.rows.len(), other.rows.len());
        (a != b).then(|| format!("{a} and {b} rows"))
    }
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        other => other.to_string(),
    }
}

/// A published table.
#[derive(Debug, Clone)]
pub struct Published {
    pub run_id: String,
    pub files: BTreeSet<String>,
    pub rows: Rows,
}

impl Published {
    /// Reads what the manifest lists; `None` where nothing was published.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let Ok(json) = fs::read(folder.join("_manifest.json")) else {
            return Ok(None);
        };
        let json: Value = serde_json::from_slice(&json)?;
        let manifest = &json["cinemill"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let files = manifest["files"].as_array().ok_or("no files")?;
        let files: BTreeSet<String> = files.iter().filter_map(|f| text(&f["path"])).collect();
        let rows = Rows::read(folder, files.iter().cloned())?;
        if manifest["rows"] != rows.rows.len() {
            let (told, found) = (&manifest["rows"], rows.rows.len());
            return Err(format!("the manifest has {told} rows, its files have {found}").into());
        }
        Ok(Some(Self {
            run_id: text(&manifest["run_id"]).ok_or("no run id")?,
            files,
            rows,
        }))
    }
}

/// The table of a folder, which must be whole: nothing is visible beside it, nothing is staged.
pub fn whole(folder: &Path) -> Result<Published> {
    let table = Published::read(folder)?.ok_or("nothing is published")?;
    let visible = visible_files(folder)?;
    let staged = staged(folder)?;
    if visible != table.files {
        let files = &table.files;
        return Err(format!("{visible:?} are visible, {files:?} in the manifest").into());
    }
    if !folder.join("_SUCCESS").is_file() {
        return Err("no _SUCCESS".into());
    }
    match staged.is_empty() {
        true => Ok(table),
        false => Err(format!("left behind in _staging: {staged:?}").into()),
    }
}

/// The files below a folder that its readers see: none of those whose name, or a folder's on the
/// way, begins with `_` or `.`.
pub fn visible_files(folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    walk(
        folder,
        "",
        &|name| !name.starts_with(['_', '.']),
        &mut found,
    )?;
    Ok(found)
}

/// The files below `_staging`, and the folder itself where it is on a disk.
pub fn staged(folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    walk(&folder.join("_staging"), "", &|_| true, &mut found)?;
    Ok(found)
}

fn walk(
    folder: &Path,
    prefix: &str,
    wanted: &dyn Fn(&str) -> bool,
    found: &mut BTreeSet<String>,
) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        match entry.file_type() {
            _ if !wanted(&name) => {}
            Ok(kind) if kind.is_dir() => {
                walk(&entry.path(), &format!("{path}/"), wanted, found)?;
            }
            _ => drop(found.insert(path)),
        }
    }
    Ok(())
}
