//! Calls under way: a slab whose slots have generations, so that a late `finish` never hits a newer call.

use super::{CallId, Reported, Stop};
use crate::{
    Nanos,
    latency::Pace,
    pool::Hold,
    world::{RegionId, RouteId},
};

/// What the engine must remember of an admitted call.
#[derive(Debug)]
pub(super) struct OpenCall {
    pub hold: Hold,
    pub route: RouteId,
    pub serving: RegionId,
    /// Region whose capacity it takes; none for provisioned capacity.
    pub loads: Option<RegionId>,
    /// Tokens it will have produced when it ends.
    pub tokens: u32,
    pub pace: Pace,
    pub began: Nanos,
    /// `Nanos::MAX` when it never ends by itself.
    pub ends: Nanos,
    pub stop: Option<Stop>,
    pub usage: Reported,
}

#[derive(Debug, Default)]
pub(super) struct OpenCalls {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    call: Option<OpenCall>,
}

impl OpenCalls {
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    #[inline]
    pub fn open(&mut self, call: OpenCall) -> CallId {
        if let Some(slot) = self.free.pop() {
            let place = &mut self.slots[slot as usize];
            place.call = Some(call);
            return CallId { slot, generation: place.generation };
        }
        let slot = u32::try_from(self.slots.len()).expect("the engine refuses calls beyond OPEN_MAX");
        self.slots.push(Slot { generation: 0, call: Some(call) });
        CallId { slot, generation: 0 }
    }

    pub fn get(&self, id: CallId) -> Option<&OpenCall> {
        let slot = self.slots.get(id.slot as usize)?;
        slot.call.as_ref().filter(|_| slot.generation == id.generation)
    }

    #[inline]
    pub fn close(&mut self, id: CallId) -> Option<OpenCall> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let call = slot.call.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
        Some(call)
    }
}
