//! Under which identity each zone is known on the network, from start to start.
//! How it is written down is in `mod`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{StateDir, StateError};

/// A zone that has been on the network under this identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownZone {
    pub(super) id: Uuid,
    pub(super) name: String,
    /// Whether it was among the zones of the last start.
    present: bool,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl StateDir {
    /// The identity of each zone, in the order of `names` (no two alike): made once, at random, and kept.
    ///
    /// A zone is known by its name. If exactly one zone of the last start is gone and exactly one name is new, the
    /// zone was renamed and keeps its identity. The identity of a zone that went away is kept for its return.
    ///
    /// # Errors
    /// [`StateError::Unusable`] when a change cannot be written down.
    pub fn identities<S: AsRef<str>>(&mut self, names: &[S]) -> Result<Vec<Uuid>, StateError> {
        let names: Vec<&str> = names.iter().map(S::as_ref).collect();
        let before = self.memory.zones.clone();
        let zones = &mut self.memory.zones;
        if let Some((gone, new)) = renamed(zones, &names) {
            zones[gone].name = new.to_owned();
        }
        for name in &names {
            if !zones.iter().any(|zone| zone.name == *name) {
                zones.push(KnownZone {
                    id: Uuid::new_v4(),
                    name: (*name).to_owned(),
                    present: true,
                    rest: serde_json::Map::new(),
                });
            }
        }
        for zone in zones.iter_mut() {
            zone.present = names.contains(&zone.name.as_str());
        }
        let identity = |name: &&str| {
            zones
                .iter()
                .find(|zone| zone.name == *name)
                .map(|zone| zone.id)
        };
        let identities = names.iter().filter_map(identity).collect();
        if self.memory.zones != before {
            self.save()?;
        }
        Ok(identities)
    }
}

/// The zone (by index) that has a new name, and that name.
fn renamed<'a>(zones: &[KnownZone], names: &[&'a str]) -> Option<(usize, &'a str)> {
    let mut gone = (0..zones.len())
        .filter(|index| zones[*index].present && !names.contains(&zones[*index].name.as_str()));
    let mut new = names
        .iter()
        .filter(|name| !zones.iter().any(|zone| zone.name == **name));
    match (gone.next(), gone.next(), new.next(), new.next()) {
        (Some(gone), None, Some(new), None) => Some((gone, new)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::state_dir::tests::Folder;

    #[test]
    fn identities_differ_and_stay() {
        let folder = Folder::new();
        let first = folder.start(&["Kitchen", "Everywhere"]);
        assert_ne!(first[0], first[1]);
        assert!(first.iter().all(|id| id.get_version_num() == 4));
        assert_eq!(folder.start(&["Kitchen", "Everywhere"]), first);
        assert_eq!(
            folder.start(&["Everywhere", "Kitchen"]),
            [first[1], first[0]]
        );
        assert_ne!(Folder::new().start(&["Kitchen"])[0], first[0]);
    }

    #[test]
    fn a_renamed_zone_keeps_its_identity() {
        let folder = Folder::new();
        let before = folder.start(&["Kitchen", "Everywhere"]);
        assert_eq!(folder.start(&["Cuisine", "Everywhere"]), before);
        let back = folder.start(&["Kitchen", "Everywhere"]);
        assert_eq!(back, before);
    }

    #[test]
    fn a_zone_that_went_away_and_one_that_came_are_not_confused() {
        let folder = Folder::new();
        let [kitchen, house] = folder.start(&["Kitchen", "House"])[..] else {
            panic!("two zones, two identities");
        };
        assert_eq!(folder.start(&["House"]), [house]);
        // Kitchen has been gone for a while: the new zone is no rename of it.
        let attic = folder.start(&["House", "Attic"])[1];
        assert_ne!(attic, kitchen);
        assert_eq!(
            folder.start(&["Kitchen", "House", "Attic"]),
            [kitchen, house, attic]
        );
        // Two at once: nobody can tell which became which.
        let others = folder.start(&["One", "Two", "Attic"]);
        assert!(!others[..2].contains(&kitchen) && !others[..2].contains(&house));
        assert_eq!(others[2], attic);
    }
}
