"""The local AWS' EMR without our programs: steps."""

import unittest

from cases import Bare, described
from fixtures import wait_for
from observed import owned


class Steps(Bare):
    def setUp(self) -> None:
        self.cluster = self.run_cluster()
        self.emr.wait(self.cluster, {"WAITING"})

    def test_a_failure_says_why(self) -> None:
        step = self.step(self.cluster, "bash", "-c", "echo no such film >&2; exit 3")
        failure = self.ended(self.cluster, step)["FailureDetails"]
        self.assertEqual(failure["Message"], "exit 3")
        self.assertEqual(self.log(failure["LogFile"]), "no such film\n")

    def test_a_program_that_is_not_there(self) -> None:
        step = self.step(self.cluster, "no-such-program")
        failure = self.ended(self.cluster, step)["FailureDetails"]
        controller = failure["LogFile"].replace("stderr", "controller")
        self.assertIn("No such file", self.log(controller))

    def test_a_script(self) -> None:
        script = self.script('echo "$1 in $AWS_REGION"; [ "$AWS_ENDPOINT_URL_S3" = "$2" ]')
        jar = "s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar"
        runner = {"Jar": jar, "Args": [script, "films", self.s3.endpoint]}
        wanted = {"Name": "script", "ActionOnFailure": "CONTINUE", "HadoopJarStep": runner}
        (step,) = self.add(self.cluster, [wanted])
        self.assertEqual(self.ended(self.cluster, step)["State"], "COMPLETED")
        logs = f"s3://films-logs/emr/{self.cluster}/steps/{step}"
        self.assertEqual(self.log(f"{logs}/stdout.gz"), "films in us-east-1\n")

    def test_one_after_the_other_and_side_by_side(self) -> None:
        first, second = self.add(self.cluster, [described("sleep", "613")] * 2)
        wait_for("the first one's process", lambda: owned(self.cluster, "sleep 613"))
        self.assertEqual(self.state(self.cluster, second), "PENDING")
        self.client.modify_cluster(ClusterId=self.cluster, StepConcurrencyLevel=2)
        self.emr.wait_step(self.cluster, second, {"RUNNING"})
        self.client.cancel_steps(ClusterId=self.cluster, StepIds=[first, second])
        for step in (first, second):
            self.assertEqual(self.ended(self.cluster, step)["State"], "CANCELLED")
        with self.refused("ActionOnFailure setting is not valid"):
            self.step(self.cluster, "true", otherwise="CANCEL_AND_WAIT")

    def test_a_pending_one_is_cancelled_at_once(self) -> None:
        first, second = self.add(self.cluster, [described("sleep", "614"), described("true")])
        self.client.cancel_steps(ClusterId=self.cluster, StepIds=[second])
        self.assertEqual(self.state(self.cluster, second), "CANCELLED")
        self.client.cancel_steps(ClusterId=self.cluster, StepIds=[first])
        self.ended(self.cluster, first)
        again = self.client.cancel_steps(ClusterId=self.cluster, StepIds=[first])
        self.assertEqual(again["CancelStepsInfoList"][0]["Status"], "FAILED")

    def test_cancel_and_wait(self) -> None:
        steps = [described("false", otherwise="CANCEL_AND_WAIT"), described("true")]
        first, second = self.add(self.cluster, steps)
        self.assertEqual(self.ended(self.cluster, first)["State"], "FAILED")
        self.assertEqual(self.ended(self.cluster, second)["State"], "CANCELLED")
        self.emr.wait(self.cluster, {"WAITING"})

    def test_terminate_cluster(self) -> None:
        steps = [described("false", otherwise="TERMINATE_CLUSTER"), described("true")]
        _, second = self.add(self.cluster, steps)
        status = self.emr.wait(self.cluster, {"TERMINATED_WITH_ERRORS"})["Status"]
        self.assertEqual(status["StateChangeReason"]["Code"], "STEP_FAILURE")
        self.assertEqual(self.state(self.cluster, second), "CANCELLED")


if __name__ == "__main__":
    unittest.main()
