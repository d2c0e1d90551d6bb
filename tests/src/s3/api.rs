//! Which operations the server has. All others are answered with 501.

use std::pin::Pin;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::store::Store;

/// Implements [`S3`] by inherent functions, or those of s3s-fs. The signature is what
/// `async_trait` makes of the trait's.
macro_rules! operations {
    ($($name:ident($input:ty) -> $output:ty = $call:expr;)*) => {
        impl S3 for Store {
            $(
                fn $name<'a, 'async_trait>(
                    &'a self,
                    req: S3Request<$input>,
                ) -> Pin<Box<dyn Future<Output = S3Result<S3Response<$output>>> + Send + 'async_trait>>
                where
                    'a: 'async_trait,
                    Self: 'async_trait,
                {
                    Box::pin($call(self, req))
                }
            )*
        }
    };
}

operations! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput = |store: &'a Store, req| store.files.create_bucket(req);
    head_bucket(HeadBucketInput) -> HeadBucketOutput = |store: &'a Store, req| store.files.head_bucket(req);
    list_buckets(ListBucketsInput) -> ListBucketsOutput = |store: &'a Store, req| store.files.list_buckets(req);
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput =
        |store: &'a Store, req| store.files.get_bucket_location(req);
    get_object(GetObjectInput) -> GetObjectOutput = Store::get_object;
    head_object(HeadObjectInput) -> HeadObjectOutput = Store::head_object;
    put_object(PutObjectInput) -> PutObjectOutput = Store::put_object;
    copy_object(CopyObjectInput) -> CopyObjectOutput = Store::copy_object;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = Store::delete_object;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = Store::delete_objects;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = Store::list_objects_v2;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput =
        Store::create_multipart_upload;
    upload_part(UploadPartInput) -> UploadPartOutput = Store::upload_part;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput = Store::upload_part_copy;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput =
        Store::complete_multipart_upload;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput =
        Store::abort_multipart_upload;
    list_parts(ListPartsInput) -> ListPartsOutput = Store::list_parts;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput =
        Store::list_multipart_uploads;
}
