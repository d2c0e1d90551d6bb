//! What s3s-fs does not remember of a multipart upload: for which object it is, and the parts it
//! got. One folder per upload in `.uploads` of the server's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use s3s::dto::{CompletedPart, ETag};
use s3s::{S3Result, s3_error};
use serde_json::{Value, json};

/// S3 takes no smaller part but the last.
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

pub(super) struct Upload {
    pub id: String,
    pub bucket: String,
    pub key: String,
    pub initiated: SystemTime,
    folder: PathBuf,
}

impl Upload {
    /// Notes that s3s-fs has begun an upload.
    pub fn begin(root: &Path, id: &str, bucket: &str, key: &str) -> io::Result<()> {
        let folder = root.join(".uploads").join(id);
        fs::create_dir_all(&folder)?;
        let target = json!({"bucket": bucket, "key": key});
        fs::write(folder.join("target.json"), target.to_string())
    }

    /// The upload of this id, if it is one to this object that is still open.
    pub fn find(root: &Path, id: &str, bucket: &str, key: &str) -> S3Result<Self> {
        // An id that is a path would lead elsewhere.
        let is_plain = id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        Some(root.join(".uploads").join(id))
            .filter(|_| is_plain)
            .and_then(Self::open)
            .filter(|upload| upload.bucket == bucket && upload.key == key)
            .ok_or_else(|| s3_error!(NoSuchUpload))
    }

    fn open(folder: PathBuf) -> Option<Self> {
        let path = folder.join("target.json");
        let initiated = fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .ok()?;
        let target: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        Some(Self {
            id: folder.file_name()?.to_str()?.to_owned(),
            bucket: target["bucket"].as_str()?.to_owned(),
            key: target["key"].as_str()?.to_owned(),
            initiated,
            folder,
        })
    }

    pub fn add_part(&self, number: i32, etag: Option<&ETag>) -> io::Result<()> {
        fs::write(
            self.folder.join(number.to_string()),
            etag.map_or("", ETag::value),
        )
    }

    pub fn part_etag(&self, number: i32) -> Option<ETag> {
        fs::read_to_string(self.folder.join(number.to_string()))
            .ok()
            .map(ETag::Strong)
    }

    /// Checks what a completion claims before s3s-fs starts on it, since that destroys the upload
    /// when it fails.
    pub fn check_parts(&self, root: &Path, parts: &[CompletedPart]) -> S3Result<()> {
        let numbers: Vec<i32> = parts
            .iter()
            .map(|part| part.part_number.unwrap_or(0))
            .collect();
        if !numbers.is_sorted_by(|one, next| one < next) {
            return Err(s3_error!(InvalidPartOrder));
        }
        for (position, part) in parts.iter().enumerate() {
            let number = numbers[position];
            let file = root.join(format!(".upload_id-{}.part-{number}", self.id));
            let (Some(etag), Ok(metadata)) = (self.part_etag(number), fs::metadata(file)) else {
                return Err(s3_error!(InvalidPart));
            };
            if part
                .e_tag
                .as_ref()
                .is_some_and(|claimed| claimed.value() != etag.value())
            {
                return Err(s3_error!(InvalidPart));
            }
            if position + 1 < parts.len() && metadata.len() < PART_BYTES_MIN {
                return Err(s3_error!(EntityTooSmall));
            }
            if number as usize != position + 1 {
                return Err(s3_error!(
                    NotImplemented,
                    "s3s-fs wants parts 1, 2, 3 without gaps"
                ));
            }
        }
        Ok(())
    }

    /// Forgets the upload, with the parts that it left.
    pub fn end(self, root: &Path) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            // Those that the object took are gone.
            let _ = fs::remove_file(root.join(format!(
                ".upload_id-{}.part-{}",
                self.id,
                name.display()
            )));
        }
        fs::remove_dir_all(self.folder)
    }
}

/// The open uploads to a bucket, as S3 sorts them.
pub(super) fn open_in(root: &Path, bucket: &str) -> io::Result<Vec<Upload>> {
    let mut uploads = Vec::new();
    for entry in fs::read_dir(root.join(".uploads"))? {
        // One that has just ended is none.
        uploads.extend(Upload::open(entry?.path()).filter(|upload| upload.bucket == bucket));
    }
    uploads.sort_by(|one, other| (&one.key, one.initiated).cmp(&(&other.key, other.initiated)));
    Ok(uploads)
}
