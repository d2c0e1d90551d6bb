output "cluster_id" {
  description = "Id of the cluster, to which steps are added; null without a permanent one."
  value       = one(aws_emr_cluster.this[*].id)
}

output "scheduler" {
  description = "Address of the scheduler inside the network; null without a permanent cluster."
  value       = one([for cluster in aws_emr_cluster.this : "${cluster.master_public_dns}:50050"])
}

output "cluster_file" {
  description = "What cinemill cluster create reads to make a cluster of this kind, with a ledger of its own."
  value = templatefile("${path.module}/files/cluster.toml.tftpl", {
    name                   = var.name
    release_label          = var.release_label
    log_uri                = local.log_uri
    service_role           = aws_iam_role.service.arn
    instance_profile       = aws_iam_instance_profile.nodes.name
    subnet_id              = var.subnet_id
    security_configuration = aws_emr_security_configuration.this.name
    step_concurrency       = local.step_concurrency
    tags                   = local.tags
    primary_group          = aws_security_group.primary.id
    executors_group        = aws_security_group.executors.id
    service_group          = one(aws_security_group.service[*].id)
    cinemill_group         = aws_security_group.cinemill.id
    primary_type           = var.primary_type
    executor_type          = var.executor_type
    core_nodes             = var.core_nodes
    task_nodes             = var.task_nodes
    task_bid_usd           = var.task_bid_usd
    disk_gb                = var.disk_gb
    bootstrap              = local.bootstrap
    # Two schedulers cannot share a ledger; {cluster} becomes the cluster's id.
    bootstrap_args = concat(
      local.bootstrap_args,
      ["--state-dir", "s3://${var.buckets.lake}/_cinemill/${var.name}-clusters/{cluster}"]
    )
  })

  # Whoever has the file may begin.
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

output "security_group_id" {
  description = "Group of all nodes; machines in it reach the scheduler."
  value       = aws_security_group.cinemill.id
}

output "operator_policy_arn" {
  description = "Policy of who makes, resizes and ends these clusters and adds steps to them: an Airflow worker, or people."
  value       = aws_iam_policy.operator.arn
}

output "log_group" {
  description = "CloudWatch's group with the logs of scheduler and executors."
  value       = aws_cloudwatch_log_group.this.name
}
