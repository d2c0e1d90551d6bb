//! s3s-fs, made to behave like S3 where it does not by itself:
//!
//! - Conditions are checked under a lock, not before a race. They count on GET and HEAD, on DELETE
//!   and on the completion of an upload, too.
//! - Nobody sees an object with the ETag of the one before it: a write changes both under the lock.
//! - Missing buckets, keys, uploads and parts get S3's errors. A write does not make a bucket, and
//!   a key that is a folder on the disk is no object.
//! - Listings have ETags; open uploads can be listed; a failed completion leaves its upload alone.
//! - Keys can be long (see [`Store::place_of`]).

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::{HeaderMap, Method, Uri};
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::*;
use s3s::{Body, S3 as _, S3Error, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::RwLock;

use super::faults::Faults;

/// As many as S3 ever lists in one answer.
const PAGE_KEYS: i32 = 1000;

/// What s3s-fs can take of a key's last part, given the name of the bucket that it gets to see.
const NAME_BYTES_MAX: usize = 110;

pub(super) struct Store {
    pub files: FileSystem,
    pub root: PathBuf,
    pub faults: Arc<Faults>,
    /// Held to change objects, and shared to look at them.
    pub objects: RwLock<()>,
}

pub(super) type Reply<T> = S3Result<S3Response<T>>;

/// An object as s3s-fs is to see it.
pub(super) struct Place {
    pub bucket: String,
    pub key: String,
    path: PathBuf,
}

impl Store {
    pub fn new(root: &Path, faults: Arc<Faults>) -> io::Result<Self> {
        for folder in [".aliases", ".uploads"] {
            fs::create_dir_all(root.join(folder))?;
        }
        let files =
            FileSystem::new(root).map_err(|error| io::Error::other(format!("{error:?}")))?;
        Ok(Self {
            files,
            root: root.to_owned(),
            faults,
            objects: RwLock::new(()),
        })
    }

    pub fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.root.join(bucket).is_dir() {
            Ok(())
        } else {
            Err(s3_error!(NoSuchBucket))
        }
    }

    /// Finds the place of an object that the client wants, unless it is denied.
    pub fn locate(&self, bucket: &str, key: &str) -> S3Result<Place> {
        let place = self.place_of(bucket, key)?;
        self.faults.check_key(key)?;
        Ok(place)
    }

    /// Finds the place of an object.
    ///
    /// s3s-fs keeps what it knows of an object in a file that is named after the bucket and the
    /// whole key, and so fails with keys of more than about 120 bytes. It gets to see the key's
    /// folder as a bucket with a short name instead, a link, and only the last part as the key.
    fn place_of(&self, bucket: &str, key: &str) -> S3Result<Place> {
        self.check_bucket(bucket)?;
        let path = self.root.join(bucket).join(key);
        let (Some(folder), Some(name)) = (path.parent(), key.rsplit('/').next()) else {
            return Err(s3_error!(InvalidArgument));
        };
        let is_path = !key.split('/').any(|part| matches!(part, "" | "." | ".."));
        if !is_path || name.len() > NAME_BYTES_MAX {
            return Err(s3_error!(
                InvalidArgument,
                "this server keeps keys as paths, the last part in {NAME_BYTES_MAX} bytes"
            ));
        }
        let hash = u128::from_be_bytes(Md5::checksum(folder.as_os_str().as_encoded_bytes()));
        let alias = format!(".aliases/{:016x}", hash >> 64);
        match symlink(folder, self.root.join(&alias)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(S3Error::internal_error(error))
            }
            _ => Ok(Place {
                bucket: alias,
                key: name.to_owned(),
                path,
            }),
        }
    }

    /// The place of an object that must be there.
    fn locate_existing(&self, bucket: &str, key: &str) -> S3Result<Place> {
        let place = self.locate(bucket, key)?;
        if place.path.is_file() {
            Ok(place)
        } else {
            Err(s3_error!(NoSuchKey))
        }
    }

    /// The place of an object that is about to be written, under the lock.
    pub async fn locate_for_write(
        &self,
        (bucket, key): (&str, &str),
        if_match: Option<IfMatch>,
        if_none_match: Option<IfNoneMatch>,
    ) -> S3Result<Place> {
        let place = self.locate(bucket, key)?;
        if self.faults.conditions_count() {
            self.check_write(&place, if_match, if_none_match).await?;
        }
        let is_free = place
            .path
            .parent()
            .is_some_and(|folder| fs::create_dir_all(folder).is_ok());
        if !is_free || place.path.is_dir() {
            return Err(s3_error!(
                InvalidArgument,
                "this server cannot keep both a and a/b"
            ));
        }
        Ok(place)
    }

    async fn check_write(
        &self,
        place: &Place,
        if_match: Option<IfMatch>,
        if_none_match: Option<IfNoneMatch>,
    ) -> S3Result<()> {
        let exists = place.path.is_file();
        match if_none_match {
            Some(ETagCondition::Any) if exists => return Err(s3_error!(PreconditionFailed)),
            // S3 knows nothing but the asterisk here.
            Some(ETagCondition::ETag(_)) => return Err(s3_error!(NotImplemented)),
            _ => {}
        }
        match if_match {
            Some(_) if !exists => Err(s3_error!(NoSuchKey)),
            Some(ETagCondition::ETag(wanted)) if !wanted.strong_cmp(&self.etag(place).await?) => {
                Err(s3_error!(PreconditionFailed))
            }
            _ => Ok(()),
        }
    }

    async fn head(&self, place: &Place) -> Reply<HeadObjectOutput> {
        let (bucket, key) = (place.bucket.clone(), place.key.clone());
        self.files
            .head_object(request(HeadObjectInput {
                bucket,
                key,
                ..Default::default()
            }))
            .await
    }

    async fn etag(&self, place: &Place) -> S3Result<ETag> {
        self.head(place)
            .await?
            .output
            .e_tag
            .ok_or_else(|| s3_error!(InternalError))
    }

    async fn check_read(
        &self,
        place: &Place,
        if_match: Option<IfMatch>,
        if_none_match: Option<IfNoneMatch>,
    ) -> S3Result<()> {
        if if_match.is_none() && if_none_match.is_none() {
            return Ok(());
        }
        let etag = self.etag(place).await?;
        let is_same = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(other) => etag.weak_cmp(other),
        };
        if if_match.is_some_and(|condition| !is_same(&condition)) {
            return Err(s3_error!(PreconditionFailed));
        }
        if if_none_match.is_some_and(|condition| is_same(&condition)) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }

    pub async fn get_object(&self, mut req: S3Request<GetObjectInput>) -> Reply<GetObjectOutput> {
        let _shared = self.objects.read().await;
        let input = &mut req.input;
        let place = self.locate_existing(&input.bucket, &input.key)?;
        self.check_read(&place, input.if_match.take(), input.if_none_match.take())
            .await?;
        let length = fs::metadata(&place.path)
            .map_err(S3Error::internal_error)?
            .len();
        if let Some(Range::Suffix { length: wanted }) = &mut input.range {
            // s3s-fs fails to seek to before the first byte.
            *wanted = length.min(*wanted);
        }
        let with_checksum = input.checksum_mode.is_some();
        (input.bucket, input.key) = (place.bucket, place.key);
        let mut reply = self.files.get_object(req).await?;
        if !with_checksum {
            let output = &mut reply.output;
            output.checksum_crc32 = None;
            output.checksum_crc32c = None;
            output.checksum_crc64nvme = None;
            output.checksum_sha1 = None;
            output.checksum_sha256 = None;
        }
        Ok(reply)
    }

    pub async fn head_object(
        &self,
        mut req: S3Request<HeadObjectInput>,
    ) -> Reply<HeadObjectOutput> {
        let _shared = self.objects.read().await;
        let input = &mut req.input;
        let place = self.locate_existing(&input.bucket, &input.key)?;
        self.check_read(&place, input.if_match.take(), input.if_none_match.take())
            .await?;
        (input.bucket, input.key) = (place.bucket, place.key);
        self.files.head_object(req).await
    }

    pub async fn list_objects_v2(
        &self,
        mut req: S3Request<ListObjectsV2Input>,
    ) -> Reply<ListObjectsV2Output> {
        let _shared = self.objects.read().await;
        let bucket = req.input.bucket.clone();
        self.check_bucket(&bucket)?;
        req.input.max_keys = Some(req.input.max_keys.unwrap_or(PAGE_KEYS).min(PAGE_KEYS));
        let mut reply = self.files.list_objects_v2(req).await?;
        for object in reply.output.contents.iter_mut().flatten() {
            let key = object.key.as_deref().unwrap_or_default();
            // Denied keys are listed as all others.
            object.e_tag = Some(self.etag(&self.place_of(&bucket, key)?).await?);
        }
        Ok(reply)
    }

    pub async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> Reply<PutObjectOutput> {
        let input = &mut req.input;
        self.locate(&input.bucket, &input.key)?;
        // Read in full before the lock is taken, lest a slow client holds up all others.
        if let Some(body) = input.body.take() {
            let mut body = Body::from(body);
            let bytes = body.store_all_limited(usize::MAX).await;
            let bytes = bytes
                .map_err(|error| S3Error::with_source(s3s::S3ErrorCode::IncompleteBody, error))?;
            input.body = Some(StreamingBlob::from(Body::from(bytes)));
        }
        let _alone = self.objects.write().await;
        let conditions = (input.if_match.take(), input.if_none_match.take());
        let place = self
            .locate_for_write((&input.bucket, &input.key), conditions.0, conditions.1)
            .await?;
        (input.bucket, input.key) = (place.bucket, place.key);
        self.files.put_object(req).await
    }

    pub async fn copy_object(
        &self,
        mut req: S3Request<CopyObjectInput>,
    ) -> Reply<CopyObjectOutput> {
        let _alone = self.objects.write().await;
        let input = &mut req.input;
        let source = self.locate_source(&mut input.copy_source)?;
        let place = self
            .locate_for_write((&input.bucket, &input.key), None, None)
            .await?;
        if source.path != place.path {
            // s3s-fs would write over the bytes that somebody may be reading.
            let _ = fs::remove_file(&place.path);
        }
        (input.bucket, input.key) = (place.bucket, place.key);
        self.files.copy_object(req).await
    }

    pub fn locate_source(&self, source: &mut CopySource) -> S3Result<Place> {
        let CopySource::Bucket { bucket, key, .. } = source else {
            return Err(s3_error!(NotImplemented));
        };
        let place = self.locate_existing(bucket, key)?;
        (*bucket, *key) = (place.bucket.as_str().into(), place.key.as_str().into());
        Ok(place)
    }

    pub async fn delete_object(
        &self,
        mut req: S3Request<DeleteObjectInput>,
    ) -> Reply<DeleteObjectOutput> {
        let _alone = self.objects.write().await;
        let input = &mut req.input;
        let place = self.locate(&input.bucket, &input.key)?;
        if self.faults.conditions_count() {
            self.check_write(&place, input.if_match.take(), None)
                .await?;
        }
        remove(&place.path)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    pub async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> Reply<DeleteObjectsOutput> {
        let _alone = self.objects.write().await;
        let DeleteObjectsInput { bucket, delete, .. } = req.input;
        self.check_bucket(&bucket)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in delete.objects {
            let key = Some(object.key.clone());
            match self
                .locate(&bucket, &object.key)
                .and_then(|place| remove(&place.path))
            {
                Ok(()) => deleted.push(DeletedObject {
                    key,
                    ..Default::default()
                }),
                Err(error) => errors.push(s3s::dto::Error {
                    key,
                    code: Some(error.code().as_str().to_owned()),
                    ..Default::default()
                }),
            }
        }
        let output = DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }
}

fn remove(path: &Path) -> S3Result<()> {
    // Where there is no object, S3 is content; and a folder is none.
    if path.is_file() {
        fs::remove_file(path).map_err(S3Error::internal_error)
    } else {
        Ok(())
    }
}

/// A request as if from a client, for what has to be asked of s3s-fs.
fn request<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: Method::GET,
        uri: Uri::default(),
        headers: HeaderMap::default(),
        extensions: Default::default(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}
