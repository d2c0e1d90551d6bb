//! `cinemill docs build`: every job and column is there, every link leads somewhere, and no text of a
//! job becomes anything but text.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cinemill_jobs::job::Catalog;
use cinemill_jobs::lineage::Lineage;
use cinemill_tests::processes::Cinemill;

use crate::fixture::{JOB, Small, assert_code, text};

/// Texts between `before` and the next `end`.
fn all<'a>(page: &'a str, before: &str, end: char) -> Vec<&'a str> {
    let pieces = page.split(before).skip(1);
    pieces.filter_map(|piece| piece.split(end).next()).collect()
}

fn pages(site: &Path) -> Vec<(PathBuf, String)> {
    let jobs = fs::read_dir(site.join("jobs")).unwrap().flatten();
    let mut pages: Vec<PathBuf> = jobs.map(|entry| entry.path()).collect();
    pages.push(site.join("index.html"));
    let read = |page: PathBuf| {
        let html = fs::read_to_string(&page).unwrap();
        (page, html)
    };
    pages.into_iter().map(read).collect()
}

fn assert_links_lead_somewhere(page: &Path, html: &str) {
    let ids: BTreeSet<&str> = all(html, " id=\"", '"').into_iter().collect();
    let links = all(html, "href=\"", '"').into_iter();
    for link in links.chain(all(html, "src=\"", '"')) {
        let link = link.replace("&#x2f;", "/");
        if let Some(id) = link.strip_prefix('#') {
            assert!(ids.contains(id), "{}: {link}", page.display());
        } else if !link.starts_with("https://") {
            let there = page.parent().unwrap().join(&link);
            assert!(there.is_file(), "{}: {link}", page.display());
        }
    }
    for edge in all(html, "data-from=\"", '"')
        .into_iter()
        .chain(all(html, "data-to=\"", '"'))
    {
        assert!(ids.contains(edge), "{}: {edge}", page.display());
    }
}

#[tokio::test]
async fn every_job_and_column_has_its_place() {
    let small = Small::new();
    let (site, output) = (small.path().join("site"), small.output());
    let cinemill = Cinemill::default();
    let input = small.input();
    let run = [
        "run",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(&output),
        "--run-id",
        "first",
    ];
    assert_code(&cinemill.run(&run).unwrap(), 0, &[]);
    let build = [
        "docs",
        "build",
        "--output",
        text(&site),
        "--runs",
        text(&output),
    ];
    assert_code(&cinemill.run(&build).unwrap(), 0, &["index.html"]);
    let pages = pages(&site);
    for (page, html) in &pages {
        assert_links_lead_somewhere(page, html);
        let foreign = ["http://www.w3.org/2000/svg", "https://"];
        let fetched = html.replace(foreign[0], "");
        assert!(!fetched.contains("src=\"http") && !fetched.contains("@import"));
    }
    let catalog = Catalog::default();
    let index = fs::read_to_string(site.join("index.html")).unwrap();
    for name in catalog.names().unwrap() {
        assert!(index.contains(&format!(">{name}</a>")), "{name}");
        let page = fs::read_to_string(site.join(format!("jobs/{name}.html"))).unwrap();
        let lineage = Lineage::of(&catalog.job(&name).unwrap()).await.unwrap();
        for table in &lineage.tables {
            for column in &table.columns {
                let named = format!("data-name=\"{}.{}\"", table.name, column.name);
                assert!(page.contains(&named), "{name}: {named}");
            }
        }
        for query in catalog.queries(&name).unwrap() {
            assert!(
                page.contains(&format!("{name}/{}", query.name)),
                "{}",
                query.name
            );
        }
    }
    let page = fs::read_to_string(site.join("jobs/imdb_titles.html")).unwrap();
    assert!(page.contains("<code>first</code>") && page.contains("Statistics of"));
    assert!(page.contains("crew.directors, crew.writers, names.primaryName"));
}

const EVIL: &str = "<script>alert(1)</script><img src=x onerror='alert(2)'>\" onload=\"alert(3)";

#[test]
fn hostile_texts_stay_texts() {
    let small = Small::new();
    let job = small.path().join("catalog").join("evil\"><b>");
    fs::create_dir_all(job.join("queries")).unwrap();
    let quoted = EVIL.replace('"', "\\\"");
    let column = "`<u>`";
    let toml = format!(
        "description = \"{quoted}\"\n\
         [inputs.a]\nfile = \"{quoted}\"\nformat = \"csv\"\nschema = \"x INT\"\n\
         [output]\nrelation = \"evil\"\nkey = [\"<u>\"]\n\
         [[expect]]\nname = \"{quoted}\"\ncondition = \"x < 1 OR '{}' = ''\"\n\
         [load.columns.\"<u>\"]\ncomment = \"{quoted}\"\n",
        quoted.replace('\'', "")
    );
    fs::write(job.join("job.toml"), toml).unwrap();
    let sql = format!("-- {EVIL}\nSELECT x, x AS {column} FROM a /* {EVIL} */");
    fs::write(job.join("evil.sql"), sql).unwrap();
    fs::write(
        job.join("README.md"),
        format!("# {EVIL}\n\n{EVIL}\n\n[x](javascript:alert(4))\n"),
    )
    .unwrap();
    let query = format!("-- {EVIL}?\nSELECT 1 AS one");
    fs::write(job.join("queries/q.sql"), query).unwrap();
    let (catalog, site) = (small.path().join("catalog"), small.path().join("site"));
    let build = [
        "docs",
        "build",
        "--catalog",
        text(&catalog),
        "--output",
        text(&site),
    ];
    assert_code(&Cinemill::default().run(&build).unwrap(), 0, &[]);
    let mut seen = false;
    for (page, html) in pages(&site) {
        assert_links_lead_somewhere(&page, &html);
        for bad in ["<script>", "<img", "<u>", "<b>", "javascript:"] {
            assert!(!html.contains(bad), "{}: {bad}", page.display());
        }
        let tags = all(&html, "<", '>');
        assert!(
            tags.iter().all(|tag| !tag.contains(" on")),
            "{}",
            page.display()
        );
        seen |= html.matches("&lt;script&gt;").count() >= 6;
    }
    assert!(seen, "the texts are shown");
}
