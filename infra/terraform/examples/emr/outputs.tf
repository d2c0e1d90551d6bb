output "buckets" {
  description = "Names of the buckets."
  value       = module.storage.buckets
}

output "cluster_id" {
  description = "Id of the EMR cluster."
  value       = module.emr.cluster_id
}

output "task_group_id" {
  description = "Id of the group of spot executors."
  value       = module.emr.task_group_id
}

output "incoming" {
  description = "Where deliveries go."
  value       = module.pipeline.incoming
}

output "state_machine_arn" {
  description = "What became of deliveries."
  value       = module.pipeline.state_machine_arn
}
