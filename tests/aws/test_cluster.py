"""`cinemill cluster`, `scale` and `autoscale` on the local AWS.

PYTHONPATH=tests/aws python -m unittest tests/aws/test_cluster.py
"""

import json
import os
import signal
import subprocess
import unittest
from pathlib import Path

from cases import Servers
from fixtures import Ecs, cinemill, programs, sample, wait_for
from fixtures.programs import ROOT
from fixtures.servers import REGION
from observed import owned

PRICES = ROOT / "docs/examples/prices.toml"
TITLES = 100_000
# What a run tells that it read and wrote does not depend on where it ran.
ROWS = "SELECT count(*), count(DISTINCT title_key), sum(num_votes), sum(length(directors)) FROM imdb_titles"


class Clusters(Servers):
    """Tests with a data set in S3, and `cinemill` as a user of this AWS calls it."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        sample(cls.s3.root / "films-lake/imdb", TITLES)
        cls.cinemill("run", *cls.job("reference"))
        cls.expected = cls.rows("reference")

    @staticmethod
    def job(table: str) -> list[str]:
        places = ["--input", "s3://films-lake/imdb", "--output", f"s3://films-lake/{table}"]
        return ["imdb_titles", *places, "--run-id", table]

    @classmethod
    def rows(cls, table: str) -> str:
        return cls.cinemill("show", f"s3://films-lake/{table}", "--query", ROWS)

    @classmethod
    def cinemill(cls, *arguments: object) -> str:
        return cinemill(*arguments, environment=cls.aws.environment)

    def refused(self, code: int, *arguments: object) -> str:
        """What a command says that is to end with that code."""
        done = subprocess.run(
            [programs() / "cinemill", *map(str, arguments)],
            env=os.environ | self.aws.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def scaling_in_the_midst_of_a_run(self, scheduler: str, cluster: list[str]) -> None:
        """A run is right, and nothing of it is done twice, while executors come and go."""
        table = self.id().rsplit(".", 1)[1]
        at = ["--scheduler", scheduler]
        self.cinemill("submit", *self.job(table), *at, "--detach")
        wait_for("tasks", lambda: self.slots(scheduler) > 0)
        grown = self.cinemill("scale", *cluster, "--executors", 6, "--wait-s", 120)
        self.assertIn("4 started, 0 drained", grown)
        shrunk = self.cinemill("scale", *cluster, "--executors", 1)
        self.assertIn("0 started, 5 drained, 0 cut off", shrunk)
        self.cinemill("wait", table, *at)
        run = json.loads(self.cinemill("status", table, *at, "--json"))
        self.assertEqual(run["state"], "succeeded")
        self.assertEqual(run["verdict"]["retries"], 0)
        self.assertEqual(self.rows(table), self.expected)
        left = json.loads(self.cinemill("executors", *at, "--json"))
        self.assertEqual(len(left), 1)

    def slots(self, scheduler: str) -> int:
        executors = json.loads(self.cinemill("executors", "--scheduler", scheduler, "--json"))
        return sum(executor["slots_busy"] for executor in executors)


class Emr(Clusters):
    def file(self, name: str, sha256: str | None = None) -> Path:
        """The cluster's file, as the Terraform module's output has it."""
        action = self.emr.bootstrap(name)
        script = action["ScriptBootstrapAction"]
        words = [sha256 if sha256 and word == self.emr.sha256 else word for word in script["Args"]]
        path = self.folder / f"{name}.toml"
        path.write_text(f"""
            target = "emr"
            name = "{name}"
            release_label = "emr-7.5.0"
            log_uri = "s3://films-logs/emr/"
            service_role = "films-service"
            instance_profile = "films-nodes"
            subnet_id = "subnet-1"
            primary = {{ type = "m7g.xlarge" }}
            core = {{ type = "m7g.xlarge", count = 1, disk_gb = 20 }}
            task = {{ type = "m7g.xlarge", count = 0, disk_gb = 20, bid_usd = "0.10" }}

            [[bootstrap]]
            name = "cinemill"
            path = "{script["Path"]}"
            args = {json.dumps(words)}
        """)
        return path

    def created(self, name: str, executors: int) -> dict:
        file = self.file(name)
        self.addCleanup(self.end, name)
        made = self.cinemill("cluster", "create", file, "--executors", executors, "--json")
        return json.loads(made)

    def end(self, name: str) -> None:
        self.cinemill("cluster", "terminate", "--target", "emr", "--cluster", name, "--force")

    def executors(self, cluster: str, count: int) -> None:
        wait_for(f"{count} executors", lambda: len(self.emr.executors(cluster)) == count, 120)

    def test_a_life(self) -> None:
        made = self.created("life", 2)
        cluster, scheduler = made["id"], made["scheduler"]
        self.assertFalse(made["attached"])
        again = json.loads(self.cinemill("cluster", "create", self.file("life"), "--json"))
        self.assertEqual((again["id"], again["attached"]), (cluster, True))
        self.executors(cluster, 2)
        described = self.cinemill("cluster", "describe", "--cluster", cluster)
        self.assertRegex(described, rf"emr cluster {cluster} \(life\): \w+, 2 executors wanted")
        self.assertRegex(described, r"spot  RUNNING .*active 0/\d+ slots busy")

        step = self.emr.step(
            cluster, "cinemill", "submit", *self.job("life"), "--scheduler", scheduler
        )
        self.emr.wait_step(cluster, step, {"COMPLETED"}, 120)
        self.assertEqual(self.rows("life"), self.expected)
        logs = self.cinemill("cluster", "logs", "--cluster", cluster)
        self.assertIn("imdb_titles done", logs)
        cost = ["cluster", "cost", "--cluster", cluster, "--prices", PRICES, "--json"]
        cost = json.loads(self.cinemill(*cost))
        (run,) = cost["runs"]
        self.assertGreater(run["compute"], 0)
        self.assertGreater(run["s3_reads"], 20)
        # Primary and core at 0.204, a spot node at 0.1058.
        self.assertAlmostEqual(cost["cluster_per_hour"], 2 * 0.204 + 0.1058)

        fewer = self.refused(2, "scale", "--cluster", cluster, "--executors", 0)
        self.assertIn("core nodes", fewer)
        self.cinemill("cluster", "terminate", "--cluster", cluster)
        self.assertEqual(owned(cluster), [])
        # Twice does no harm; the name is nobody's any more.
        self.cinemill("cluster", "terminate", "--cluster", cluster)
        gone = self.cinemill("cluster", "terminate", "--target", "emr", "--cluster", "life")
        self.assertIn("no cluster called life was alive", gone)

    def test_scaling_in_the_midst_of_a_run(self) -> None:
        made = self.created("midst", 2)
        cluster = made["id"]
        self.executors(cluster, 2)
        self.scaling_in_the_midst_of_a_run(made["scheduler"], ["--cluster", cluster])
        nodes = self.emr.instances(cluster, "TASK")
        self.assertEqual(nodes, [], "all task nodes were given back")

    def test_a_busy_cluster_is_not_terminated_by_mistake(self) -> None:
        made = self.created("busy", 1)
        self.executors(made["id"], 1)
        at = ["--scheduler", made["scheduler"]]
        self.cinemill("submit", *self.job("busy"), *at, "--detach")
        said = self.refused(2, "cluster", "terminate", "--cluster", made["id"])
        self.assertIn("run busy goes on there", said)
        self.cinemill("cancel", "busy", *at)

    def test_a_cluster_that_does_not_boot_leaves_nothing(self) -> None:
        said = self.refused(21, "cluster", "create", self.file("broken", sha256="0" * 64))
        self.assertIn("bootstrap", said)
        self.assertIn("logs are in s3://films-logs/emr", said)
        clusters = self.client.list_clusters()["Clusters"]
        (broken,) = [cluster for cluster in clusters if cluster["Name"] == "broken"]
        self.assertTrue(broken["Status"]["State"].startswith("TERMINAT"))
        wait_for("no processes", lambda: owned(broken["Id"]) == [])

    def test_a_cancelled_creation_leaves_nothing(self) -> None:
        file = self.file("cancelled")
        argv = [programs() / "cinemill", "cluster", "create", file]
        creation = subprocess.Popen(argv, env=os.environ | self.aws.environment)
        found = wait_for("the cluster", lambda: self.named("cancelled"))
        creation.send_signal(signal.SIGTERM)
        code = creation.wait()
        if code == 0:
            self.skipTest("the cluster was up before the signal came")
        self.assertEqual(code, 22)
        self.emr.wait(found["Id"], {"TERMINATED", "TERMINATED_WITH_ERRORS"})

    def named(self, name: str) -> dict | None:
        clusters = self.client.list_clusters()["Clusters"]
        return next((cluster for cluster in clusters if cluster["Name"] == name), None)

    def test_autoscaling(self) -> None:
        made = self.created("auto", 1)
        cluster, at = made["id"], ["--scheduler", made["scheduler"]]
        self.executors(cluster, 1)
        marker = self.folder / "isbusy"
        controller = subprocess.Popen(
            [
                programs() / "cinemill",
                *["autoscale", "--cluster", cluster, *at, "--min", "1", "--max", "2"],
                *["--interval-s", "1", "--out-cooldown-s", "1", "--scale-in-after-s", "40"],
                *["--busy-marker", marker],
            ],
            env=os.environ | self.aws.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(controller.stderr.close)
        self.addCleanup(controller.wait)
        self.addCleanup(controller.terminate)
        for table in ("auto", "auto2"):
            self.cinemill("submit", *self.job(table), *at, "--detach")
        self.executors(cluster, 2)
        self.assertTrue(marker.exists())
        for table in ("auto", "auto2"):
            self.cinemill("wait", table, *at)
            self.assertEqual(self.rows(table), self.expected)
        self.executors(cluster, 1)
        wait_for("task nodes to go", lambda: self.emr.instances(cluster, "TASK") == [])


class OnEcs(Clusters):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.ecs = Ecs(cls.aws, 2, name="midst")

    def test_scaling_in_the_midst_of_a_run(self) -> None:
        ecs = self.ecs
        wait_for("2 executors", lambda: len(ecs.executors()) == 2)
        (scheduler,) = ecs.tasks("scheduler")
        address = scheduler["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
        at = f"{address}:50050"
        named = ["--target", "ecs", "--cluster", "midst", "--scheduler", at]
        self.scaling_in_the_midst_of_a_run(at, named)
        ecs.wait("executor", 1)
        described = self.cinemill("cluster", "describe", *named)
        self.assertIn("ecs cluster midst: ACTIVE, 1 executors wanted", described)
        logs = self.cinemill("cluster", "logs", "--target", "ecs", "--cluster", "midst")
        self.assertIn("==> executor/", logs)
        cost = ["cluster", "cost", *named, "--prices", PRICES]
        self.assertIn("the cluster as it is costs", self.cinemill(*cost))
        said = self.refused(2, "cluster", "terminate", "--target", "ecs", "--cluster", "midst")
        self.assertIn("it was not created by cinemill", said)

    def test_a_life(self) -> None:
        network = self.ecs.network["configuration"]["awsvpcConfiguration"]
        names = self.aws.client("servicediscovery")
        (registry,) = [each["Arn"] for each in names.list_services()["Services"]][:1]
        file = self.folder / "ecs.toml"
        file.write_text(f"""
            target = "ecs"
            name = "own"
            region = "{REGION}"
            image = "cinemill:test"
            execution_role = "arn:aws:iam::123456789012:role/execution"
            task_role = "arn:aws:iam::123456789012:role/task"
            subnet_ids = {json.dumps(network["subnets"])}
            security_group_ids = {json.dumps(network["securityGroups"])}
            log_group = "/cinemill/films"
            state_dir = "s3://films-lake/_cinemill/own"
            scheduler_host = "scheduler.films.internal"
            scheduler_registry = "{registry}"
            scheduler = {{ vcpus = 1, memory_mb = 2048 }}
            executor = {{ vcpus = 1, memory_mb = 2048, disk_gb = 21, count = 1, spot = true }}
        """)
        made = json.loads(self.cinemill("cluster", "create", file, "--executors", 2, "--json"))
        self.assertFalse(made["attached"])
        self.assertEqual(made["scheduler"], "scheduler.films.internal:50050")
        again = json.loads(self.cinemill("cluster", "create", file, "--json"))
        self.assertTrue(again["attached"])
        self.assertEqual(again["executors"], 2)
        self.cinemill("cluster", "terminate", "--target", "ecs", "--cluster", "own")
        self.cinemill("cluster", "terminate", "--target", "ecs", "--cluster", "own")


if __name__ == "__main__":
    unittest.main()
