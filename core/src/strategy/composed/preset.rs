//! Ready-made settings, one file each. Those named after a product imitate the policy that its documentation and code
//! describe; they measure nobody's product.

use super::ComposedSpec;

macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        pub const NAMES: &[&str] = &[$($name),+];

        fn text(name: &str) -> Option<&'static str> {
            match name {
                $($name => Some(include_str!(concat!("presets/", $name, ".json"))),)+
                _ => None,
            }
        }
    };
}

presets!["balanced", "litellm-like", "bifrost-like", "tensorzero-like", "envoy-like", "linkerd-like"];

/// The settings of a preset, without targets. `None` if there is none of this name.
pub fn settings(name: &str) -> Option<ComposedSpec> {
    let text = text(name)?;
    Some(serde_json::from_str(text).expect("presets are read by a test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_read_names_no_target_and_builds_on_no_other() {
        for name in NAMES {
            let settings = settings(name).unwrap();
            assert_eq!(settings.targets(), [], "{name}");
            assert_eq!(settings.preset, None, "{name}");
        }
        assert!(settings("balance").is_none());
    }
}
