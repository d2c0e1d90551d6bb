# A delivery is the folder incoming/<delivery>/ of the raw bucket, and it is complete once it has the
# object _READY. That starts the state machine: run the job, load the table, and move the files to
# processed/<delivery>/ or failed/<delivery>/.
#
# EventBridge tells everything at least once. A run's id is made of the delivery and the sequencer of
# its _READY, so being told again runs nothing again, while delivering again does.

data "aws_region" "this" {}

locals {
  marker = "_READY"

  # Words of the commands, each a plain text or a JSONata expression.
  submit = [
    "submit", var.job,
    "--input", "{% 's3://${var.raw_bucket}/incoming/' & $delivery %}",
    "--output", var.output,
    "--run-id", "{% $run_id %}",
    "--queue", "deliveries",
    "--deadline", "${var.deadline_minutes}m",
  ]
  load = [
    "load", var.output,
    "--to", coalesce(var.load_to, "none"),
    "--create",
    "--deadline", "${var.deadline_minutes}m",
  ]
  commands = { Run = local.submit, Load = local.load }

  on_emr = { for state, words in local.commands : state => {
    Resource = "arn:aws:states:::elasticmapreduce:addStep.sync"
    Arguments = {
      ClusterId = try(var.emr.cluster_id, null)
      Step = {
        Name = "{% '${state} ' & $delivery %}"
        # The only choice where steps run side by side.
        ActionOnFailure = "CONTINUE"
        HadoopJarStep = {
          Jar  = "command-runner.jar"
          Args = concat(["env", "AWS_REGION=${data.aws_region.this.name}", "/usr/local/bin/cinemill"], words)
        }
      }
    }
  } }

  on_ecs = { for state, words in local.commands : state => {
    Resource = "arn:aws:states:::ecs:runTask.sync"
    Arguments = {
      Cluster        = try(var.ecs.cluster_arn, null)
      TaskDefinition = try(var.ecs.task_definition, null)
      LaunchType     = "FARGATE"
      NetworkConfiguration = {
        AwsvpcConfiguration = {
          Subnets        = try(var.ecs.subnet_ids, null)
          SecurityGroups = [try(var.ecs.security_group, null)]
          AssignPublicIp = try(var.ecs.public_subnets, false) ? "ENABLED" : "DISABLED"
        }
      }
      Overrides = {
        ContainerOverrides = [{ Name = try(var.ecs.container, null), Command = words }]
      }
    }
  } }

  # jsonencode between, since the two sides of a condition must be of one type.
  tasks = jsondecode(var.emr != null ? jsonencode(local.on_emr) : jsonencode(local.on_ecs))

  task_state = {
    Type = "Task"
    # cinemill ends by itself at its deadline; this is for what hangs.
    TimeoutSeconds = (var.deadline_minutes + 15) * 60
    # Neither step nor task tells the exit code, so all failures are tried once more: a run under its
    # old id, and a load has nothing to do if it was done.
    Retry = [{ ErrorEquals = ["States.TaskFailed"], IntervalSeconds = 60, MaxAttempts = 1 }]
    Catch = [{
      ErrorEquals = ["States.ALL"]
      Assign      = { target = "failed", cause = "{% $states.errorOutput %}" }
      Next        = "List"
    }]
  }

  # A single delivery in the order of its states. Files are moved by list, move, list …, until there
  # are none, so it does not matter how many there are or where an attempt ended.
  states = merge(
    {
      Read = {
        Type = "Pass"
        Assign = {
          delivery = "{% $substring($states.input.detail.object.key, 9, $length($states.input.detail.object.key) - ${length("incoming/") + length("/${local.marker}")}) %}"
          target   = "processed"
          cause    = {}
        }
        Next = "Name"
      }
      Name = {
        Type = "Pass"
        Assign = {
          # What run ids may consist of.
          run_id = "{% 'd-' & $substring($replace($delivery, /[^A-Za-z0-9_.-]/, '-'), 0, 80) & '-' & $states.input.detail.object.sequencer %}"
        }
        Next = "Run"
      }
      Run = merge(local.task_state, local.tasks.Run, {
        Next = var.load_to == null ? "List" : "Load"
      })
      List = {
        Type     = "Task"
        Resource = "arn:aws:states:::aws-sdk:s3:listObjectsV2"
        Arguments = {
          Bucket  = var.raw_bucket
          Prefix  = "{% 'incoming/' & $delivery & '/' %}"
          MaxKeys = 100
        }
        Assign = { keys = "{% [$states.result.Contents.Key] %}" }
        Next   = "AnyLeft"
      }
      AnyLeft = {
        Type    = "Choice"
        Choices = [{ Condition = "{% $count($keys) > 0 %}", Next = "Move" }]
        Default = "Verdict"
      }
      Move = {
        Type           = "Map"
        Items          = "{% $keys %}"
        MaxConcurrency = 10
        ItemProcessor = {
          ProcessorConfig = { Mode = "INLINE" }
          StartAt         = "Copy"
          States = {
            # Takes objects of up to 5 GB; deliver larger files as folders of parts.
            Copy = {
              Type     = "Task"
              Resource = "arn:aws:states:::aws-sdk:s3:copyObject"
              Arguments = {
                Bucket     = var.raw_bucket
                Key        = "{% $target & $substring($states.input, 8) %}"
                CopySource = "{% '${var.raw_bucket}/' & $encodeUrlComponent($states.input) %}"
              }
              Output = "{% $states.input %}"
              Retry  = [{ ErrorEquals = ["States.TaskFailed"], IntervalSeconds = 5, MaxAttempts = 3 }]
              Next   = "Delete"
            }
            Delete = {
              Type      = "Task"
              Resource  = "arn:aws:states:::aws-sdk:s3:deleteObject"
              Arguments = { Bucket = var.raw_bucket, Key = "{% $states.input %}" }
              Output    = {}
              Retry     = [{ ErrorEquals = ["States.TaskFailed"], IntervalSeconds = 5, MaxAttempts = 3 }]
              End       = true
            }
          }
        }
        Output = {}
        Next   = "List"
      }
      Verdict = {
        Type    = "Choice"
        Choices = [{ Condition = "{% $target = 'failed' %}", Next = "Failed" }]
        Default = "Done"
      }
      Failed = { Type = "Fail", Error = "DeliveryFailed", Cause = "{% $string($cause) %}" }
      Done   = { Type = "Succeed" }
    },
    { for state, task in local.tasks : state => merge(local.task_state, task, { Next = "List" })
    if state == "Load" && var.load_to != null },
  )
}

resource "aws_sfn_state_machine" "this" {
  name     = var.name
  role_arn = aws_iam_role.machine.arn

  definition = jsonencode({
    QueryLanguage = "JSONata"
    StartAt       = "Read"
    States        = local.states
  })

  depends_on = [aws_iam_role_policy.machine]
}

# --- the trigger -------------------------------------------------------------------------------

resource "aws_cloudwatch_event_rule" "delivery" {
  name        = "${var.name}-delivery"
  description = "A delivery to ${var.raw_bucket} is complete"

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.raw_bucket] }
      object = { key = [{ wildcard = "incoming/*/${local.marker}" }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "machine" {
  rule     = aws_cloudwatch_event_rule.delivery.name
  arn      = aws_sfn_state_machine.this.arn
  role_arn = aws_iam_role.trigger.arn

  # What could not be started in a day is kept, and somebody is told.
  dead_letter_config {
    arn = aws_sqs_queue.lost.arn
  }
}

resource "aws_sqs_queue" "lost" {
  name                      = "${var.name}-lost-deliveries"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "lost" {
  queue_url = aws_sqs_queue.lost.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.lost.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.delivery.arn } }
    }]
  })
}

# --- alarms ------------------------------------------------------------------------------------

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = {
    failed    = { namespace = "AWS/States", metric = "ExecutionsFailed" }
    timed-out = { namespace = "AWS/States", metric = "ExecutionsTimedOut" }
    lost      = { namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible" }
  }
  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "A delivery to ${var.raw_bucket} ${each.key == "lost" ? "was not begun" : "failed"}."
  namespace         = each.value.namespace
  metric_name       = each.value.metric
  dimensions = (
    each.key == "lost"
    ? { QueueName = aws_sqs_queue.lost.name }
    : { StateMachineArn = aws_sfn_state_machine.this.arn }
  )
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}
