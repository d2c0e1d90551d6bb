# EMR adds the rules that it needs to the groups that it manages, and only those: no port is open
# to the outside, not even SSH. Terraform has to take these rules away again before it can delete
# groups that name each other.
resource "aws_security_group" "primary" {
  name                   = "${var.name}-emr-primary"
  description            = "cinemill: EMR primary; rules are added by EMR"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = local.managed_tag
}

resource "aws_security_group" "executors" {
  name                   = "${var.name}-emr-executors"
  description            = "cinemill: EMR core and task nodes; rules are added by EMR"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = local.managed_tag
}

resource "aws_security_group" "service" {
  count                  = var.private_subnet ? 1 : 0
  name                   = "${var.name}-emr-service"
  description            = "cinemill: EMR service access; rules are added by EMR"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = local.managed_tag
}

# EMR adds only rules for what comes in, and not this one to groups that are not its own.
resource "aws_vpc_security_group_ingress_rule" "service" {
  count                        = var.private_subnet ? 1 : 0
  security_group_id            = aws_security_group.service[0].id
  description                  = "the primary asks EMR"
  referenced_security_group_id = aws_security_group.primary.id
  ip_protocol                  = "tcp"
  from_port                    = 9443
  to_port                      = 9443
}

resource "aws_vpc_security_group_egress_rule" "service" {
  for_each = var.private_subnet ? {
    primary   = aws_security_group.primary.id
    executors = aws_security_group.executors.id
  } : {}
  security_group_id            = aws_security_group.service[0].id
  description                  = "EMR tells nodes what to do"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 8443
  to_port                      = 8443
}

# cinemill's own group, on all nodes: the scheduler's port, and executors' ports, which are any free
# ones.
resource "aws_security_group" "cinemill" {
  name        = "${var.name}-emr-cinemill"
  description = "cinemill: scheduler and executors among themselves"
  vpc_id      = var.vpc_id
  tags        = local.managed_tag
}

resource "aws_vpc_security_group_ingress_rule" "cinemill" {
  security_group_id            = aws_security_group.cinemill.id
  description                  = "scheduler and executors among themselves"
  referenced_security_group_id = aws_security_group.cinemill.id
  ip_protocol                  = "tcp"
  from_port                    = 1024
  to_port                      = 65535
}

# S3, EMR and the package mirrors have no fixed addresses.
resource "aws_vpc_security_group_egress_rule" "cinemill" {
  security_group_id = aws_security_group.cinemill.id
  description       = "AWS and the other nodes"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_ec2_tag" "subnet" {
  for_each    = local.managed_tag
  resource_id = var.subnet_id
  key         = each.key
  value       = each.value
}
