//! Which sinks and sources are Bluetooth devices, and which device. Names and properties alone decide; nothing is asked here.
//!
//! PulseAudio names them `bluez_sink.AA_BB_CC_DD_EE_FF.a2dp_sink` and `bluez_source.AA_BB_CC_DD_EE_FF.a2dp_source`, PipeWire
//! `bluez_output.AA_BB_CC_DD_EE_FF.1` and `bluez_input.AA_BB_CC_DD_EE_FF.0`, or the same with colons. Both say the address in
//! a property too, under different keys.

use crate::bluetooth::Address;

/// What names of Bluetooth sinks and sources begin with.
const PREFIX: &str = "bluez_";
/// The property in which PipeWire says the address.
const PIPEWIRE_ADDRESS: &str = "api.bluez5.address";
/// The property in which PulseAudio says it. Of a sound card it is something else.
const PULSEAUDIO_ADDRESS: &str = "device.string";
/// The address of the Bluetooth device that a sink or source of this name stands for; `None` if it is no Bluetooth device, or if
/// nothing says which. `property` looks up the properties that the server has for it.
pub fn address_of(name: &str, property: impl Fn(&str) -> Option<String>) -> Option<Address> {
    let named = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split('.').nth(1)?.parse().ok());
    let told = |key| property(key)?.parse().ok();
    named
        .or_else(|| told(PIPEWIRE_ADDRESS))
        .or_else(|| told(PULSEAUDIO_ADDRESS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOT: &str = "11:22:33:AA:BB:CC";

    #[track_caller]
    fn check(name: &str, properties: &[(&str, &str)], expected: Option<&str>) {
        let property = |wanted: &str| {
            let found = properties.iter().find(|(key, _)| *key == wanted);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = address_of(name, property).map(|address| address.to_string());
        assert_eq!(found.as_deref(), expected, "{name}");
    }

    #[test]
    fn names_tell_the_device() {
        for name in [
            "bluez_source.11_22_33_AA_BB_CC.a2dp_source",
            "bluez_source.11_22_33_AA_BB_CC.handsfree_head_unit",
            "bluez_source.11_22_33_AA_BB_CC",
            "bluez_sink.11_22_33_AA_BB_CC.a2dp_sink",
            "bluez_input.11_22_33_AA_BB_CC.0",
            "bluez_input.11:22:33:AA:BB:CC",
            "bluez_output.11_22_33_AA_BB_CC.a2dp-sink",
            "bluez_output.11_22_33_aa_bb_cc.1",
        ] {
            check(name, &[], Some(DOT));
        }
        let other = "bluez_output.AA_BB_CC_DD_EE_FF.1";
        check(other, &[], Some("AA:BB:CC:DD:EE:FF"));
    }

    #[test]
    fn properties_tell_it_where_the_name_does_not() {
        check("dot", &[("api.bluez5.address", DOT)], Some(DOT));
        check("dot", &[("device.string", "11:22:33:aa:bb:cc")], Some(DOT));
        // A name that says more than the property: PulseAudio puts the adapter into some.
        check(
            "bluez_sink.11_22_33_AA_BB_CC.a2dp_sink",
            &[("device.string", "hci0")],
            Some(DOT),
        );
    }

    #[test]
    fn what_is_no_bluetooth_device_is_none() {
        check("alsa_input.pci-0000_00_1f.3.analog-stereo", &[], None);
        check("alsa_output.usb-11_22_33_AA_BB_CC.stereo", &[], None);
        check("line", &[("device.string", "front:0")], None);
        check("bluez_input.11_22_33_AA_BB.0", &[], None);
        check("bluez_input.11_22_33_AA_BB_CC_DD.0", &[], None);
        check("bluez_input.11_22_33_AA_BB_€.0", &[], None);
        check("bluez_", &[], None);
        check("", &[], None);
    }
}
