//! Multipart uploads of [`Store`].

use s3s::dto::*;
use s3s::{S3 as _, S3Error, S3Request, S3Response, S3Result, s3_error};

use super::store::{Reply, Store};
use super::uploads::{self, Upload};

impl Store {
    fn find_upload(&self, id: &str, bucket: &str, key: &str) -> S3Result<Upload> {
        self.locate(bucket, key)?;
        Upload::find(&self.root, id, bucket, key)
    }

    pub async fn create_multipart_upload(
        &self,
        mut req: S3Request<CreateMultipartUploadInput>,
    ) -> Reply<CreateMultipartUploadOutput> {
        let input = &mut req.input;
        let place = self.locate(&input.bucket, &input.key)?;
        let bucket = std::mem::replace(&mut input.bucket, place.bucket);
        let key = std::mem::replace(&mut input.key, place.key);
        let mut reply = self.files.create_multipart_upload(req).await?;
        let id = reply.output.upload_id.as_deref().unwrap_or_default();
        Upload::begin(&self.root, id, &bucket, &key).map_err(S3Error::internal_error)?;
        (reply.output.bucket, reply.output.key) = (Some(bucket), Some(key));
        Ok(reply)
    }

    pub async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Reply<UploadPartOutput> {
        let UploadPartInput {
            upload_id,
            bucket,
            key,
            part_number,
            ..
        } = &req.input;
        let upload = self.find_upload(upload_id, bucket, key)?;
        let number = check_part_number(*part_number)?;
        let reply = self.files.upload_part(req).await?;
        upload
            .add_part(number, reply.output.e_tag.as_ref())
            .map_err(S3Error::internal_error)?;
        Ok(reply)
    }

    pub async fn upload_part_copy(
        &self,
        mut req: S3Request<UploadPartCopyInput>,
    ) -> Reply<UploadPartCopyOutput> {
        let _shared = self.objects.read().await;
        let input = &mut req.input;
        let upload = self.find_upload(&input.upload_id, &input.bucket, &input.key)?;
        let number = check_part_number(input.part_number)?;
        self.locate_source(&mut input.copy_source)?;
        let reply = self.files.upload_part_copy(req).await?;
        let result = reply.output.copy_part_result.as_ref();
        let etag = result.and_then(|result| result.e_tag.as_ref());
        upload
            .add_part(number, etag)
            .map_err(S3Error::internal_error)?;
        Ok(reply)
    }

    pub async fn complete_multipart_upload(
        &self,
        mut req: S3Request<CompleteMultipartUploadInput>,
    ) -> Reply<CompleteMultipartUploadOutput> {
        let _alone = self.objects.write().await;
        let input = &mut req.input;
        let upload = self.find_upload(&input.upload_id, &input.bucket, &input.key)?;
        let parts = input
            .multipart_upload
            .as_ref()
            .and_then(|upload| upload.parts.as_deref());
        upload.check_parts(&self.root, parts.unwrap_or_default())?;
        let conditions = (input.if_match.take(), input.if_none_match.take());
        let target = (upload.bucket.as_str(), upload.key.as_str());
        let place = self
            .locate_for_write(target, conditions.0, conditions.1)
            .await?;
        (input.bucket, input.key) = (place.bucket, place.key);
        let reply = self.files.complete_multipart_upload(req).await?;
        // s3s-fs has done all by now, and only its answer is still to come.
        let mut output = match reply.output.future {
            Some(future) => future.await?,
            None => reply.output,
        };
        (output.bucket, output.key) = (Some(upload.bucket.clone()), Some(upload.key.clone()));
        upload.end(&self.root).map_err(S3Error::internal_error)?;
        Ok(S3Response::new(output))
    }

    pub async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Reply<AbortMultipartUploadOutput> {
        let _alone = self.objects.write().await;
        let AbortMultipartUploadInput {
            upload_id,
            bucket,
            key,
            ..
        } = &req.input;
        let upload = self.find_upload(upload_id, bucket, key)?;
        let reply = self.files.abort_multipart_upload(req).await?;
        upload.end(&self.root).map_err(S3Error::internal_error)?;
        Ok(reply)
    }

    pub async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Reply<ListPartsOutput> {
        let ListPartsInput {
            upload_id,
            bucket,
            key,
            ..
        } = &req.input;
        let upload = self.find_upload(upload_id, bucket, key)?;
        let mut reply = self.files.list_parts(req).await?;
        if let Some(parts) = &mut reply.output.parts {
            parts.sort_by_key(|part| part.part_number);
            for part in parts {
                part.e_tag = part.part_number.and_then(|number| upload.part_etag(number));
            }
        }
        reply.output.is_truncated = Some(false);
        Ok(reply)
    }

    /// The open uploads, page by page; s3s-fs has nothing for this.
    pub async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> Reply<ListMultipartUploadsOutput> {
        let input = req.input;
        self.check_bucket(&input.bucket)?;
        let mut open =
            uploads::open_in(&self.root, &input.bucket).map_err(S3Error::internal_error)?;
        // As S3 has it: by key and, for one key, by id behind the marker.
        open.sort_by(|one, other| (&one.key, &one.id).cmp(&(&other.key, &other.id)));
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let is_new = |upload: &Upload| match (&input.key_marker, &input.upload_id_marker) {
            (Some(key), Some(id)) => (&upload.key, &upload.id) > (key, id),
            (Some(key), None) => upload.key > *key,
            (None, _) => true,
        };
        open.retain(|upload| upload.key.starts_with(prefix) && is_new(upload));
        let limit = self.faults.uploads_per_page();
        let is_truncated = open.len() > limit;
        open.truncate(limit);
        let last = open.last().filter(|_| is_truncated);
        Ok(S3Response::new(ListMultipartUploadsOutput {
            next_key_marker: last.map(|upload| upload.key.clone()),
            next_upload_id_marker: last.map(|upload| upload.id.clone()),
            is_truncated: Some(is_truncated),
            uploads: Some(open.into_iter().map(listed).collect()),
            bucket: Some(input.bucket),
            prefix: input.prefix,
            ..Default::default()
        }))
    }
}

fn listed(upload: Upload) -> MultipartUpload {
    MultipartUpload {
        key: Some(upload.key),
        upload_id: Some(upload.id),
        initiated: Some(upload.initiated.into()),
        ..Default::default()
    }
}

fn check_part_number(number: PartNumber) -> S3Result<PartNumber> {
    if (1..=10_000).contains(&number) {
        Ok(number)
    } else {
        Err(s3_error!(InvalidArgument))
    }
}
