//! Processes on hosts of their own, and packets between them that are dropped.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use cinemill_tests::gate::Hold;
use cinemill_tests::hosts::Network;

use crate::case::{Case, OF_AUDIT, OF_INPUT, OF_ROWS, left};

const HOSTS: usize = 3;
/// Longer than it takes an executor to count as lost: from where the scheduler is, all are.
const CUT: Duration = Duration::from_secs(8);

/// `None`, with the reason printed, where hosts cannot be made.
fn network() -> Option<Network> {
    if let Some(reason) = Network::is_refused() {
        // Past the test harness, which shows nothing of a test that passes.
        let _ = writeln!(io::stderr(), "skipped, no hosts can be made here: {reason}");
        return None;
    }
    Some(Network::start(HOSTS).unwrap())
}

#[test]
fn no_host_is_localhost_to_another() {
    let Some(network) = network() else { return };
    let case = Case::on(&network, HOSTS);
    let registered = case.fleet.registered().unwrap();
    let hosts = registered
        .iter()
        .filter_map(|executor| executor["host"].as_str());
    let mut hosts: Vec<_> = hosts.collect();
    hosts.sort_unstable();
    let expected = [1, 2].map(|host| network.host(host).address.to_string());
    assert_eq!(hosts, expected);
    case.works_after();
}

#[test]
fn an_executor_is_cut_off_while_it_scans_and_healed_later() {
    let Some(network) = network() else { return };
    let case = Case::on(&network, HOSTS);
    case.gate(0).hold(Hold::before("GET", OF_INPUT));
    let run = case.submit("cut-scan", &[]);
    case.gate(0).wait_for_held().unwrap();
    network.cut_off(1).unwrap();
    case.gate(0).release();
    case.ends_right_in_the_end(run);
    network.heal(1).unwrap();
    case.fleet.wait_for_executors(2).unwrap();
    case.works_after();
}

/// Its shuffle files exist and cannot be reached; nobody refuses a connection.
#[test]
fn an_executor_is_cut_off_whose_shuffle_files_are_needed() {
    let Some(network) = network() else { return };
    let case = Case::on(&network, HOSTS);
    case.gate(0).hold(Hold::before("PUT", OF_AUDIT));
    let run = case.submit("cut-shuffle", &[]);
    case.gate(0).wait_for_held().unwrap();
    run.story
        .wait_for_stages("write", "the end of all scans but one", left(1))
        .unwrap();
    network.cut_off(2).unwrap();
    case.gate(0).release();
    case.ends_right_in_the_end(run);
    network.heal(2).unwrap();
    case.fleet.wait_for_executors(2).unwrap();
    case.works_after();
}

/// It comes back with its writing amid what is done in its place.
#[test]
fn an_executor_is_cut_off_while_it_writes_and_healed_at_once_when_lost() {
    let Some(network) = network() else { return };
    let case = Case::on(&network, HOSTS);
    case.gate(0).hold(Hold::before("PUT", OF_ROWS));
    let run = case.submit("cut-write", &[]);
    case.gate(0).wait_for_held().unwrap();
    network.cut_off(1).unwrap();
    case.fleet.wait_for_executors(1).unwrap();
    case.gate(0).release();
    network.heal(1).unwrap();
    case.ends_right_in_the_end(run);
    case.fleet.wait_for_executors(2).unwrap();
    case.works_after();
}

/// The scheduler reaches both, they do not reach each other: reading shuffle files fails, and no
/// executor is lost.
#[test]
fn two_executors_are_cut_off_from_each_other() {
    let Some(network) = network() else { return };
    let case = Case::on(&network, HOSTS);
    case.gate(0).hold(Hold::before("PUT", OF_AUDIT));
    let run = case.submit("cut-between", &[]);
    case.gate(0).wait_for_held().unwrap();
    network.cut_between(1, 2).unwrap();
    case.gate(0).release();
    run.story.wait_for_retry().unwrap();
    network.heal_between(1, 2).unwrap();
    case.ends_right_in_the_end(run);
    case.works_after();
}

/// From its executors, its store and its clients alike.
#[test]
fn the_scheduler_is_cut_off_and_healed() {
    let Some(network) = network() else { return };
    let case = Case::on(&network, HOSTS);
    case.gate(0).hold(Hold::before("PUT", OF_ROWS));
    let run = case.submit("cut-scheduler", &[]);
    case.gate(0).wait_for_held().unwrap();
    network.cut_off(0).unwrap();
    case.gate(0).release();
    thread::sleep(CUT);
    network.heal(0).unwrap();
    case.ends_right_in_the_end(run);
    case.fleet.wait_for_executors(2).unwrap();
    case.works_after();
}
