//! The values of an action call, checked against the service's table.
//! Not about their meaning: lists of allowed values and ranges are the service's business.

use crate::upnp::device::{
    Action, ActionError, ActionSpec, Argument, DataType, ServiceDescription,
};

/// UPnP error 402, Invalid Args.
pub(crate) fn invalid_args(why: impl Into<String>) -> ActionError {
    ActionError::new(402, why)
}

/// Finds the action `name` and its inputs among what was sent, in any order and with anything else ignored.
///
/// Errors: 401 for an action the service does not have; 402 for a missing input or one of the wrong type; 601 for a number that its
/// type cannot hold, and for anything but a number where the table gives a range.
pub(crate) fn bind(
    service: &'static ServiceDescription,
    name: &str,
    sent: &[(String, String)],
) -> Result<Action, ActionError> {
    let spec: &'static ActionSpec = service
        .actions
        .iter()
        .find(|action| action.name == name)
        .ok_or_else(|| ActionError::new(401, format!("This service has no action {name:?}")))?;
    let inputs = spec
        .inputs
        .iter()
        .map(|input| {
            let exact = sent.iter().find(|(name, _)| name == input.name);
            let found = exact.or_else(|| {
                sent.iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(input.name))
            });
            value(service, input, found.map(|(_, value)| value.as_str()))
        })
        .collect::<Result<_, _>>()?;
    Ok(Action { spec, inputs })
}

fn value(
    service: &ServiceDescription,
    input: &Argument,
    sent: Option<&str>,
) -> Result<String, ActionError> {
    let name = input.name;
    let sent = match (sent, input.if_absent) {
        // A blank value says as little as none.
        (None, Some(default)) => default,
        (Some(sent), Some(default)) if sent.trim().is_empty() => default,
        (Some(sent), _) => sent,
        (None, None) => return Err(invalid_args(format!("The argument {name} is missing"))),
    };
    let variable = service
        .variables
        .iter()
        .find(|variable| variable.name == input.variable);
    // A table without the variable is caught by the test of the tables; a value is then passed on as text.
    let Some(variable) = variable else {
        return Ok(sent.to_owned());
    };
    let bounds = match variable.data_type {
        DataType::String if variable.allowed.is_empty() => return Ok(sent.to_owned()),
        DataType::String => return Ok(sent.trim().to_owned()),
        DataType::Boolean => return boolean(name, sent),
        DataType::I2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        DataType::I4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        DataType::Ui2 => (0, i64::from(u16::MAX)),
        DataType::Ui4 => (0, i64::from(u32::MAX)),
    };
    let text = sent.trim();
    match integer(text) {
        Some(number) if (bounds.0..=bounds.1).contains(&number) => Ok(number.to_string()),
        Some(number) => Err(ActionError::new(
            601,
            format!("{name} cannot be {number}: out of range"),
        )),
        None if variable.range.is_some() && !text.is_empty() => Err(ActionError::new(
            601,
            format!("{name} must be a number, not {text:?}"),
        )),
        None => Err(invalid_args(format!(
            "{name} must be a number, not {text:?}"
        ))),
    }
}

fn boolean(name: &str, sent: &str) -> Result<String, ActionError> {
    match sent.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok("1".to_owned()),
        "0" | "false" | "no" => Ok("0".to_owned()),
        other => Err(invalid_args(format!(
            "{name} must be 0 or 1, not {other:?}"
        ))),
    }
}

/// A whole number; `42.0` and `42.7` are 42, as some sliders send them.
fn integer(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let plain = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| whole.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upnp::device::Variable;
    use crate::upnp::device::table::{action, argument, choice, optional, text, variable};

    const SET: ActionSpec = action(
        "Set",
        &[
            optional("InstanceID", "InstanceID", "0"),
            argument("Volume", "Volume"),
            optional("Mute", "Mute", "0"),
            optional("Channel", "Channel", "Master"),
            argument("Uri", "Uri"),
        ],
        &[],
    );

    const SERVICE: ServiceDescription = ServiceDescription {
        service_type: "urn:x:service:Y:1",
        service_id: "urn:x:serviceId:Y",
        path: "Y",
        actions: &[SET],
        variables: &[
            variable("InstanceID", DataType::Ui4),
            Variable {
                range: Some((0, 100, 1)),
                ..variable("Volume", DataType::Ui2)
            },
            variable("Mute", DataType::Boolean),
            choice("Channel", &["Master"]),
            text("Uri"),
        ],
    };

    /// Binds `name=value` pairs, separated by `;`, and writes the inputs or the error's code.
    fn check(sent: &str, expected: &str) {
        let sent: Vec<_> = sent
            .split(';')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let got = match bind(&SERVICE, "Set", &sent) {
            Ok(action) => action.inputs.join("|"),
            Err(error) => error.code.to_string(),
        };
        assert_eq!(got, expected, "{sent:?}");
    }

    #[test]
    fn a13_a14_absent_blank_reordered_and_extra() {
        check("Uri= x ;Volume=7;Extra=1", "0|7|0|Master| x ");
        check(
            "InstanceID= ;Volume= 42.0 ;Mute=YES;Channel=;Uri=",
            "0|42|1|Master|",
        );
        check("volume=1;URI=a;channel= LF ", "0|1|0|LF|a");
        check("Volume=1", "402");
        check("Uri=x", "402");
    }

    #[test]
    fn a16_wrong_types() {
        check("InstanceID=abc;Volume=1;Uri=", "402");
        check("InstanceID=1;Volume=1;Uri=", "1|1|0|Master|");
        check("InstanceID=-1;Volume=1;Uri=", "601");
        check("Volume=-1;Uri=", "601");
        check("Volume=abc;Uri=", "601");
        check("Volume= ;Uri=", "402");
        check("Volume=101;Uri=", "0|101|0|Master|");
        check("Volume=99999999999999999999;Uri=", "601");
        check("Volume=1;Mute=2;Uri=", "402");
    }

    #[test]
    fn a17_unknown_action() {
        assert_eq!(
            bind(&SERVICE, "Frobnicate", &[]).map_err(|e| e.code).err(),
            Some(401)
        );
    }
}
