output "target" {
  description = "What cinemill load takes as --to."
  value       = "redshift://${aws_redshiftserverless_workgroup.this.workgroup_name}/${var.database}"
}

output "load_policy_arn" {
  description = "Policy of those who load; one of the policy_arns of the modules emr and ecs."
  value       = aws_iam_policy.load.arn
}

output "admin_secret_arn" {
  description = "Where Secrets Manager keeps the administrator's password."
  value       = aws_redshiftserverless_namespace.this.admin_password_secret_arn
}

output "alarm_topic_arn" {
  description = "Topic of all alarms."
  value       = aws_sns_topic.alarms.arn
}
