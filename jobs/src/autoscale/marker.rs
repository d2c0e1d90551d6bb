//! EMR's busy marker: a file whose age tells whether the cluster does anything.
//!
//! EMR's auto-termination asks YARN, which knows nothing of cinemill, and this file.
//! <https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-auto-termination-policy.html>

use std::fs::{File, FileTimes};
use std::path::Path;
use std::time::SystemTime;

use cinemill_engine::error::{Error, Kind, Result};

/// Says that the cluster is busy now.
///
/// # Errors
/// `Final` where the file can be neither made nor touched.
pub fn touch(path: &Path) -> Result<()> {
    let failed = |cause| {
        Error::new(Kind::Final, "touch", path.display(), cause)
            .hint("its folder must be there and open to the user of this process")
    };
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(failed)?;
    let now = FileTimes::new().set_modified(SystemTime::now());
    file.set_times(now).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_marker_is_made_and_kept_fresh() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("isbusy");
        touch(&path)?;
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        File::options()
            .append(true)
            .open(&path)?
            .set_modified(hour_ago)?;
        touch(&path)?;
        let age = path.metadata()?.modified()?.elapsed()?;
        assert!(age < Duration::from_secs(60), "{age:?}");
        assert!(touch(&folder.path().join("nowhere/isbusy")).is_err());
        Ok(())
    }
}
