"""The operator that adds a step, on the local AWS' EMR. What runs there is a stand-in."""

import os
import unittest
from unittest import mock

from support.steps import LOG, InThread, StandIn, execute
from support.world import wait_for

# isort: split
# Airflow reads its settings when it is imported.
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from botocore.exceptions import ClientError, EndpointConnectionError
from cinemill_airflow.emr_steps import Steps
from cinemill_airflow.step import CinemillStepOperator


class StepOperator(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = StandIn()
        variables = mock.patch.dict(os.environ, cls.cluster.world.environment)
        cls.enterClassContext(variables)
        cls.enterClassContext(mock.patch.object(CinemillStepOperator, "log", LOG))

    def setUp(self) -> None:
        self.run_id = self._testMethodName

    def execute(self, job: str, **changed: object) -> dict | None:
        context = self.cluster.context(self.run_id)
        return execute(self.cluster.task(job, **changed), context)

    def failure(self, job: str) -> AirflowException:
        with self.assertRaises(AirflowException) as raised:
            self.execute(job)
        return raised.exception

    def states(self) -> list[str]:
        return [step["Status"]["State"] for step in self.cluster.steps(self.run_id)]

    def test_done(self) -> None:
        with self.assertLogs(LOG, "INFO") as log:
            verdict = self.execute("done")
        self.assertEqual(verdict["rows"], 7)
        told = "\n".join(log.output)
        self.assertIn("phase: write", told)
        self.assertIn("COMPLETED: done, rows 7, files 1", told)

    def test_the_command(self) -> None:
        self.execute("done")
        (step,) = self.cluster.steps(self.run_id)
        self.assertEqual(step["ActionOnFailure"], "CONTINUE")
        words = step["Config"]["Args"]
        self.assertEqual(words[:3], ["/usr/local/bin/cinemill", "submit", "done"])
        flags = dict(zip(words[3::2], words[4::2], strict=True))
        self.assertEqual(flags["--run-id"], f"films-{self.run_id}")
        self.assertEqual(flags["--input"], "s3://films-raw/imdb")
        self.assertEqual(flags["--output"], "s3://films-lake/titles")
        self.assertEqual(flags["--scheduler"], "127.0.0.1:50050")

    def test_exit_codes_that_may_pass_are_tried_again(self) -> None:
        for code in (20, 30):
            with self.subTest(code):
                error = self.failure(f"ends_{code}")
                self.assertNotIsInstance(error, AirflowFailException)
                self.assertIn(f"failed with exit code {code}, worth a retry", str(error))

    def test_other_exit_codes_are_final(self) -> None:
        for code in (2, 10, 11, 12, 21, 22, 23, 40):
            with self.subTest(code):
                error = self.failure(f"ends_{code}")
                self.assertIsInstance(error, AirflowFailException)
                self.assertIn(f"failed with exit code {code}, a retry would not help", str(error))

    def test_a_failure_tells_why_and_where(self) -> None:
        lines = str(self.failure("ends_12")).splitlines()
        (step,) = self.cluster.steps(self.run_id)
        folder = f"s3://films-logs/emr/{self.cluster.cluster}/steps/{step['Id']}/"
        self.assertLessEqual(len(lines), 10)
        self.assertIn("error: failed to read the input: no luck", lines)
        self.assertIn("hint: try luck", lines)
        self.assertIn(f"logs: {folder}", lines)

    def test_a_command_that_reports_nothing_is_told_by_its_standard_error(self) -> None:
        error = self.failure("usage")
        self.assertIsInstance(error, AirflowFailException)
        self.assertIn("error: unexpected argument '--what' found", str(error))
        self.assertIn("Message: exit 2", str(error))

    def test_a_run_that_was_lost_on_the_way_is_tried_again(self) -> None:
        error = self.failure("lost")
        self.assertNotIsInstance(error, AirflowFailException)
        self.assertIn("without an end in its report", str(error))

    def test_a_failed_step_is_added_again(self) -> None:
        for _ in range(2):
            self.failure("ends_20")
        self.assertEqual(self.states(), ["FAILED", "FAILED"])

    def test_a_second_try_attaches_to_a_step_that_goes_on(self) -> None:
        context = self.cluster.context(self.run_id)
        first = InThread(self.cluster.task("waits"), context)
        step = self.cluster.running(self.run_id)
        with self.assertLogs(LOG, "INFO") as log:
            second = InThread(self.cluster.task("waits"), context)
            # The first one may still tell something itself.
            own = lambda: [r.getMessage() for r in log.records if r.thread == second.thread.ident]
            wait_for("it tells what was told before", lambda: "waiting" in own())
        self.assertIn(f"attached to step {step}, which is RUNNING", own())
        second.task.on_kill()
        self.assertIsNotNone(first.end())
        self.assertIsNotNone(second.end())
        self.assertEqual(self.states(), ["CANCELLED"])

    def test_a_second_try_attaches_to_a_step_that_is_done(self) -> None:
        verdicts = [self.execute("done") for _ in range(2)]
        self.assertEqual(verdicts[0], verdicts[1])
        self.assertEqual(self.states(), ["COMPLETED"])

    def test_a_killed_task_cancels_its_step(self) -> None:
        task = InThread(self.cluster.task("waits"), self.cluster.context(self.run_id))
        self.cluster.running(self.run_id)
        task.task.on_kill()
        error = task.end()
        self.assertEqual(self.states(), ["CANCELLED"])
        # The worker may have been shut down: whoever marked the task as failed is not overruled.
        self.assertNotIsInstance(error, AirflowFailException)
        self.assertIn("exit code 22", str(error))

    def test_a_step_that_does_not_end_is_to_be_killed(self) -> None:
        cluster = StandIn()
        task = cluster.task("stubborn", cancel_grace_s=1)
        going_on = InThread(task, cluster.context(self.run_id))
        cluster.running(self.run_id)
        with self.assertLogs(LOG, "WARNING") as log:
            task.on_kill()
        # It stands for what EMR promises: a step that is PENDING or RUNNING can be cancelled.
        self.assertIn("TERMINATE_PROCESS of step", log.output[-1])
        cluster.world.emr.client.terminate_job_flows(JobFlowIds=[cluster.cluster])
        self.assertIn("ended as", str(going_on.end()))

    def test_a_task_that_is_killed_as_it_adds_its_step_cancels_it(self) -> None:
        task = self.cluster.task("waits")
        add = Steps.add

        def killed_meanwhile(steps: Steps, name: str, command: list[str]) -> str:
            step = add(steps, name, command)
            self.cluster.running(self.run_id)
            task.on_kill()
            return step

        with mock.patch.object(Steps, "add", killed_meanwhile):
            going_on = InThread(task, self.cluster.context(self.run_id))
            self.assertIsNotNone(going_on.end())
        self.assertEqual(self.states(), ["CANCELLED"])

    def test_one_that_somebody_else_cancels_is_not_tried_again(self) -> None:
        task = InThread(self.cluster.task("waits"), self.cluster.context(self.run_id))
        step = self.cluster.running(self.run_id)
        emr = self.cluster.world.emr.client
        emr.cancel_steps(ClusterId=self.cluster.cluster, StepIds=[step])
        self.assertIsInstance(task.end(), AirflowFailException)

    def test_a_cluster_that_is_gone(self) -> None:
        gone = StandIn()
        emr = gone.world.emr
        emr.client.terminate_job_flows(JobFlowIds=[gone.cluster])
        emr.wait(gone.cluster, {"TERMINATED"})
        with self.assertRaisesRegex(AirflowFailException, "clear the task that creates"):
            execute(gone.task("done"), gone.context(self.run_id))

    def test_a_cluster_that_goes_meanwhile(self) -> None:
        going = StandIn()
        task = InThread(going.task("waits"), going.context(self.run_id))
        going.running(self.run_id)
        going.world.emr.client.terminate_job_flows(JobFlowIds=[going.cluster])
        error = task.end()
        self.assertIsInstance(error, AirflowFailException)
        self.assertIn("Terminated by user request", str(error))

    def test_throttling_and_outages_are_waited_for(self) -> None:
        throttled = refused("ThrottlingException", 400)
        away = EndpointConnectionError(endpoint_url="http://emr")
        describe = Steps.describe
        troubles = iter([throttled, away, refused("InternalServerError", 500)])

        def troubled(steps: Steps, step_id: str) -> object:
            for trouble in troubles:
                raise trouble
            return describe(steps, step_id)

        with mock.patch.object(Steps, "describe", troubled):
            self.assertEqual(self.execute("done")["rows"], 7)

    def test_an_outage_that_lasts_is_a_failure_worth_a_retry(self) -> None:
        away = EndpointConnectionError(endpoint_url="http://emr")
        refusing = mock.patch.object(Steps, "describe", side_effect=away)
        with refusing, self.assertRaisesRegex(AirflowException, "it may go on") as raised:
            self.execute("done", patience_s=0.2)
        self.assertNotIsInstance(raised.exception, AirflowFailException)


def refused(code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeStep")


if __name__ == "__main__":
    unittest.main()
