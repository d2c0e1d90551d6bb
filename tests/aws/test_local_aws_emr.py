"""The local AWS' EMR without our programs: lives of clusters, and how all of it ends."""

import os
import signal
import tempfile
import unittest
from pathlib import Path

from cases import Bare, described
from fixtures import Emr, LocalAws, S3Server, wait_for
from observed import janitor_of, owned, read

ON_TASK_NODES = "grep -q task mnt/var/lib/info/extraInstanceData.json"

# Two services, and a file for S3.
BOOTSTRAP = """
set -e
units="$CINEMILL_BOOTSTRAP_ROOT/etc/systemd/system"
sudo mkdir -p "$units"
printf '[Service]\\nExecStart=sleep 619\\n' | sudo tee "$units/first.service"
printf '[Service]\\nExecStart=sleep 620\\n' | sudo tee "$units/second.service"
sudo systemctl daemon-reload
sudo systemctl enable --now first.service second.service
echo films >file
aws s3 cp --only-show-errors file s3://films-logs/copied
! aws s3 ls
! sudo yum install films
"""


class Lives(Bare):
    def test_with_a_step_it_runs_and_then_waits(self) -> None:
        cluster = self.run_cluster()
        self.emr.wait(cluster, {"WAITING"})
        step = self.step(cluster, "sleep", "0.5")
        self.emr.wait(cluster, {"RUNNING"})
        self.assertEqual(self.ended(cluster, step)["State"], "COMPLETED")
        self.emr.wait(cluster, {"WAITING"})

    def test_it_ends_with_its_last_step(self) -> None:
        instances = {
            "MasterInstanceType": "m6i.xlarge",
            "SlaveInstanceType": "m6i.xlarge",
            "InstanceCount": 2,
            "KeepJobFlowAliveWhenNoSteps": False,
        }
        steps = [described("true"), described("true")]
        cluster = self.run_cluster(Instances=instances, Steps=steps)
        status = self.emr.wait(cluster, {"TERMINATED"})["Status"]
        self.assertEqual(status["StateChangeReason"]["Code"], "ALL_STEPS_COMPLETED")
        steps = self.client.list_steps(ClusterId=cluster)["Steps"]
        self.assertEqual([step["Status"]["State"] for step in steps], ["COMPLETED"] * 2)

    def test_protection(self) -> None:
        cluster = self.run_cluster()
        self.emr.wait(cluster, {"WAITING"})
        step = self.step(cluster, "sleep", "612")
        wait_for("the step's process", lambda: owned(cluster, "sleep 612"))
        self.client.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=True)
        with self.refused("termination protected"):
            self.client.terminate_job_flows(JobFlowIds=[cluster])
        self.assertEqual(self.state(cluster, step), "RUNNING")
        self.end(cluster)
        self.assertEqual(self.state(cluster, step), "INTERRUPTED")
        with self.refused("may not be modified"):
            self.step(cluster, "true")

    def test_what_a_bootstrap_action_can_do(self) -> None:
        cluster = self.booted(BOOTSTRAP)
        self.emr.wait(cluster, {"WAITING"})
        copied = self.s3.client().get_object(Bucket="films-logs", Key="copied")["Body"].read()
        self.assertEqual(copied, b"films\n")
        # One on each of the two nodes.
        for service in ("sleep 619", "sleep 620"):
            self.assertEqual(len(owned(cluster, service)), 2)
        step = self.step(cluster, "sudo", "systemctl", "stop", "first.service")
        self.assertEqual(self.ended(cluster, step)["State"], "COMPLETED")
        self.assertEqual(len(owned(cluster, "sleep 619")), 1)

    def test_a_task_node_that_does_not_boot(self) -> None:
        cluster = self.booted(f"! {ON_TASK_NODES}", task=1)
        self.emr.wait(cluster, {"WAITING"})
        self.assertEqual(self.group(cluster, "TASK")["RunningInstanceCount"], 0)
        (failed,) = self.emr.instances(cluster, "TASK", "TERMINATED")
        reason = failed["Status"]["StateChangeReason"]
        self.assertEqual(reason["Code"], "BOOTSTRAP_FAILURE")

    def test_it_ends_without_its_primary(self) -> None:
        cluster = self.run_cluster()
        self.emr.wait(cluster, {"WAITING"})
        (primary,) = self.emr.instances(cluster, "MASTER")
        self.take_away(primary["Ec2InstanceId"], seconds=0)
        status = self.emr.wait(cluster, {"TERMINATED_WITH_ERRORS"})["Status"]
        self.assertEqual(status["StateChangeReason"]["Code"], "INSTANCE_FAILURE")

    def test_unknown_ids(self) -> None:
        with self.refused("Cluster id 'j-0' is not valid"):
            self.client.list_instances(ClusterId="j-0")
        cluster = self.run_cluster()
        with self.refused("Step id 's-0' is not valid"):
            self.client.describe_step(ClusterId=cluster, StepId="s-0")


class Ends(unittest.TestCase):
    """Whatever ends the local AWS, nothing of it stays."""

    def ended_by(self, number: signal.Signals) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        s3 = self.enterContext(S3Server(folder / "s3"))
        aws = self.enterContext(LocalAws(folder / "aws", s3))
        emr = Emr(aws, s3)
        # One that has left its group and its session.
        away = described("bash", "-c", "setsid sleep 615 & exec sleep 616")
        cluster = emr.start(BootstrapActions=[], Steps=[away])
        wait_for("both processes", lambda: not owned(cluster, "bash") and len(owned(cluster)) == 2)
        janitor = janitor_of(aws.process.pid)
        os.kill(aws.process.pid, number)
        aws.process.wait()
        wait_for("nothing is left", lambda: not owned(cluster), 10)
        wait_for("the janitor ends", lambda: not read(janitor / "cmdline"), 10)

    def test_sigterm(self) -> None:
        self.ended_by(signal.SIGTERM)

    def test_sigkill(self) -> None:
        self.ended_by(signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
