# A table of films on EMR: deliveries in, a Parquet table out.
module "storage" {
  source = "../../modules/storage"
  name   = var.name
}

module "emr" {
  source         = "../../modules/emr"
  name           = var.name
  vpc_id         = var.vpc_id
  subnet_id      = var.subnet_id
  private_subnet = var.private_subnet
  buckets        = module.storage.buckets
  release_key    = var.release_key
  release_sha256 = var.release_sha256
  autoscale      = var.autoscale
  idle_hours     = var.idle_hours
}

module "pipeline" {
  source     = "../../modules/pipeline"
  name       = "${var.name}-films"
  raw_bucket = module.storage.buckets.raw
  output     = "s3://${module.storage.buckets.lake}/tables/imdb_titles"
  emr        = { cluster_id = module.emr.cluster_id }
}
