//! `cinemill docs build`: the catalogue as a static site.
//!
//! One page per job and an index, a style sheet and a script; nothing is fetched, so the pages work
//! from a folder on a disk. All text comes from templates that escape it, but for three pieces that
//! are made as HTML here and escape their texts themselves: [`markdown`], [`sql`], [`graph`].

mod graph;
mod markdown;
mod runs;
mod sql;
pub(crate) mod text;
mod view;

use std::fs;
use std::path::{Path, PathBuf};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::store::Location;
use minijinja::{Environment, context};
use serde::Serialize;

use crate::job::Catalog;
use view::{IndexView, JobView};

const TEMPLATES: [(&str, &str); 3] = [
    ("frame.html", include_str!("templates/frame.html")),
    ("index.html", include_str!("templates/index.html")),
    ("job.html", include_str!("templates/job.html")),
];
const ASSETS: [(&str, &str); 2] = [
    ("style.css", include_str!("templates/style.css")),
    ("graph.js", include_str!("templates/graph.js")),
];

/// What to build, and where.
#[derive(Debug, Clone)]
pub struct SiteOptions {
    /// Created if it is not there.
    pub output: PathBuf,
    /// Folders of published tables, whose run records are shown.
    pub runs: Vec<Location>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteSummary {
    pub index: PathBuf,
    pub jobs: usize,
    pub pages: usize,
}

/// Builds the site of all jobs of a catalogue.
///
/// # Errors
/// `Definition` where a job is wrong, `Input` where a folder of runs cannot be read, `Final` where
/// the site cannot be written.
pub async fn build(catalog: &Catalog, options: &SiteOptions) -> Result<SiteSummary> {
    let past = runs::read(&options.runs).await?;
    let mut jobs = Vec::new();
    for name in catalog.names()? {
        jobs.push(JobView::of(catalog, &name, &past).await?);
    }
    let site = Site::new(&options.output)?;
    for (name, text) in ASSETS {
        site.write(&format!("assets/{name}"), text)?;
    }
    site.page(
        "index.html",
        "index.html",
        "",
        "Jobs",
        &IndexView::of(&jobs),
    )?;
    for job in &jobs {
        site.page(&job.page, "job.html", "../", &job.name, job)?;
    }
    Ok(SiteSummary {
        index: options.output.join("index.html"),
        jobs: jobs.len(),
        pages: jobs.len() + 1,
    })
}

struct Site<'a> {
    folder: &'a Path,
    templates: Environment<'static>,
}

impl<'a> Site<'a> {
    fn new(folder: &'a Path) -> Result<Self> {
        let mut templates = Environment::new();
        for (name, text) in TEMPLATES {
            templates
                .add_template(name, text)
                .map_err(|cause| Error::new(Kind::Final, "read template", name, cause))?;
        }
        Ok(Self { folder, templates })
    }

    /// Renders a page into the frame that all pages share; `root` leads from it to the site's root.
    fn page(
        &self,
        path: &str,
        template: &str,
        root: &str,
        title: &str,
        view: &impl Serialize,
    ) -> Result<()> {
        let failed = |cause: minijinja::Error| {
            Error::new(Kind::Final, "write page", path, format!("{cause:#}"))
        };
        let render = |name: &str, view| {
            let template = self.templates.get_template(name)?;
            template.render(view)
        };
        let body = render(template, context! { root, page => view }).map_err(failed)?;
        let page = context! { root, title, body, version => env!("CARGO_PKG_VERSION") };
        self.write(path, &render("frame.html", page).map_err(failed)?)
    }

    fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.folder.join(path);
        let folder = path.parent().unwrap_or(self.folder);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|cause| Error::new(Kind::Final, "write", path.display(), cause))
    }
}
