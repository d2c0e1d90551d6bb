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

locals {
  log_uri = "s3://${var.buckets.logs}/emr/"
  # Deliveries run side by side.
  step_concurrency = 10
  # Whose clusters these are, for policies; and AWS' policy for EMR covers only what bears its tag.
  tags = merge(local.managed_tag, { cinemill = var.name })

  bootstrap = {
    name = "cinemill"
    path = "s3://${aws_s3_object.bootstrap.bucket}/${aws_s3_object.bootstrap.key}"
  }
  bootstrap_args = concat(
    [
      "--release", "s3://${var.buckets.releases}/${var.release_key}",
      "--sha256", var.release_sha256,
      "--region", data.aws_region.this.name,
      "--log-group", aws_cloudwatch_log_group.this.name,
    ],
    var.autoscale == null ? [] : ["--autoscale", "${var.autoscale.min}:${var.autoscale.max}"],
  )
}

resource "aws_emr_cluster" "this" {
  count = var.permanent ? 1 : 0

  name                              = var.name
  release_label                     = var.release_label
  service_role                      = aws_iam_role.service.arn
  security_configuration            = aws_emr_security_configuration.this.name
  log_uri                           = local.log_uri
  keep_job_flow_alive_when_no_steps = true
  step_concurrency_level            = local.step_concurrency
  visible_to_all_users              = true
  tags                              = local.tags

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
    name = local.bootstrap.name
    path = local.bootstrap.path
    args = concat(
      local.bootstrap_args, ["--state-dir", "s3://${var.buckets.lake}/_cinemill/${var.name}"]
    )
  }

  dynamic "auto_termination_policy" {
    for_each = var.idle_hours == null ? [] : [var.idle_hours]

    content {
      idle_timeout = floor(auto_termination_policy.value * 3600)
    }
  }

  # Nodes need their rights while they start, and EMR its own until the last one is gone.
  depends_on = [
    aws_ec2_tag.subnet,
    aws_iam_role_policy.nodes,
    aws_iam_role_policy.pass_nodes,
    aws_iam_role_policy.scale,
    aws_iam_role_policy_attachment.service,
    aws_vpc_security_group_egress_rule.cinemill,
    aws_vpc_security_group_egress_rule.service,
    aws_vpc_security_group_ingress_rule.cinemill,
    aws_vpc_security_group_ingress_rule.service,
  ]
}

# Spot instances, since losing one costs a piece of a run, not the run.
resource "aws_emr_instance_group" "task" {
  count = var.permanent ? 1 : 0

  cluster_id     = aws_emr_cluster.this[0].id
  name           = "task"
  instance_type  = var.executor_type
  instance_count = var.task_nodes
  bid_price      = var.task_bid_usd

  ebs_config {
    size                 = var.disk_gb
    type                 = "gp3"
    volumes_per_instance = 1
  }

  # EMR's managed scaling knows only YARN; `cinemill scale` and the controller change it.
  lifecycle {
    ignore_changes = [instance_count]
  }
}
