output "repository" {
  description = "Where the image is pushed to."
  value       = aws_ecr_repository.this.repository_url
}

output "buckets" {
  description = "Names of the buckets."
  value       = module.storage.buckets
}

output "cluster" {
  description = "Name of the ECS cluster."
  value       = module.ecs.cluster
}

output "network" {
  description = "Where tasks run, as aws ecs run-task takes it."
  value = format(
    "awsvpcConfiguration={subnets=[%s],securityGroups=[%s],assignPublicIp=%s}",
    join(",", module.ecs.client.subnet_ids),
    module.ecs.client.security_group,
    module.ecs.client.public_subnets ? "ENABLED" : "DISABLED",
  )
}

output "operator_policy_arn" {
  description = "Policy of who works with the cluster."
  value       = module.ecs.operator_policy_arn
}

output "log_group" {
  description = "Logs of all tasks."
  value       = module.ecs.log_group
}

output "incoming" {
  description = "Where deliveries go."
  value       = module.pipeline.incoming
}

output "state_machine_arn" {
  description = "What became of deliveries."
  value       = module.pipeline.state_machine_arn
}
