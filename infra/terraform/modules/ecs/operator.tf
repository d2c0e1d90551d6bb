# Looking at the cluster and changing its size: cinemill cluster describe, scale, autoscale and logs.
locals {
  tasks   = "${replace(aws_ecs_cluster.this.arn, ":cluster/", ":task/")}/*"
  service = "${replace(aws_ecs_cluster.this.arn, ":cluster/", ":service/")}/"
  here    = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.this.arn } }

  operate = [
    {
      Sid      = "Cluster"
      Effect   = "Allow"
      Action   = ["ecs:DescribeClusters"]
      Resource = [aws_ecs_cluster.this.arn]
    },
    {
      Sid      = "Services"
      Effect   = "Allow"
      Action   = ["ecs:DescribeServices"]
      Resource = ["${local.service}*"]
    },
    {
      Sid      = "Resize"
      Effect   = "Allow"
      Action   = ["ecs:UpdateService"]
      Resource = ["${local.service}executor"]
    },
    {
      # Of those that stay, while others leave.
      Sid      = "Protect"
      Effect   = "Allow"
      Action   = ["ecs:DescribeTasks", "ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
      Resource = [local.tasks]
    },
    {
      # No resource can be named here.
      Sid      = "Definitions"
      Effect   = "Allow"
      Action   = ["ecs:DescribeTaskDefinition"]
      Resource = ["*"]
    },
    {
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:FilterLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
    },
  ]

  list_tasks = {
    Sid       = "Tasks"
    Effect    = "Allow"
    Action    = "ecs:ListTasks"
    Resource  = "*"
    Condition = local.here
  }
}

# The controller beside the scheduler, and clients as tasks.
resource "aws_iam_role_policy" "operate" {
  name   = "operate"
  role   = aws_iam_role.control.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.operate, [local.list_tasks]) })
}

# People and pipelines outside. The scheduler is reached only from inside the network, so what has to
# ask it runs as a task.
resource "aws_iam_policy" "operator" {
  name        = "${var.name}-ecs-operator"
  description = "Work with the ECS cluster of ${var.name}"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.operate, [
      local.list_tasks,
      {
        Sid       = "Run"
        Effect    = "Allow"
        Action    = "ecs:RunTask"
        Resource  = "${aws_ecs_task_definition.client.arn_without_revision}:*"
        Condition = local.here
      },
      {
        Sid       = "PassRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = [aws_iam_role.execution.arn, aws_iam_role.control.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
    ])
  })
}
