//! What has a text form of its own travels as that text.

use crate::{Label, Measure, NodeClass, OwnerPath, RequestKey, Version};

macro_rules! as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(source)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
as_text!(Measure);
as_text!(Version);
as_text!(NodeClass);
as_text!(RequestKey);
as_text!(OwnerPath);
as_text!(Label);
