//! From what was written to what is meant: every default, every range, every check of one part against another.

mod input;
mod network;
mod output;
mod values;
mod zone;

use std::path::Path;

use super::plan::{Origin, Plan, whole_house};
use super::problem::Problems;
use super::raw::RawConfig;

/// Makes a plan of `raw` and reports what stands in the way. With problems reported the plan has gaps.
pub(super) fn resolve(
    raw: RawConfig,
    file: &Path,
    hostname: &str,
    problems: &mut Problems<'_>,
) -> Plan {
    let complete = problems.none();
    let port_line = raw
        .network
        .port
        .as_ref()
        .map(|port| problems.line(&port.span()));
    let output_lines = raw
        .outputs
        .iter()
        .map(|output| problems.line(&output.at))
        .collect();
    let input_lines = raw
        .inputs
        .iter()
        .map(|input| problems.line(&input.at))
        .collect();
    let network = network::network(raw.network, problems);
    let outputs = output::outputs(&raw.outputs, file, problems);
    let has_zones = !raw.zones.is_empty();
    // An output that could not be read has no name here, so zones that name it would be blamed for nothing.
    let zones = if complete {
        zone::zones(&raw.zones, &outputs, problems)
    } else {
        Vec::new()
    };
    let zones = match (has_zones, outputs.len()) {
        (false, 1..) => vec![whole_house(hostname, outputs.len())],
        _ => zones,
    };
    if complete {
        zone::check_spread(&zones, &outputs, &raw.outputs, problems);
    }
    // The same holds for zones and the inputs that name them.
    let inputs = if complete {
        input::inputs(&raw.inputs, &zones, file, problems)
    } else {
        Vec::new()
    };
    Plan {
        origin: Some(Origin {
            file: file.to_path_buf(),
            output_lines,
            input_lines,
            port_line,
        }),
        network,
        outputs,
        zones,
        inputs,
    }
}
