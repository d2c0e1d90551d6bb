output "buckets" {
  description = "Names of the buckets."
  value       = module.storage.buckets
}

output "cluster_id" {
  description = "Id of the EMR cluster."
  value       = module.emr.cluster_id
}

output "incoming" {
  description = "Where deliveries go."
  value       = module.pipeline.incoming
}

output "warehouse" {
  description = "What cinemill load and cinemill query take as --to."
  value       = module.warehouse.target
}

output "admin_secret_arn" {
  description = "Where Secrets Manager keeps the warehouse administrator's password."
  value       = module.warehouse.admin_secret_arn
}
