//! Words to write a service's tables with.
//! They build constants only; what the tables mean is in `upnp::device`.

use crate::upnp::{ActionSpec, Argument, DataType, Variable};

/// An action without arguments besides those given.
pub(super) const fn action(
    name: &'static str,
    inputs: &'static [Argument],
    outputs: &'static [Argument],
) -> ActionSpec {
    ActionSpec {
        name,
        inputs,
        outputs,
    }
}

/// An argument whose absence is error 402 when it is an input.
pub(super) const fn argument(name: &'static str, variable: &'static str) -> Argument {
    Argument {
        name,
        variable,
        if_absent: None,
    }
}

/// An input that may be left out and then means `if_absent`.
pub(super) const fn optional(
    name: &'static str,
    variable: &'static str,
    if_absent: &'static str,
) -> Argument {
    Argument {
        name,
        variable,
        if_absent: Some(if_absent),
    }
}

/// The first input of every AVTransport and RenderingControl action.
pub(super) const INSTANCE: Argument = optional("InstanceID", "A_ARG_TYPE_InstanceID", "0");

/// A variable of this type that can take any value.
pub(super) const fn variable(name: &'static str, data_type: DataType) -> Variable {
    Variable {
        name,
        data_type,
        evented: false,
        default: None,
        allowed: &[],
        range: None,
    }
}

/// A free text.
pub(super) const fn text(name: &'static str) -> Variable {
    variable(name, DataType::String)
}

/// A text out of a closed list.
pub(super) const fn choice(name: &'static str, allowed: &'static [&'static str]) -> Variable {
    Variable {
        allowed,
        ..text(name)
    }
}

/// A text that is evented on its own.
pub(super) const fn evented(name: &'static str) -> Variable {
    Variable {
        evented: true,
        ..text(name)
    }
}
