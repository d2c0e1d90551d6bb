output "buckets" {
  description = "Names of the buckets."
  value       = module.storage.buckets
}

output "cluster_file" {
  description = "What cinemill cluster create makes a cluster of; the DAGs' settings name the file."
  value       = module.emr.cluster_file
}
