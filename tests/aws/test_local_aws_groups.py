"""The local AWS' EMR without our programs: instance groups and spot instances."""

import json
import unittest
import urllib.error

from cases import Bare, ask
from fixtures import wait_for
from fixtures.emr import group


class Groups(Bare):
    def setUp(self) -> None:
        self.cluster = self.run_cluster()
        self.emr.wait(self.cluster, {"WAITING"})

    def task_nodes(self, count: int) -> list[dict]:
        wait_for("its nodes", lambda: len(self.emr.instances(self.cluster, "TASK")) == count)
        return self.emr.instances(self.cluster, "TASK")

    def add_group(self, count: int) -> str:
        (name,) = self.client.add_instance_groups(
            JobFlowId=self.cluster, InstanceGroups=[group("TASK", count)]
        )["InstanceGroupIds"]
        return name

    def test_a_group_that_is_added(self) -> None:
        name = self.add_group(2)
        nodes = self.task_nodes(2)
        self.assertEqual({node["InstanceGroupId"] for node in nodes}, {name})
        self.assertEqual(len({node["PrivateIpAddress"] for node in nodes}), 2)
        self.assertEqual(self.group(self.cluster, "TASK")["Status"]["State"], "RUNNING")

    def test_which_nodes_go(self) -> None:
        name = self.add_group(3)
        oldest, middle, newest = self.task_nodes(3)
        policy = {"InstancesToProtect": [newest["Ec2InstanceId"]]}
        wanted = {"InstanceGroupId": name, "InstanceCount": 2}
        wanted["ShrinkPolicy"] = {"InstanceResizePolicy": policy}
        self.client.modify_instance_groups(InstanceGroups=[wanted])
        self.assertEqual(self.task_nodes(2), [oldest, newest])
        named = {"InstanceGroupId": name, "EC2InstanceIdsToTerminate": [oldest["Ec2InstanceId"]]}
        self.client.modify_instance_groups(InstanceGroups=[named])
        self.assertEqual(self.task_nodes(1), [newest])
        self.assertEqual(self.group(self.cluster, "TASK")["RequestedInstanceCount"], 1)
        gone = self.emr.instances(self.cluster, "TASK", "TERMINATED")
        self.assertEqual({each["Id"] for each in gone}, {oldest["Id"], middle["Id"]})

    def test_sizes_that_are_refused(self) -> None:
        for role, count in (("MASTER", 2), ("CORE", 0)):
            with self.subTest(role), self.refused("ValidationException"):
                self.resize(self.cluster, role, count)

    def test_the_notice_of_a_spot_node(self) -> None:
        self.add_group(1)
        (node,) = self.task_nodes(1)
        name = node["Ec2InstanceId"]
        metadata = f"{self.aws.endpoint}/local-aws/imds/{name}/latest"
        headers = {"X-aws-ec2-metadata-token": ask(f"{metadata}/api/token", method="PUT")}
        self.assertEqual(ask(f"{metadata}/meta-data/instance-id", headers=headers), name)
        action = f"{metadata}/meta-data/spot/instance-action"
        for answer, given in ((401, {}), (404, headers)):
            with self.assertRaises(urllib.error.HTTPError) as failed:
                ask(action, headers=given)
            self.assertEqual(failed.exception.code, answer)
            failed.exception.close()
        self.take_away(name, seconds=120)
        self.assertEqual(json.loads(ask(action, headers=headers))["action"], "terminate")

    def test_a_spot_node_that_is_taken_away_is_replaced(self) -> None:
        self.add_group(1)
        (lost,) = self.task_nodes(1)
        self.take_away(lost["Ec2InstanceId"], seconds=0)
        wait_for("its loss", lambda: self.emr.instances(self.cluster, "TASK") != [lost])
        (other,) = self.task_nodes(1)
        self.assertNotEqual(other["PrivateIpAddress"], lost["PrivateIpAddress"])


if __name__ == "__main__":
    unittest.main()
