//! Words to write a service's tables with.
//! They build constants only; what the tables mean is in `service`.

use super::service::{ActionSpec, Argument, DataType, Variable};

/// An action without arguments besides those given.
pub const fn action(
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
pub const fn argument(name: &'static str, variable: &'static str) -> Argument {
    Argument {
        name,
        variable,
        if_absent: None,
    }
}

/// An input that may be left out and then means `if_absent`.
pub const fn optional(
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

/// A variable of this type that can take any value.
pub const fn variable(name: &'static str, data_type: DataType) -> Variable {
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
pub const fn text(name: &'static str) -> Variable {
    variable(name, DataType::String)
}

/// A text out of a closed list.
pub const fn choice(name: &'static str, allowed: &'static [&'static str]) -> Variable {
    Variable {
        allowed,
        ..text(name)
    }
}

/// A text that is evented on its own.
pub const fn evented(name: &'static str) -> Variable {
    Variable {
        evented: true,
        ..text(name)
    }
}
