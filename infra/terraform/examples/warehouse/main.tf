# From deliveries to Redshift: what the example emr has, and a warehouse that each table is loaded
# into.
module "storage" {
  source = "../../modules/storage"
  name   = var.name
}

module "warehouse" {
  source      = "../../modules/warehouse"
  name        = var.name
  lake_bucket = module.storage.buckets.lake
  vpc_id      = var.vpc_id
  subnet_ids  = var.subnet_ids
  alarm_email = var.alarm_email
}

module "emr" {
  source         = "../../modules/emr"
  name           = var.name
  vpc_id         = var.vpc_id
  subnet_id      = var.subnet_ids[0]
  private_subnet = false
  buckets        = module.storage.buckets
  release_key    = var.release_key
  release_sha256 = var.release_sha256
  policy_arns    = { load = module.warehouse.load_policy_arn }
}

module "pipeline" {
  source           = "../../modules/pipeline"
  name             = "${var.name}-films"
  raw_bucket       = module.storage.buckets.raw
  output           = "s3://${module.storage.buckets.lake}/tables/imdb_titles"
  load_to          = module.warehouse.target
  emr              = { cluster_id = module.emr.cluster_id }
  alarm_topic_arns = [module.warehouse.alarm_topic_arn]
}
