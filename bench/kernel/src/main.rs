// SPDX-License-Identifier: Apache-2.0
//! kernel-open TABLE [RUNS]: prints one JSON object a run with the seconds that opening and listing took.
//!
//! `open_s`: a snapshot of the newest version (protocol and metadata). `list_s`: from that snapshot, every
//! live file's path and size through the row visitor. `scan_s`: the same listing without visiting rows, only
//! counting the selection: the least that a caller can pay.

use std::time::Instant;

use delta_kernel::snapshot::Snapshot;
use delta_kernel_default_engine::storage::store_from_url;
use delta_kernel_default_engine::DefaultEngineBuilder;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let table = args.next().ok_or("usage: kernel-open TABLE [RUNS]")?;
    let runs: usize = args.next().map_or(Ok(1), |n| n.parse())?;
    let url = delta_kernel::try_parse_uri(&table)?;
    let engine = DefaultEngineBuilder::new(store_from_url(&url)?).build();
    for _ in 0..runs {
        let began = Instant::now();
        let snapshot = Snapshot::builder_for(url.clone()).build(&engine)?;
        let open = began.elapsed().as_secs_f64();

        let began = Instant::now();
        let mut seen = (0u64, 0i64);
        let scan = snapshot.clone().scan_builder().build()?;
        for batch in scan.scan_metadata(&engine)? {
            seen = batch?.visit_scan_files(seen, |seen, file| {
                seen.0 += 1;
                seen.1 += file.size;
            })?;
        }
        let list = began.elapsed().as_secs_f64();

        let began = Instant::now();
        let mut selected = 0usize;
        let scan = snapshot.clone().scan_builder().build()?;
        for batch in scan.scan_metadata(&engine)? {
            let batch = batch?;
            selected += batch.scan_files.selection_vector().iter().filter(|s| **s).count();
        }
        let count = began.elapsed().as_secs_f64();
        if selected as u64 != seen.0 {
            return Err(format!("{} files visited, {} selected", seen.0, selected).into());
        }
        println!(
            "{{\"version\": {}, \"files\": {}, \"bytes\": {}, \"open_s\": {:.6}, \"list_s\": {:.6}, \"scan_s\": {:.6}}}",
            snapshot.version(), seen.0, seen.1, open, list, count
        );
    }
    Ok(())
}
