//! Looks at the files of an input: which there are, how they are packed, what their headers say.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::runtime::SpawnedTask;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::fetch::{
    FetchMetrics, Opened, Sizes, StoredBytes, decode_error, decompressed, read_error, store_error,
};
use super::parts::PartsList;
use super::range::too_long;
use super::records::{self, Extent, ScanError};
use super::spec::{Compression, HIGHEST_MAX_RECORD_BYTES, InputSpec, SourceFile, TextSpec, url_of};
use crate::error::{Error, Kind, Result};
use crate::store::Requests;

/// How much of a file is looked at to guess the length of its records, in bytes.
const SAMPLE_BYTES: u64 = 64 << 10;

/// How many headers are read at a time.
const HEADERS_AT_ONCE: usize = 16;

/// What plain bytes a compressed one stands for, about.
const COMPRESSION_RATIO: u64 = 4;

/// Looks at the file or folder `path` and reads the headers of its files.
///
/// In a folder, names that begin with `_` or `.` and empty parts are passed over, folders within
/// it too; files are in the order of their names. Where a list of parts is among them, it says
/// which.
///
/// # Errors
/// `Input` if there is no file, or one that is not what its name or the declaration says;
/// `Retryable` if the store fails otherwise; `Definition` if the dialect cannot be.
pub async fn discover(
    store: &Arc<dyn ObjectStore>,
    store_url: &str,
    path: &Path,
    declared: &InputSpec,
) -> Result<TextSpec> {
    check(declared)?;
    let mut spec = TextSpec {
        input: declared.name.clone(),
        store_url: store_url.to_owned(),
        format: declared.format.clone(),
        columns: declared.columns.clone(),
        mode: declared.mode,
        files: Vec::new(),
        audit: None,
        max_record_bytes: declared.max_record_bytes.min(HIGHEST_MAX_RECORD_BYTES),
    };
    let url = url_of(store_url, path.as_ref());
    let mut found = listed(store, path, &spec.input, &url).await?;
    if found.is_err() {
        // The list may have been replaced between the look at the folder and that at the list.
        found = listed(store, path, &spec.input, &url).await?;
    }
    let (single, objects) = found.map_err(|cause| {
        read_error(Kind::Input, &spec.input, format_args!("{url} {cause}"))
            .hint("wait for `cinemill stage` to end, or run it again")
    })?;
    if objects.is_empty() {
        let cause = format!("{url} does not exist, or is a folder without files in it");
        return Err(read_error(Kind::Input, &spec.input, cause));
    }
    let shared = Arc::new(spec.clone());
    let look = |object: ObjectMeta| look_at(Arc::clone(store), Arc::clone(&shared), object);
    let looks: Vec<Option<SourceFile>> = futures::stream::iter(objects)
        .map(look)
        .buffered(HEADERS_AT_ONCE)
        .try_collect()
        .await?;
    spec.files = looks.into_iter().flatten().collect();
    if spec.files.is_empty() {
        let cause = if single {
            "is empty"
        } else {
            "holds nothing but empty files"
        };
        return Err(
            read_error(Kind::Input, &spec.input, format_args!("{url} {cause}"))
                .hint("a file needs a header line, even one without records"),
        );
    }
    Ok(spec)
}

fn check(declared: &InputSpec) -> Result<()> {
    let format = &declared.format;
    let usable = |byte: u8| byte.is_ascii() && !matches!(byte, b'\n' | b'\r');
    let cause = if !usable(format.delimiter) || !format.quote.is_none_or(usable) {
        "delimiter and quote must be ASCII characters other than line breaks"
    } else if format.quote == Some(format.delimiter) {
        "delimiter and quote must not be the same"
    } else {
        return Ok(());
    };
    Err(Error::new(
        Kind::Definition,
        "read",
        format_args!("input {}", declared.name),
        cause,
    ))
}

/// The file at `path`, or the parts in it: those of the folder's list, where it has one. What does
/// not agree with the list is told apart from a failure.
async fn listed(
    store: &Arc<dyn ObjectStore>,
    path: &Path,
    input: &str,
    url: &str,
) -> Result<Result<(bool, Vec<ObjectMeta>), String>> {
    let failed = |error| store_error(input, url, &error);
    let (single, mut objects) = objects(store, path).await.map_err(failed)?;
    if single {
        return Ok(Ok((single, objects)));
    }
    if let Some(list) = PartsList::read(store, &objects).await.map_err(failed)? {
        let chosen = list.and_then(|list| list.choose(objects));
        return Ok(chosen.map(|objects| (single, objects)));
    }
    objects.retain(|meta| !is_hidden(meta));
    Ok(Ok((single, objects)))
}

/// Whether an object of a folder is none of its parts.
fn is_hidden(meta: &ObjectMeta) -> bool {
    let name = meta.location.filename();
    name.is_none_or(|name| name.is_empty() || name.starts_with(['_', '.']))
}

/// The file at `path`, or all in it, by name; and which of the two it is.
async fn objects(
    store: &Arc<dyn ObjectStore>,
    path: &Path,
) -> object_store::Result<(bool, Vec<ObjectMeta>)> {
    // The root of a store is no object, and some stores refuse to be asked for it.
    if !path.as_ref().is_empty() {
        match store.head(path).await {
            // A marker that some tools leave for a folder is an empty object of its name.
            Ok(meta) if meta.size > 0 => return Ok((true, vec![meta])),
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let listed = store.list_with_delimiter(Some(path)).await?;
    let mut objects = listed.objects;
    objects.retain(|meta| meta.location != *path);
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    if objects.is_empty()
        && !path.as_ref().is_empty()
        && let Ok(meta) = store.head(path).await
    {
        return Ok((true, vec![meta]));
    }
    Ok((false, objects))
}

/// What one file is; nothing if it is empty.
async fn look_at(
    store: Arc<dyn ObjectStore>,
    spec: Arc<TextSpec>,
    object: ObjectMeta,
) -> Result<Option<SourceFile>> {
    if object.size == 0 {
        return Ok(None);
    }
    let file = SourceFile {
        path: object.location.to_string(),
        size: object.size,
        e_tag: object.e_tag,
        last_modified_ms: object.last_modified.timestamp_millis(),
        compression: compression_by_name(object.location.as_ref()),
        fields: Vec::new(),
        field_count: 0,
        body_start: 0,
        records_estimate: 0,
    };
    let opened = Opened {
        store,
        store_url: Arc::from(spec.store_url.as_str()),
        input: Arc::from(spec.input.as_str()),
        file: Arc::new(file),
    };
    let sizes = Sizes {
        fetch_bytes: 1 << 20,
        ahead: 1,
        tail_bytes: SAMPLE_BYTES,
        window_bytes: 8 << 10,
    };
    // Begins within the runtime and goes on on a thread that may block.
    let metrics = FetchMetrics {
        requests: Requests::current(),
        ..FetchMetrics::default()
    };
    let stored = StoredBytes::new(opened.clone(), 0, 0, sizes, metrics);
    let look = SpawnedTask::spawn_blocking({
        let (spec, opened) = (Arc::clone(&spec), opened.clone());
        move || read_head(&spec, &opened, stored)
    });
    let head = look
        .await
        .map_err(|error| read_error(Kind::Retryable, &opened.input, error))??;
    let Some(head) = head else { return Ok(None) };
    let mut file = SourceFile::clone(&opened.file);
    let url = opened.url();
    file.field_count = u32::try_from(head.names.len()).unwrap_or(u32::MAX);
    file.fields = positions(&spec, &head.names)
        .map_err(|cause| read_error(Kind::Input, &spec.input, format_args!("{url} {cause}")))?;
    file.records_estimate = head.records_estimate(&file);
    if file.compression == Compression::None {
        file.body_start = head.body_start;
    }
    Ok(Some(file))
}

fn compression_by_name(path: &str) -> Compression {
    let ends_in = |ending: &str| {
        path.len() >= ending.len()
            && path.as_bytes()[path.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
    };
    if ends_in(".gz") {
        Compression::Gzip
    } else if ends_in(".zst") {
        Compression::Zstd
    } else {
        Compression::None
    }
}

/// A file must be packed as its name says.
fn check_magic(opened: &Opened, magic: &[u8]) -> Result<()> {
    let gzip = magic.starts_with(&[0x1f, 0x8b]);
    let zstd = magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        // A frame that decoders skip may come first.
        || matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18]);
    let (cause, hint) = match opened.file.compression {
        Compression::Gzip if !gzip => (
            "ends in .gz but is not gzip",
            "rename it, or compress it with gzip",
        ),
        Compression::Zstd if !zstd => (
            "ends in .zst but is not zstd",
            "rename it, or compress it with zstd",
        ),
        Compression::None if gzip => ("is gzip but does not end in .gz", "rename it to end in .gz"),
        Compression::None if magic == [0x28, 0xb5, 0x2f, 0xfd] => (
            "is zstd but does not end in .zst",
            "rename it to end in .zst",
        ),
        _ => return Ok(()),
    };
    Err(read_error(
        Kind::Input,
        &opened.input,
        format_args!("{} {cause}", opened.url()),
    )
    .hint(hint))
}

/// The beginning of a file.
struct Head {
    names: Vec<String>,
    body_start: u64,
    /// Records looked at, and the bytes that they took up.
    sample: (u64, u64),
}

impl Head {
    fn records_estimate(&self, file: &SourceFile) -> u64 {
        let (records, bytes) = self.sample;
        let text = match file.compression {
            Compression::None => file.size.saturating_sub(self.body_start),
            Compression::Gzip | Compression::Zstd => file.size.saturating_mul(COMPRESSION_RATIO),
        };
        // In 128 bits because a product of two sizes may not fit 64.
        let guess = u128::from(text) * u128::from(records) / u128::from(bytes.max(1));
        u64::try_from(guess).unwrap_or(u64::MAX).max(records)
    }
}

/// The file's first bytes; more than [`SAMPLE_BYTES`] only if the header is longer.
struct Sample {
    stored: StoredBytes,
    served: u64,
    header_read: Arc<AtomicBool>,
}

impl Read for Sample {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The first four bytes are read apart from the others.
        if self.served + 4 >= SAMPLE_BYTES && self.header_read.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let read = self.stored.read(buffer)?;
        self.served += read as u64;
        Ok(read)
    }
}

/// Reads the header and a few records; nothing if there is not even a header.
fn read_head(spec: &TextSpec, opened: &Opened, mut stored: StoredBytes) -> Result<Option<Head>> {
    let failed = |error: io::Error| decode_error(opened, error);
    let mut magic = Vec::new();
    stored
        .by_ref()
        .take(4)
        .read_to_end(&mut magic)
        .map_err(failed)?;
    check_magic(opened, &magic)?;
    let header_read = Arc::new(AtomicBool::new(false));
    let sample = Sample {
        stored,
        served: 0,
        header_read: Arc::clone(&header_read),
    };
    let reader = decompressed(
        opened.file.compression,
        io::Cursor::new(magic).chain(sample),
    )
    .map_err(failed)?;
    let extent = Extent {
        base: 0,
        skip_first: false,
        end: u64::MAX,
        max_record_bytes: spec.max_record_bytes,
        window_bytes: 8 << 10,
    };
    let mut head: Option<Head> = None;
    let outcome = records::scan(reader, &spec.format, extent, &mut |record| {
        match &mut head {
            None => {
                let names = (0..record.fields.len()).filter_map(|index| record.field(index));
                let names = names.map(|(name, _)| String::from_utf8_lossy(name).into_owned());
                let names = names.collect();
                head = Some(Head {
                    names,
                    body_start: record.next,
                    sample: (0, 0),
                });
                header_read.store(true, Ordering::Relaxed);
            }
            Some(head) => {
                head.sample = (head.sample.0 + 1, record.next - head.body_start);
            }
        }
        Ok::<_, ScanError>(ControlFlow::Continue(()))
    });
    match (outcome, head) {
        (Ok(()), head) => Ok(head),
        // What is wrong with the records is for the scan to say, with its own context.
        (Err(_), Some(head)) => Ok(Some(head)),
        (Err(ScanError::Io(error)), None) => Err(decode_error(opened, error)),
        (Err(ScanError::TooLong(offset)), None) => Err(too_long(opened, spec, offset)),
    }
}

/// For each declared column its position in the header.
fn positions(spec: &TextSpec, names: &[String]) -> Result<Vec<u32>, String> {
    let position = |declared: &str| -> Result<u32, String> {
        let find = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
            (0..names.len())
                .filter(|index| same(&names[*index]))
                .collect()
        };
        let mut found = find(&|name| name == declared);
        if found.is_empty() {
            let lower = declared.to_lowercase();
            found = find(&|name| name.to_lowercase() == lower);
        }
        match found.as_slice() {
            [index] => Ok(u32::try_from(*index).unwrap_or(u32::MAX)),
            [] => {
                let columns = names.join(", ");
                Err(format!(
                    "has no column `{declared}`; its columns are {columns}"
                ))
            }
            _ => Err(format!("has more than one column `{declared}`")),
        }
    };
    spec.columns
        .iter()
        .map(|column| position(&column.name))
        .collect()
}
