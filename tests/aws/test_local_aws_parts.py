"""Parts of the local AWS by themselves: units, command lines, addresses."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from fixtures import wait_for
from local_aws import addresses
from local_aws.ecs.container import Container
from local_aws.machine import Machine
from local_aws.tools import positional
from local_aws.units import Service, Unit

UNIT = """
[Unit]
Description=films
StartLimitIntervalSec=0

[Service]
# A comment, which says ExecStart=nothing
Environment=AWS_REGION=eu-central-1 CINEMILL_LOG_FORMAT=json
Environment="NAME=two words"
ExecStart=/usr/local/bin/cinemill-executor --bind-host 0.0.0.0 --spot-notice
StandardOutput=append:/var/log/cinemill/executor.log
StandardError=journal
Restart=on-failure
RestartPreventExitStatus=2 143
RestartSec=5
KillSignal=SIGINT

[Install]
WantedBy=multi-user.target
"""


class Units(unittest.TestCase):
    def test_what_is_read(self) -> None:
        unit = Unit.read(UNIT)
        self.assertEqual(unit.command[0], "/usr/local/bin/cinemill-executor")
        self.assertEqual(unit.command[-1], "--spot-notice")
        self.assertEqual(unit.environment["CINEMILL_LOG_FORMAT"], "json")
        self.assertEqual(unit.environment["NAME"], "two words")
        self.assertEqual(unit.stdout, "/var/log/cinemill/executor.log")
        self.assertIsNone(unit.stderr)
        self.assertEqual(unit.kill_signal.name, "SIGINT")
        self.assertEqual((unit.restart_s, unit.final_codes), (5, {2, 143}))

    def test_which_ends_it_comes_back_from(self) -> None:
        unit = Unit.read(UNIT)
        # 0, a usage error, SIGTERM; against a failure, SIGKILL, SIGSEGV.
        self.assertFalse(any(unit.comes_again(code) for code in (0, 2, 143, -15)))
        self.assertTrue(all(unit.comes_again(code) for code in (1, -9, -11)))
        self.assertFalse(Unit(["true"]).comes_again(1))
        self.assertTrue(Unit(["true"], restart="always").comes_again(0))

    def service(self, script: str, **settings: object) -> tuple[Service, list[subprocess.Popen]]:
        started = []

        def start(unit: Unit) -> subprocess.Popen:
            started.append(subprocess.Popen(unit.command))
            return started[-1]

        service = Service("test", Unit(["sh", "-c", script], restart_s=0.01, **settings), start)
        self.addCleanup(service.stop)
        return service, started

    def test_a_service_that_fails_is_started_again(self) -> None:
        counter = Path(self.enterContext(tempfile.TemporaryDirectory())) / "count"
        script = f"echo >>{counter}; [ $(wc -l <{counter}) = 3 ]"
        service, started = self.service(script, restart="on-failure")
        wait_for("its success", lambda: not service.is_active)
        self.assertEqual([process.returncode for process in started], [1, 1, 0])

    def test_a_service_that_is_stopped_stays_so(self) -> None:
        service, started = self.service("exec sleep 618", restart="always")
        service.stop()
        self.assertEqual([process.returncode for process in started], [-15])
        self.assertFalse(service.is_active)


class CommandLines(unittest.TestCase):
    machine = Machine(
        Path("/n"), "127.77.1.2", {"/usr/local/bin": Path("/n/bin"), "/mnt": Path("/n/m")}
    )

    def test_paths_of_the_machine(self) -> None:
        for word, expected in {
            "/usr/local/bin/cinemill": "/n/bin/cinemill",
            "--work-dir=/mnt/cinemill": "--work-dir=/n/m/cinemill",
            "/usr/local/bin/a && cat '/mnt/b'": "/n/bin/a && cat '/n/m/b'",
            "/mnt": "/n/m",
            "s3://films/mnt/x": "s3://films/mnt/x",
            "/srv/mnt/x": "/srv/mnt/x",
            "/mnt2/x": "/mnt2/x",
        }.items():
            with self.subTest(word):
                self.assertEqual(self.machine.word(word), expected)

    def test_addresses_of_the_machine(self) -> None:
        words = ["--bind-host", "0.0.0.0", "--scheduler", "localhost:50050", "0.0.0.0"]
        expected = ["--bind-host", "127.77.1.2", "--scheduler", "127.77.1.2:50050", "0.0.0.0"]
        self.assertEqual(self.machine.words(words), expected)
        self.assertEqual(self.machine.word("http://127.0.0.1:5000"), "http://127.0.0.1:5000")
        script = "x --bind-host 0.0.0.0 & y --scheduler 127.0.0.1:50050"
        expected = "x --bind-host 127.77.1.2 & y --scheduler 127.77.1.2:50050"
        self.assertEqual(self.machine.word(script), expected)

    def test_words_that_are_no_flags(self) -> None:
        words = ["s3", "cp", "--region", "r", "--only-show-errors", "s3://a/b", "c"]
        self.assertEqual(positional(words, {"--region"}), ["s3", "cp", "s3://a/b", "c"])


DEFINITIONS = [
    {"name": "agent", "image": "agent", "essential": False, "command": ["/usr/local/bin/x"]},
    {"name": "proxy", "image": "proxy", "essential": True, "command": ["proxy"]},
    {
        "name": "executor",
        "image": "cinemill",
        "entryPoint": ["/usr/local/bin/cinemill-executor"],
        "command": ["--vcores", "1"],
        "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "stopTimeout": 120,
    },
]


class Containers(unittest.TestCase):
    def test_the_first_essential_one_of_ours(self) -> None:
        container = Container.of(DEFINITIONS, {})
        self.assertEqual(container.name, "executor")
        self.assertEqual(container.command[1:], ["--vcores", "1"])
        self.assertEqual((container.stop_timeout_s, container.logs), (120, {}))
        self.assertIsNone(Container.of(DEFINITIONS[:2], {}))

    def test_overrides(self) -> None:
        override = {
            "name": "executor",
            "command": ["--help"],
            "environment": [{"name": "B", "value": "3"}],
        }
        overrides = {"containerOverrides": [{"name": "agent", "command": ["no"]}, override]}
        container = Container.of(DEFINITIONS, overrides)
        self.assertEqual(container.command, ["/usr/local/bin/cinemill-executor", "--help"])
        self.assertEqual(container.environment, {"A": "1", "B": "3"})


class Addresses(unittest.TestCase):
    def test_no_two_share_one(self) -> None:
        first, second = addresses.Addresses(99), addresses.Addresses(99)
        for each in (first, second):
            self.addCleanup(each.claim.close)
        given = [each.next() for each in (first, first, second, second)]
        self.assertEqual(len(set(given)), 4)
        self.assertEqual(given[0], f"{first.prefix}.1")


if __name__ == "__main__":
    unittest.main()
