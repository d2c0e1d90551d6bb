resource "aws_cloudwatch_log_group" "this" {
  name              = "/cinemill/${var.name}"
  retention_in_days = var.logs_days
}

resource "aws_emr_security_configuration" "this" {
  name = var.name

  # Version 2 only, and not from containers on the nodes.
  configuration = jsonencode({
    InstanceMetadataServiceConfiguration = {
      MinimumInstanceMetadataServiceVersion = 2
      HttpPutResponseHopLimit               = 1
    }
  })
}

# Under its checksum: nodes of running clusters join with the script that they began with.
resource "aws_s3_object" "bootstrap" {
  bucket       = var.buckets.releases
  key          = "bootstrap/${filesha256("${path.module}/files/bootstrap.sh")}.sh"
  source       = "${path.module}/files/bootstrap.sh"
  content_type = "text/x-shellscript"
}

data "aws_region" "this" {}

resource "aws_emr_cluster" "this" {
  name                              = var.name
  release_label                     = var.release_label
  service_role                      = aws_iam_role.service.arn
  security_configuration            = aws_emr_security_configuration.this.name
  log_uri                           = "s3://${var.buckets.logs}/emr/"
  keep_job_flow_alive_when_no_steps = true
  # Deliveries run side by side.
  step_concurrency_level = 10
  visible_to_all_users   = true
  tags                   = local.managed_tag

  # The least that EMR boots with. YARN judges the health of nodes; nothing runs on it.
  applications = ["Hadoop"]

  ec2_attributes {
    subnet_id                         = var.subnet_id
    instance_profile                  = aws_iam_instance_profile.nodes.arn
    emr_managed_master_security_group = aws_security_group.primary.id
    emr_managed_slave_security_group  = aws_security_group.executors.id
    service_access_security_group     = one(aws_security_group.service[*].id)
    additional_master_security_groups = aws_security_group.cinemill.id
    additional_slave_security_groups  = aws_security_group.cinemill.id
  }

  master_instance_group {
    instance_type = var.primary_type
  }

  core_instance_group {
    instance_type  = var.executor_type
    instance_count = var.core_nodes

    ebs_config {
      size                 = var.disk_gb
      type                 = "gp3"
      volumes_per_instance = 1
    }
  }

  bootstrap_action {
    name = "cinemill"
    path = "s3://${aws_s3_object.bootstrap.bucket}/${aws_s3_object.bootstrap.key}"
    args = [
      "--release", "s3://${var.buckets.releases}/${var.release_key}",
      "--sha256", var.release_sha256,
      "--region", data.aws_region.this.name,
      "--state-dir", "s3://${var.buckets.lake}/_cinemill/${var.name}",
      "--log-group", aws_cloudwatch_log_group.this.name,
    ]
  }

  # Nodes need their rights while they start, and EMR its own until the last one is gone.
  depends_on = [
    aws_ec2_tag.subnet,
    aws_iam_role_policy.nodes,
    aws_iam_role_policy.pass_nodes,
    aws_iam_role_policy_attachment.service,
    aws_vpc_security_group_egress_rule.cinemill,
    aws_vpc_security_group_egress_rule.service,
    aws_vpc_security_group_ingress_rule.cinemill,
    aws_vpc_security_group_ingress_rule.service,
  ]
}

# Spot instances, since losing one costs a piece of a run, not the run.
resource "aws_emr_instance_group" "task" {
  cluster_id     = aws_emr_cluster.this.id
  name           = "task"
  instance_type  = var.executor_type
  instance_count = var.task_nodes
  bid_price      = var.task_bid_usd

  ebs_config {
    size                 = var.disk_gb
    type                 = "gp3"
    volumes_per_instance = 1
  }

  # EMR's managed scaling knows only YARN; the fleet is scaled from outside.
  lifecycle {
    ignore_changes = [instance_count]
  }
}
