# The tasks' own group: they reach each other, nothing else reaches them.
resource "aws_security_group" "this" {
  name        = "${var.name}-ecs"
  description = "cinemill: scheduler, executors and clients among themselves"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id            = aws_security_group.this.id
  description                  = "scheduler 50050; executors 50051 and 50052"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 50050
  to_port                      = 50052
}

# S3, CloudWatch and the registry have no fixed addresses.
resource "aws_vpc_security_group_egress_rule" "this" {
  security_group_id = aws_security_group.this.id
  description       = "AWS and the other tasks"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = "${var.name}.internal"
  description = "cinemill"
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "scheduler" {
  name = "scheduler"

  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.this.id

    # Short, since a scheduler that starts again has another address.
    dns_records {
      type = "A"
      ttl  = 5
    }
  }

  # ECS reports the container's health.
  health_check_custom_config {
    failure_threshold = 1
  }
}
