"""What Terraform asks of moto that moto lacks or gets wrong. Nothing here has an effect."""

import os
from typing import Any

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.common_types import TYPE_RESPONSE
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.stepfunctions.responses import StepFunctionResponse


def list_tags_for_resource(self: ApplicationAutoScalingResponse) -> TYPE_RESPONSE:
    return 200, {}, '{"Tags": {}}'


def validate_state_machine_definition(self: StepFunctionResponse) -> TYPE_RESPONSE:
    return 200, {}, '{"result": "OK", "diagnostics": [], "truncated": false}'


def list_state_machine_versions(self: StepFunctionResponse) -> TYPE_RESPONSE:
    return 200, {}, '{"stateMachineVersions": []}'


def is_action_permitted(
    self: IAMPolicyStatement, *arguments: Any, **named: Any
) -> PermissionResult:
    """As moto's, but what forbids requests without TLS means none here: HTTP stands in for it."""
    condition = self._statement.get("Condition", {})
    if condition.get("Bool", {}).get("aws:SecureTransport") == "false":
        return PermissionResult.NEUTRAL
    return moto_is_action_permitted(self, *arguments, **named)


moto_is_action_permitted = IAMPolicyStatement.is_action_permitted


def install() -> None:
    # AWS' own policies, which roles name.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    ApplicationAutoScalingResponse.list_tags_for_resource = list_tags_for_resource
    StepFunctionResponse.validate_state_machine_definition = validate_state_machine_definition
    StepFunctionResponse.list_state_machine_versions = list_state_machine_versions
    IAMPolicyStatement.is_action_permitted = is_action_permitted
