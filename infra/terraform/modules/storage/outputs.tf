output "buckets" {
  description = "Names of the buckets, by releases, raw, lake and logs."
  value       = { for key, bucket in aws_s3_bucket.this : key => bucket.bucket }

  # Whoever uses a bucket does so after it was closed to the public.
  depends_on = [aws_s3_bucket_public_access_block.this, aws_s3_bucket_policy.tls_only]
}
