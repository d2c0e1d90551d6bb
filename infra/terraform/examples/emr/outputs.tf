output "buckets" {
  description = "Names of the buckets."
  value       = module.storage.buckets
}

output "cluster_id" {
  description = "Id of the EMR cluster."
  value       = module.emr.cluster_id
}

output "scheduler" {
  description = "Address of the scheduler inside the network."
  value       = module.emr.scheduler
}

output "cluster_file" {
  description = "What cinemill cluster create makes another cluster of."
  value       = module.emr.cluster_file
}

output "operator_policy_arn" {
  description = "Policy of who works with the cluster."
  value       = module.emr.operator_policy_arn
}

output "incoming" {
  description = "Where deliveries go."
  value       = module.pipeline.incoming
}

output "state_machine_arn" {
  description = "What became of deliveries."
  value       = module.pipeline.state_machine_arn
}
