//! The tables against the rules for SCPDs, and every answer against the tables.

use std::collections::HashSet;
use std::sync::Arc;

use unisono::renderer::track;
use unisono::upnp::device::description;
use unisono::upnp::{DataType, Variable};
use unisono::zone::{TransportState, ZoneState};

use super::bench::{Bench, URI, standard_track, state};
use crate::support::upnp_device::identity;
use crate::support::upnp_rules::{device_faults, scpd_faults};

#[test]
fn d03_every_argument_has_a_variable_and_every_variable_a_use() {
    for service in Bench::fresh().services {
        let description = service.description();
        let variables: HashSet<_> = description.variables.iter().map(|v| v.name).collect();
        assert_eq!(variables.len(), description.variables.len());
        let mut unused: HashSet<_> = description
            .variables
            .iter()
            .filter(|variable| !variable.evented)
            .map(|variable| variable.name)
            .collect();
        for action in description.actions {
            for argument in action.inputs.iter().chain(action.outputs) {
                assert!(variables.contains(argument.variable), "{argument:?}");
                unused.remove(argument.variable);
            }
        }
        assert_eq!(unused, HashSet::new(), "in {}", description.service_id);
    }
}

#[test]
fn services_have_the_names_that_control_points_look_for() {
    let ids: Vec<_> = Bench::fresh()
        .services
        .iter()
        .map(|service| {
            (
                service.description().service_type,
                service.description().service_id,
            )
        })
        .collect();
    assert_eq!(
        ids,
        [
            (
                "urn:schemas-upnp-org:service:AVTransport:1",
                "urn:upnp-org:serviceId:AVTransport"
            ),
            (
                "urn:schemas-upnp-org:service:RenderingControl:1",
                "urn:upnp-org:serviceId:RenderingControl"
            ),
            (
                "urn:schemas-upnp-org:service:ConnectionManager:1",
                "urn:upnp-org:serviceId:ConnectionManager"
            ),
        ]
    );
}

#[test]
fn everything_evented_is_in_the_table() {
    for service in Bench::with_track(TransportState::Playing).services {
        for (name, value) in service.snapshot() {
            let variables = service.description().variables;
            // What exists per channel has its channel behind its name.
            let (plain, _channel) = name.split_once(' ').unwrap_or((name, ""));
            let variable = variables.iter().find(|v| v.name == plain);
            check(variable.expect(name), &value);
        }
    }
}

/// Strict clients (async_upnp_client) refuse an answer that its variable does not allow.
#[tokio::test]
async fn f10_every_answer_is_a_value_that_its_variable_allows() {
    use TransportState::{NoMedia, Paused, Playing, Stopped, Transitioning};
    let mut states = vec![ZoneState::default()];
    for transport in [NoMedia, Stopped, Transitioning, Playing, Paused] {
        states.push(state(transport));
        states.push(ZoneState {
            next: Some(standard_track()),
            track: Some(Arc::new(track(URI, "not metadata"))),
            error: Some("an error".to_owned()),
            duration: None,
            muted: true,
            volume: 100,
            ..state(transport)
        });
    }
    let mut bench = Bench::fresh();
    let mut checked = 0;
    for state in states {
        bench.publish(state);
        for service in bench.services.clone() {
            let description = service.description();
            for action in description.actions {
                if action.outputs.is_empty() {
                    continue;
                }
                let inputs = [("ConnectionID", "0")];
                let outputs = bench.call(action.name, &inputs).await.unwrap();
                for (argument, (name, value)) in action.outputs.iter().zip(outputs) {
                    assert_eq!(argument.name, name);
                    let variables = description.variables;
                    let variable = variables.iter().find(|v| v.name == argument.variable);
                    check(variable.unwrap(), &value);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 300, "only {checked} values were looked at");
}

fn check(variable: &Variable, value: &str) {
    let name = variable.name;
    assert!(
        variable.allowed.is_empty() || variable.allowed.contains(&value),
        "{name} = {value:?} is not allowed"
    );
    let number = match variable.data_type {
        DataType::String => return,
        DataType::Boolean => {
            assert!(value == "0" || value == "1", "{name} = {value:?}");
            return;
        }
        DataType::I2 => i64::from(value.parse::<i16>().unwrap()),
        DataType::I4 => i64::from(value.parse::<i32>().unwrap()),
        DataType::Ui2 => i64::from(value.parse::<u16>().unwrap()),
        DataType::Ui4 => i64::from(value.parse::<u32>().unwrap()),
    };
    if let Some((least, most, _)) = variable.range {
        assert!((least..=most).contains(&number), "{name} = {value}");
    }
}

#[test]
fn d01_d03_the_descriptions_of_a_renderer_keep_the_rules() {
    let bench = Bench::fresh();
    let tables: Vec<_> = bench.services.iter().map(|it| it.description()).collect();
    let none = Vec::<String>::new();
    assert_eq!(
        device_faults(&description::device(&identity("House"), &tables, None)),
        none
    );
    for table in tables {
        let faults = scpd_faults(&description::scpd(table));
        assert_eq!(faults, none, "in {}", table.service_id);
    }
}
