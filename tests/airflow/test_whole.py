"""The DAGs from the source to the warehouse, by `airflow dags test` against the local AWS."""

import io
import unittest

from support import FOLDER
from support.airflow import Airflow
from support.deployment import TITLES, cinemill, embedded
from support.world import deployment, good_source

TABLE = 'SELECT * FROM public.imdb_titles ORDER BY title_key COLLATE "C"'

PREFIX = "imdb_process_data-"


class Whole(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.world = deployment()
        cls.world.redshift.clear()
        settings = cls.world.settings("whole", good_source())
        environment = cls.world.environment | settings.environment
        cls.airflow = Airflow(FOLDER / "whole", cls.world.redshift, environment)

    def test_two_jobs_on_one_cluster(self) -> None:
        told = self.airflow.run("dags", "test", "movie_insights").stdout
        self.assertIn("COMPLETED: movies_model, rows", told)
        self.assertIn("COMPLETED: movie_insights, rows", told)
        (cluster,) = self.world.clusters("movie_insights-")
        self.assertEqual(cluster["Status"]["State"], "TERMINATED")
        redshift = self.world.redshift
        loads = redshift.ask(
            "SELECT job, COUNT(*), COUNT(DISTINCT load_id) FROM cinemill.loads "
            "WHERE job LIKE 'movie%%' GROUP BY job ORDER BY job"
        )
        self.assertEqual(loads, [("movie_insights", 7, 1), ("movies_model", 8, 1)])
        films = redshift.ask("SELECT title FROM public.movies ORDER BY movie_id")
        self.assertEqual(films, [("One, two",), ("Three",)])
        months = redshift.ask("SELECT COUNT(*) FROM public.box_office_by_month")
        self.assertEqual(months, [(2,)])

    def test_from_the_source_to_the_warehouse(self) -> None:
        # Other tests have clusters of that DAG, too.
        self.earlier = {cluster["Id"] for cluster in self.world.clusters(PREFIX)}
        told = self.airflow.run("dags", "test", "imdb_process_data").stdout
        self.assertIn("write: stage", told)
        self.assertIn(f"COMPLETED: imdb_titles, rows {TITLES}", told)
        self.raw_files_are_staged()
        self.the_cluster_did_it_and_is_gone()
        self.the_table_is_published()

        self.airflow.run("dags", "test", "imdb_to_redshift")
        self.all_rows_are_right()

        again = self.airflow.run("dags", "test", "imdb_to_redshift").stdout
        self.assertIn("nothing to do", again)

    def raw_files_are_staged(self) -> None:
        s3 = self.world.s3.client()
        raw = s3.list_objects_v2(Bucket="films-raw", Prefix="whole/")["Contents"]
        names = {item["Key"].split("/")[-1] for item in raw}
        self.assertLessEqual({"title.basics.tsv.gz", "name.basics.tsv.gz"}, names)
        archived = s3.list_objects_v2(Bucket="films-archive", Prefix="whole/")
        self.assertEqual(archived["KeyCount"], 5)

    def the_cluster_did_it_and_is_gone(self) -> None:
        clusters = self.world.clusters(PREFIX)
        (cluster,) = [each for each in clusters if each["Id"] not in self.earlier]
        self.assertEqual(cluster["Status"]["State"], "TERMINATED")
        emr = self.world.emr.client
        groups = ["CORE", "TASK"]
        executors = emr.list_instances(ClusterId=cluster["Id"], InstanceGroupTypes=groups)
        self.assertEqual(len(executors["Instances"]), 3)
        (step,) = emr.list_steps(ClusterId=cluster["Id"])["Steps"]
        self.assertEqual(step["Status"]["State"], "COMPLETED")

    def the_table_is_published(self) -> None:
        lake = self.world.folder / "s3/films-lake/whole"
        self.assertTrue((lake / "_SUCCESS").exists())
        self.assertTrue(list(lake.glob("*.parquet")))

    def all_rows_are_right(self) -> None:
        """Those of the warehouse are the ones that a single process makes of the same files."""
        redshift = self.world.redshift
        expected = redshift.database("expected")
        table = embedded(good_source().parent / "plain", FOLDER / "expected")
        cinemill("load", table, "--to", expected, "--create", environment=redshift.environment)
        self.assertEqual(self.rows(expected).count("\n"), TITLES)
        self.assertEqual(self.rows(redshift.url), self.rows(expected))

    def rows(self, url: str) -> str:
        connection = self.world.redshift.connect(url)
        try:
            with connection.cursor() as cursor, io.StringIO() as text:
                cursor.copy_expert(f"COPY ({TABLE}) TO STDOUT", text)
                return text.getvalue()
        finally:
            connection.close()


if __name__ == "__main__":
    unittest.main()
