//! How fast a range is read: `cargo test --release source::tests::throughput -- --ignored
//! --nocapture`.

use std::time::Instant;

use super::super::fetch::Sizes;
use super::super::range::{Output, RangeScan, ScanMetrics};
use super::*;

/// Lines like those of title.basics.tsv.
fn title_basics(records: u32) -> Vec<u8> {
    let words = [
        "The",
        "Night",
        "of",
        "Étoile",
        "Carmencita",
        "a",
        "Blacksmith",
        "Scene",
        "2",
    ];
    let genres = [
        "Documentary,Short",
        "Drama",
        "Comedy,Drama,Romance",
        "\\N",
        "Talk-Show",
    ];
    let kinds = ["movie", "tvEpisode", "short", "tvSeries"];
    let mut text = b"tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\t\
        runtimeMinutes\tgenres\n"
        .to_vec();
    let mut seed = 12_345_u32;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % below
    };
    for id in 0..records {
        let title: Vec<&str> = (0..=next(5)).map(|_| words[next(words.len())]).collect();
        let (title, kind, genre) = (title.join(" "), kinds[next(4)], genres[next(5)]);
        let year = 1900 + next(125);
        text.extend(
            format!("tt{id:07}\t{kind}\t{title}\t{title}\t0\t{year}\t\\N\t\\N\t{genre}\n").bytes(),
        );
    }
    text
}

struct Sink(usize);

impl Output for Sink {
    fn batch(&mut self, batch: datafusion::arrow::array::RecordBatch) -> bool {
        self.0 += batch.num_rows();
        true
    }

    fn closed(&self) -> bool {
        false
    }
}

#[tokio::test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout, clippy::cast_precision_loss)]
async fn of_title_basics() {
    let text = title_basics(3_000_000);
    let world = World::with(&[("title.basics.tsv", &text)]).await;
    for columns in [
        ["tconst", "primaryTitle", "startYear", "genres"].as_slice(),
        &["tconst", "primaryTitle", "startYear:int", "genres"],
        &["tconst", "primaryTitle", "startYear:?int", "genres"],
    ] {
        let declared = imdb(columns, BadRecords::Permissive);
        let spec = Arc::new(world.discover("title.basics.tsv", &declared).await.unwrap());
        for projection in [vec![], (0..columns.len()).collect::<Vec<_>>()] {
            let scan = RangeScan {
                spec: Arc::clone(&spec),
                projection: projection.clone().into(),
                schema: Arc::new(spec.schema().project(&projection).unwrap()),
                batch_rows: 8192,
                store: Arc::clone(&world.store),
                audit: None,
                sizes: Sizes::default(),
                metrics: ScanMetrics::new(&Default::default(), 0),
            };
            let mut best = f64::MAX;
            for _ in 0..3 {
                let reader = scan.open(splits(&spec, 1, u64::MAX)[0][0]).unwrap();
                let run = move || {
                    let started = Instant::now();
                    let mut sink = Sink(0);
                    reader.run(&mut sink).unwrap().unwrap();
                    assert_eq!(sink.0, 3_000_000);
                    started.elapsed().as_secs_f64()
                };
                best = best.min(tokio::task::spawn_blocking(run).await.unwrap());
            }
            let rate = text.len() as f64 / 1e6 / best;
            println!(
                "{columns:?} {projection:?}: {rate:.0} MB/s, {:.0} MB",
                text.len() as f64 / 1e6
            );
        }
    }
}
