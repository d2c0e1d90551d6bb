locals {
  assume_by_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# What ECS does for tasks: pull the image, make log streams.
resource "aws_iam_role" "execution" {
  name               = "${var.name}-ecs-execution"
  assume_role_policy = local.assume_by_tasks
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

# What the tasks do themselves. Executors have a role of their own, since they need not change the
# cluster; what they do with data, schedulers and clients do too.
resource "aws_iam_role" "executor" {
  name               = "${var.name}-ecs-executor"
  assume_role_policy = local.assume_by_tasks
}

resource "aws_iam_role" "control" {
  name               = "${var.name}-ecs-control"
  assume_role_policy = local.assume_by_tasks
}

resource "aws_iam_role_policy" "data" {
  for_each = { executor = aws_iam_role.executor.id, control = aws_iam_role.control.id }
  name     = "data"
  role     = each.value

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = [for bucket in values(var.buckets) : "arn:aws:s3:::${bucket}"]
      },
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:aws:s3:::${var.buckets.raw}/*"
      },
      {
        Sid    = "PublishTables"
        Effect = "Allow"
        Action = [
          "s3:GetObject",
          "s3:PutObject",
          "s3:DeleteObject",
          "s3:AbortMultipartUpload",
          "s3:ListMultipartUploadParts",
        ]
        Resource = "arn:aws:s3:::${var.buckets.lake}/*"
      },
      {
        # cinemill gc looks for unfinished uploads.
        Sid      = "FindUploads"
        Effect   = "Allow"
        Action   = "s3:ListBucketMultipartUploads"
        Resource = "arn:aws:s3:::${var.buckets.lake}"
      },
    ]
  })
}

# ECS' agent asks for the protection in the task's name.
resource "aws_iam_role_policy" "protect" {
  name = "protect"
  role = aws_iam_role.executor.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
      Resource = local.tasks
    }]
  })
}

resource "aws_iam_role_policy" "metrics" {
  name = "metrics"
  role = aws_iam_role.control.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      # The agent beside the scheduler writes metrics as log events.
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.metrics.arn}:*"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "control" {
  for_each   = var.policy_arns
  role       = aws_iam_role.control.name
  policy_arn = each.value
}
