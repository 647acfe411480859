//! Other stores in the folder of a store, whose objects may have names that look like those of this one: the first model
//! of `model-1-{version}` is called as the attachment `1.model` of the first model of `model-{version}`.

use palladium_component::prelude::*;
use palladium_component::value::near_name;

use super::template::Template;

/// The stores whose lists of models lie beside that of a store.
pub struct Neighbours {
    own: Template,
    others: Vec<Template>,
}

impl Neighbours {
    /// Finds the neighbours of a store among the objects of its folder.
    pub fn of(template: &Template, objects: &[ListedObject]) -> Neighbours {
        let own = template.metadata();
        let others = objects.iter().filter(|object| !object.is_temporary && object.name != own);
        let others = others.flat_map(|object| Template::of_metadata(&object.name)).collect();
        Neighbours { own: template.clone(), others }
    }

    /// Tells whether an object may belong to one of them.
    pub fn may_own(&self, name: &str) -> bool {
        self.others.iter().any(|template| template.owns(name))
    }

    /// Returns the one whose name is nearest to that of the store, if it is near enough to be worth suggesting.
    pub fn nearest(&self) -> Option<&Template> {
        let names: Vec<String> = self.others.iter().map(Template::own_part).collect();
        let near = near_name(&self.own.own_part(), &names)?;
        self.others.iter().find(|other| other.own_part() == near)
    }
}
