//! Wakes a task at a moment, within tens of microseconds. tokio's own timers round up to a millisecond.

use std::{io, time::Duration};

#[cfg(target_os = "linux")]
pub use linux::Alarm;
#[cfg(not(target_os = "linux"))]
pub use other::Alarm;

#[cfg(target_os = "linux")]
mod linux {
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::net::unix::pipe;

    use super::{Duration, io};

    /// A timer of the system's that the runtime waits for as it waits for sockets: one thread sleeps for both.
    #[derive(Debug)]
    pub struct Alarm(pipe::Receiver);

    impl Alarm {
        pub fn new() -> io::Result<Alarm> {
            let timer =
                timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            // To wait for and to read, it is like a pipe into which the system writes when the time has come.
            pipe::Receiver::from_owned_fd_unchecked(timer).map(Alarm)
        }

        /// Waits so long. The next call sets it anew, whether this one was waited for or not.
        pub async fn rings_in(&mut self, left: Duration) -> io::Result<()> {
            if left.is_zero() {
                tokio::task::yield_now().await;
                return Ok(());
            }
            let it_value = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
            let mut times = [0; 8];
            loop {
                match self.0.try_read(&mut times) {
                    Ok(_) => return Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.0.readable().await?,
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::{Duration, io};

    /// As punctual as the runtime is; the run's own check sees what that comes to.
    #[derive(Debug)]
    pub struct Alarm;

    impl Alarm {
        pub fn new() -> io::Result<Alarm> {
            Ok(Alarm)
        }

        /// Waits so long. The next call sets it anew, whether this one was waited for or not.
        pub async fn rings_in(&mut self, left: Duration) -> io::Result<()> {
            match left.is_zero() {
                true => tokio::task::yield_now().await,
                false => tokio::time::sleep(left).await,
            }
            Ok(())
        }
    }
}
