# What Airflow needs to make an EMR cluster for each run, and to end it afterwards: buckets, roles,
# groups and a cluster file, and no cluster.
module "storage" {
  source = "../../modules/storage"
  name   = var.name
}

module "emr" {
  source         = "../../modules/emr"
  name           = var.name
  permanent      = false
  vpc_id         = var.vpc_id
  subnet_id      = var.subnet_id
  private_subnet = var.private_subnet
  buckets        = module.storage.buckets
  release_key    = var.release_key
  release_sha256 = var.release_sha256
}

resource "aws_iam_role_policy_attachment" "worker" {
  role       = var.worker_role
  policy_arn = module.emr.operator_policy_arn
}
