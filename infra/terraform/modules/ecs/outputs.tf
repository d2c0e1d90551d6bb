output "cluster" {
  description = "Name of the cluster, as cinemill takes it: --target ecs --cluster <name>."
  value       = aws_ecs_cluster.this.name
}

output "scheduler" {
  description = "Address of the scheduler inside the network."
  value       = local.scheduler
}

output "operator_policy_arn" {
  description = "Policy of who looks at the cluster, resizes it, and runs cinemill as a task."
  value       = aws_iam_policy.operator.arn
}

output "log_group" {
  description = "CloudWatch's group with the logs of all tasks."
  value       = aws_cloudwatch_log_group.this.name
}

output "client" {
  description = "What it takes to run one cinemill command as a task; the pipeline module wants it."
  value = {
    cluster_arn     = aws_ecs_cluster.this.arn
    task_definition = aws_ecs_task_definition.client.arn
    container       = "client"
    role_arns       = [aws_iam_role.execution.arn, aws_iam_role.control.arn]
    subnet_ids      = var.subnet_ids
    security_group  = aws_security_group.this.id
    public_subnets  = var.public_subnets
  }
}
