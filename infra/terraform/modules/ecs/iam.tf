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

# What the tasks do themselves. One role: scheduler, executors and clients that load tables need
# the same data.
resource "aws_iam_role" "task" {
  name               = "${var.name}-ecs-task"
  assume_role_policy = local.assume_by_tasks
}

resource "aws_iam_role_policy" "task" {
  name = "cinemill"
  role = aws_iam_role.task.id

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
      {
        # The agent beside the scheduler writes metrics as log events.
        Sid      = "Metrics"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.metrics.arn}:*"
      },
      {
        # A task may protect itself from scaling in while it works. Executors do not ask for it
        # yet: they drain.
        Sid       = "ProtectTasks"
        Effect    = "Allow"
        Action    = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
        Resource  = "*"
        Condition = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.this.arn } }
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "task" {
  for_each   = var.policy_arns
  role       = aws_iam_role.task.name
  policy_arn = each.value
}
