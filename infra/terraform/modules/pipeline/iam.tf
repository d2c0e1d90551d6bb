# --- EventBridge -------------------------------------------------------------------------------

resource "aws_iam_role" "trigger" {
  name = "${var.name}-trigger"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "trigger" {
  name = "start"
  role = aws_iam_role.trigger.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "states:StartExecution"
      Resource = aws_sfn_state_machine.this.arn
    }]
  })
}

# --- the state machine -------------------------------------------------------------------------

resource "aws_iam_role" "machine" {
  name = "${var.name}-machine"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

locals {
  region = data.aws_region.this.name

  # The account in ARNs is a star: its number is no variable, and ids are unique anyway.
  emr_rights = [{
    Effect = "Allow"
    Action = [
      "elasticmapreduce:AddJobFlowSteps",
      "elasticmapreduce:CancelSteps",
      "elasticmapreduce:DescribeStep",
    ]
    Resource = "arn:aws:elasticmapreduce:${local.region}:*:cluster/${try(var.emr.cluster_id, "")}"
  }]

  ecs_rights = [
    {
      Effect    = "Allow"
      Action    = "ecs:RunTask"
      Resource  = try(var.ecs.task_definition, "")
      Condition = { ArnEquals = { "ecs:cluster" = try(var.ecs.cluster_arn, "") } }
    },
    {
      Effect    = "Allow"
      Action    = ["ecs:DescribeTasks", "ecs:StopTask"]
      Resource  = "*"
      Condition = { ArnEquals = { "ecs:cluster" = try(var.ecs.cluster_arn, "") } }
    },
    {
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = try(var.ecs.role_arns, [])
      Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    },
    {
      # By this rule Step Functions hears that a task has ended.
      Effect   = "Allow"
      Action   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
      Resource = "arn:aws:events:${local.region}:*:rule/StepFunctionsGetEventsForECSTaskRule"
    },
  ]

  file_rights = [
    {
      Effect    = "Allow"
      Action    = "s3:ListBucket"
      Resource  = "arn:aws:s3:::${var.raw_bucket}"
      Condition = { StringLike = { "s3:prefix" = "incoming/*" } }
    },
    {
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:GetObject", "s3:GetObjectTagging"]
      Resource = "arn:aws:s3:::${var.raw_bucket}/incoming/*"
    },
    {
      Effect = "Allow"
      Action = ["s3:PutObject", "s3:PutObjectTagging"]
      Resource = [
        "arn:aws:s3:::${var.raw_bucket}/processed/*",
        "arn:aws:s3:::${var.raw_bucket}/failed/*",
      ]
    },
  ]

  rights = jsondecode(var.emr != null ? jsonencode(local.emr_rights) : jsonencode(local.ecs_rights))
}

resource "aws_iam_role_policy" "machine" {
  name = "cinemill"
  role = aws_iam_role.machine.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.file_rights, local.rights)
  })
}
