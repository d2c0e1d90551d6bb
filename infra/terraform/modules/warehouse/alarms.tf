# Not encrypted: with AWS' own key for SNS, alarms and budgets could not publish, and the messages
# hold no data.
resource "aws_sns_topic" "alarms" {
  name = "${var.name}-alarms"
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
      # Of this account; the fifth part of the ARN is its number.
      Condition = { StringEquals = { "aws:SourceAccount" = split(":", aws_sns_topic.alarms.arn)[4] } }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "queries_failed" {
  alarm_name          = "${var.name}-queries-failed"
  alarm_description   = "Five questions or loads failed within a quarter of an hour."
  namespace           = "AWS/Redshift-Serverless"
  metric_name         = "QueriesFailed"
  dimensions          = { Workgroup = aws_redshiftserverless_workgroup.this.workgroup_name }
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 1
  threshold           = 5
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "compute" {
  alarm_name          = "${var.name}-compute"
  alarm_description   = "80 % of the day's RPU hours are used up; at 100 % the warehouse stops."
  namespace           = "AWS/Redshift-Serverless"
  metric_name         = "ComputeSeconds"
  dimensions          = { Workgroup = aws_redshiftserverless_workgroup.this.workgroup_name }
  statistic           = "Sum"
  period              = 86400
  evaluation_periods  = 1
  threshold           = var.rpu_hours_per_day * 3600 * 0.8
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_budgets_budget" "month" {
  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type         = notification.key
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      comparison_operator       = "GREATER_THAN"
      subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
    }
  }

  # AWS tries whether it may publish.
  depends_on = [aws_sns_topic_policy.alarms]
}
