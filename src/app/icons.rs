//! The program's icons, as apps show them beside its name. `examples/icons.rs` draws them.
//! Not how they are served; `upnp` does that.

use crate::upnp::Icon;

const PNG: &str = "image/png";
const JPEG: &str = "image/jpeg";

/// DLNA asks for 48 and 120 pixels in both kinds; Windows and apps on sharp screens take the largest.
pub(super) const ICONS: &[Icon] = &[
    Icon {
        name: "48.png",
        mime: PNG,
        size: 48,
        bytes: include_bytes!("../../assets/icons/48.png"),
    },
    Icon {
        name: "120.png",
        mime: PNG,
        size: 120,
        bytes: include_bytes!("../../assets/icons/120.png"),
    },
    Icon {
        name: "256.png",
        mime: PNG,
        size: 256,
        bytes: include_bytes!("../../assets/icons/256.png"),
    },
    Icon {
        name: "512.png",
        mime: PNG,
        size: 512,
        bytes: include_bytes!("../../assets/icons/512.png"),
    },
    Icon {
        name: "48.jpg",
        mime: JPEG,
        size: 48,
        bytes: include_bytes!("../../assets/icons/48.jpg"),
    },
    Icon {
        name: "120.jpg",
        mime: JPEG,
        size: 120,
        bytes: include_bytes!("../../assets/icons/120.jpg"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d04_every_icon_is_what_it_says() {
        for icon in ICONS {
            let format = image::guess_format(icon.bytes).unwrap();
            assert_eq!(format.to_mime_type(), icon.mime, "{}", icon.name);
            let picture = image::load_from_memory(icon.bytes).unwrap();
            let size = (picture.width(), picture.height());
            assert_eq!(size, (icon.size, icon.size), "{}", icon.name);
            // 24 bits, as the description says of all of them.
            assert_eq!(picture.color(), image::ColorType::Rgb8, "{}", icon.name);
        }
        let of = |mime| ICONS.iter().filter(|icon| icon.mime == mime).count();
        assert_eq!((of(PNG), of(JPEG)), (4, 2));
    }
}
