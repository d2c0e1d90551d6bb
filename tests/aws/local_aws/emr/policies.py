"""Policies of a cluster that are kept and told, and have no effect: Terraform asks for them."""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult


class Policies:
    """Managed scaling and auto-termination; EMR's own know only YARN."""

    def _policies(self) -> dict[str, Any]:
        return self.backend.clusters[self._get_param("ClusterId")].policies

    def _put(self, name: str) -> ActionResult:
        self._policies()[name] = self._get_param(name)
        return EmptyResult()

    def _get(self, name: str) -> ActionResult:
        policies = self._policies()
        return ActionResult({name: policies[name]} if name in policies else {})

    def _remove(self, name: str) -> ActionResult:
        self._policies().pop(name, None)
        return EmptyResult()

    def run_job_flow(self) -> ActionResult:
        """A cluster may be born with policies."""
        answer = super().run_job_flow()
        policies = self.backend.clusters[answer.result["JobFlowId"]].policies
        for name in ("ManagedScalingPolicy", "AutoTerminationPolicy"):
            if given := self._get_param(name):
                policies[name] = given
        return answer

    def put_managed_scaling_policy(self) -> ActionResult:
        return self._put("ManagedScalingPolicy")

    def get_managed_scaling_policy(self) -> ActionResult:
        return self._get("ManagedScalingPolicy")

    def remove_managed_scaling_policy(self) -> ActionResult:
        return self._remove("ManagedScalingPolicy")

    def put_auto_termination_policy(self) -> ActionResult:
        return self._put("AutoTerminationPolicy")

    def get_auto_termination_policy(self) -> ActionResult:
        return self._get("AutoTerminationPolicy")

    def remove_auto_termination_policy(self) -> ActionResult:
        return self._remove("AutoTerminationPolicy")
