//! A router whose calls the lean client makes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use tokio::task::JoinSet;

use super::{Lean, LeanCall};
use crate::{
    live::{
        Carried, Hints, RouteError, Shell,
        bedrock::{Clients, Seen},
    },
    target::TargetId,
};

/// As [`Router`](crate::live::Router), with bodies in place of the SDK's inputs and answers. It does not read bodies: what they need
/// of a model, and their limit on the answer, stand beside them, and of their length only the bytes are known unless
/// [`Hints`] say more.
#[derive(Debug)]
pub struct LeanRouter {
    shell: Arc<Shell>,
    lean: Arc<Lean>,
    clients: Arc<Clients>,
    /// Targets that the strategy may call.
    used: Vec<TargetId>,
    next: AtomicU64,
}

impl LeanRouter {
    pub(in crate::live) fn new(
        shell: Arc<Shell>,
        clients: Clients,
        connector: SharedHttpConnector,
        used: Vec<TargetId>,
    ) -> LeanRouter {
        let clients = Arc::new(clients);
        let lean = Arc::new(Lean::new(&clients, connector));
        LeanRouter { shell, lean, clients, used, next: AtomicU64::new(0) }
    }

    /// The machine and its clock.
    pub fn shell(&self) -> &Arc<Shell> {
        &self.shell
    }

    /// As [`Router::warm`](crate::live::Router::warm).
    pub async fn warm(&self) {
        for target in &self.used {
            self.lean.learn(*target).await;
        }
        let mut knocks = JoinSet::new();
        for target in self.clients.far(&self.used) {
            let lean = Arc::clone(&self.lean);
            knocks.spawn(async move { lean.knock(target).await });
        }
        knocks.join_all().await;
    }

    /// Makes a call of any operation. Of streams it returns when the first content is there; until then another target may
    /// still be tried.
    pub async fn send(&self, call: LeanCall, hints: &Hints) -> Result<Carried<Lean>, RouteError> {
        let seen = Seen {
            api: call.api,
            needs: call.needs,
            input_tokens: u32::try_from(call.body.len()).unwrap_or(u32::MAX).div_ceil(4),
            max_tokens: call.max_tokens,
        };
        let number = || self.next.fetch_add(1, Ordering::Relaxed);
        let request = seen.request(hints, number, self.shell.clock());
        self.shell.carry(Arc::clone(&self.lean), call, request, None).await
    }
}
