output "state_machine_arn" {
  description = "The state machine, one execution for each delivery."
  value       = aws_sfn_state_machine.this.arn
}

output "incoming" {
  description = "Where deliveries go: files below a folder of this one, _READY last."
  value       = "s3://${var.raw_bucket}/incoming"
}
