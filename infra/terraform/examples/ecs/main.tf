# A table of films on Fargate: deliveries in, a Parquet table out.
module "storage" {
  source = "../../modules/storage"
  name   = var.name
}

resource "aws_ecr_repository" "this" {
  name = var.name
  # A tag is one image for ever: scheduler and executors have to match.
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}

module "ecs" {
  source         = "../../modules/ecs"
  name           = var.name
  vpc_id         = var.vpc_id
  subnet_ids     = var.subnet_ids
  public_subnets = var.public_subnets
  buckets        = module.storage.buckets
  scaled_by      = var.scaled_by
  executors      = var.executors
  image          = "${aws_ecr_repository.this.repository_url}:${var.image_tag}"
}

module "pipeline" {
  source     = "../../modules/pipeline"
  name       = "${var.name}-films"
  raw_bucket = module.storage.buckets.raw
  output     = "s3://${module.storage.buckets.lake}/tables/imdb_titles"
  ecs        = module.ecs.client
}
