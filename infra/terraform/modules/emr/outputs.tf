output "cluster_id" {
  description = "Id of the cluster, to which steps are added."
  value       = aws_emr_cluster.this.id
}

output "task_group_id" {
  description = "Id of the group that is made larger and smaller."
  value       = aws_emr_instance_group.task.id
}

output "scheduler" {
  description = "Address of the scheduler inside the network."
  value       = "${aws_emr_cluster.this.master_public_dns}:50050"
}

output "log_group" {
  description = "CloudWatch's group with the logs of scheduler and executors."
  value       = aws_cloudwatch_log_group.this.name
}
