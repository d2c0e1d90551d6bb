//! The table within plans.

use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};

use super::*;

const TITLES: &[u8] = b"id\tname\tyear\n1\tA\t1990\n2\tB\t\\N\n3\tC\t2000\n";
const RATINGS: &[u8] = b"id,rating\n1,7.5\n3,9\n3,1e1\n4,1\n";

async fn world() -> World {
    let world = World::with(&[("titles.tsv", TITLES), ("ratings.csv", RATINGS)]).await;
    let titles = imdb(&["id", "name", "year:int"], BadRecords::Fail);
    world.table("titles", "titles.tsv", &titles).await.unwrap();
    let ratings = declared(
        TextFormat::csv(),
        &["rating:double", "id"],
        BadRecords::Fail,
    );
    world
        .table("ratings", "ratings.csv", &ratings)
        .await
        .unwrap();
    world
}

#[tokio::test]
async fn queries() {
    let world = world().await;
    for (sql, expected) in [
        (
            "select * from titles",
            ["1|A|1990", "2|B|~", "3|C|2000"].as_slice(),
        ),
        ("select year, id from titles where year > 1995", &["2000|3"]),
        ("select count(*) from titles", &["3"]),
        ("select count(year), count(*), 7 from titles", &["2|3|7"]),
        ("select 'x' from ratings", &["x", "x", "x", "x"]),
        ("select rating, id from ratings limit 1", &["7.5|1"]),
        (
            "select t.name, sum(r.rating) from titles t left join ratings r on t.id = r.id \
             group by t.name order by t.name",
            &["A|7.5", "B|~", "C|19.0"],
        ),
        (
            "select a.id from titles a join titles b using (id) order by 1",
            &["1", "2", "3"],
        ),
    ] {
        assert_eq!(world.rows(sql).await.unwrap(), expected, "{sql}");
    }
}

async fn scan(world: &World, sql: &str) -> Arc<dyn ExecutionPlan> {
    let frame = world.context.sql(sql).await.unwrap();
    let mut plan = frame.create_physical_plan().await.unwrap();
    while plan.downcast_ref::<TextScanExec>().is_none() {
        plan = Arc::clone(plan.children()[0]);
    }
    plan
}

#[tokio::test]
async fn the_plan_tells_what_it_reads() {
    let plan = scan(&world().await, "select year, id from titles").await;
    let text = displayable(plan.as_ref()).indent(false).to_string();
    let first = text.lines().next().unwrap();
    assert_eq!(
        first,
        "TextScanExec: input=titles, columns=[id, year], files=1, partitions=1, mode=fail"
    );
    assert!(text.contains("DataSourceExec"), "{text}");
}

#[tokio::test]
async fn statistics_are_shared_out_among_partitions() {
    let mut text = b"id\tyear\n".to_vec();
    for id in 0..400_000 {
        text.extend(format!("tt{id:07}\t1999\n").bytes());
    }
    let world = World::with(&[("a.tsv", &text)]).await;
    world
        .table("t", "a.tsv", &imdb(&["id", "year:int"], BadRecords::Drop))
        .await
        .unwrap();
    let plan = scan(&world, "select year from t").await;
    let rows = |partition| {
        let args = StatisticsArgs::new().with_partition(partition);
        let statistics = StatisticsContext::new()
            .compute(plan.as_ref(), &args)
            .unwrap();
        let bytes = *statistics.total_byte_size.get_value().unwrap();
        assert!(statistics.num_rows.is_exact().is_some_and(|exact| !exact));
        (*statistics.num_rows.get_value().unwrap(), bytes)
    };
    let (all, bytes) = rows(None);
    assert!((396_000..404_000).contains(&all), "{all}");
    assert_eq!(bytes, all * 4);
    assert_eq!(rows(Some(2)), (all.div_ceil(3), bytes.div_ceil(3)));
    collect(Arc::clone(&plan), world.context.task_ctx())
        .await
        .unwrap();
    let metrics = plan.metrics().unwrap().aggregate_by_name();
    assert_eq!(metrics.output_rows(), Some(400_000));
    assert_eq!(metrics.sum_by_name("records").unwrap().as_usize(), 400_000);
    assert_eq!(metrics.sum_by_name("rejects").unwrap().as_usize(), 0);
    assert!(metrics.sum_by_name("bytes_scanned").unwrap().as_usize() >= text.len() - 8);
}

#[tokio::test]
async fn a_scan_survives_encoding() {
    let world = world().await;
    let plan = scan(&world, "select year, id from titles").await;
    let original = plan.downcast_ref::<TextScanExec>().unwrap();
    let bytes = original.encode().unwrap();
    // As on an executor: other ranges, cut from elsewhere.
    let body = original.spec().files[0].body_start;
    let child = splits_exec(&[vec![Split {
        file: 0,
        start: body,
        end: body + 1,
    }]])
    .unwrap();
    let decoded = TextScanExec::decode(&bytes, child).unwrap();
    assert_eq!(decoded.spec(), original.spec());
    assert_eq!(decoded.projection(), [0, 2]);
    assert_eq!(decoded.estimate(), original.estimate());
    let batches = collect(Arc::new(decoded), world.context.task_ctx())
        .await
        .unwrap();
    assert_eq!(
        batches.iter().map(|batch| batch.num_rows()).sum::<usize>(),
        1
    );
    let child = splits_exec(&[]).unwrap();
    assert!(TextScanExec::decode(b"{}", child).is_err());
}

#[tokio::test]
async fn a_dropped_stream_stops_reading() {
    use futures::StreamExt;
    let mut text = b"id\tyear\n".to_vec();
    text.extend("1\t1\n".repeat(2_000_000).bytes());
    let world = World::with(&[("a.tsv", &text)]).await;
    world
        .table("t", "a.tsv", &imdb(&["id", "year:int"], BadRecords::Drop))
        .await
        .unwrap();
    let plan = scan(&world, "select id from t").await;
    let mut stream = plan.execute(0, world.context.task_ctx()).unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let rows = plan.metrics().unwrap().output_rows().unwrap();
    assert!(rows < 10_000, "{rows} rows were read");
}
