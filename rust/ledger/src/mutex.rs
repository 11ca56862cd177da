//! Promises a lock over processes that outlives its holder's death.
//!
//! Invariant: the mutex lies in memory that every process maps and nobody unmaps while a [`Held`] lives;
//! a dead holder's lock is inherited exactly once and the heir is told. Error-checking, so that a
//! thread that takes it twice gets EDEADLK instead of waiting for itself.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use libc::{c_int, pthread_mutex_t};

/// Words kept for the mutex in the segment; glibc and musl need 5 on 64-bit Linux.
pub(crate) const MUTEX_WORDS: usize = 16;
const _: () = assert!(size_of::<pthread_mutex_t>() <= MUTEX_WORDS * 8 && align_of::<pthread_mutex_t>() <= 64);

/// A robust, process-shared mutex somewhere in a mapping that lives for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct RobustMutex<'a> {
    raw: *mut pthread_mutex_t,
    mapping: PhantomData<&'a ()>,
}

/// The lock, held by this thread until dropped. The raw pointer keeps it from moving to another thread.
pub(crate) struct Held<'a> {
    mutex: RobustMutex<'a>,
    pub owner_died: bool,
}

fn ok(errno: c_int) -> Result<(), i32> {
    if errno == 0 { Ok(()) } else { Err(errno) }
}

impl<'a> RobustMutex<'a> {
    /// # Safety
    /// For all of `'a`, `raw` points to `MUTEX_WORDS` mapped, writable words aligned to 64 bytes that
    /// nothing else writes; all methods but `initialise` need it to be initialised.
    pub unsafe fn at(raw: *mut pthread_mutex_t) -> Self {
        Self { raw, mapping: PhantomData }
    }

    /// Makes the mutex, before any other process can see it.
    pub fn initialise(self) -> Result<(), i32> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: `attributes` is initialised by the first call before the others read it, and destroyed
        // once; `self.raw` is valid by `at`'s contract, and no other process has the file yet.
        unsafe {
            ok(libc::pthread_mutexattr_init(attributes.as_mut_ptr()))?;
            let made =
                ok(libc::pthread_mutexattr_setpshared(attributes.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED))
                    .and_then(|()| {
                        ok(libc::pthread_mutexattr_setrobust(
                            attributes.as_mut_ptr(),
                            libc::PTHREAD_MUTEX_ROBUST,
                        ))
                    })
                    .and_then(|()| {
                        ok(libc::pthread_mutexattr_settype(
                            attributes.as_mut_ptr(),
                            libc::PTHREAD_MUTEX_ERRORCHECK,
                        ))
                    })
                    .and_then(|()| ok(libc::pthread_mutex_init(self.raw, attributes.as_ptr())));
            libc::pthread_mutexattr_destroy(attributes.as_mut_ptr());
            made
        }
    }

    /// Takes the lock; errno if it cannot be taken.
    pub fn lock(self) -> Result<Held<'a>, i32> {
        // SAFETY: `self.raw` is an initialised mutex in mapped memory by `at`'s contract.
        match unsafe { libc::pthread_mutex_lock(self.raw) } {
            0 => Ok(Held { mutex: self, owner_died: false }),
            libc::EOWNERDEAD => Ok(Held { mutex: self, owner_died: true }),
            errno => Err(errno),
        }
    }
}

impl Held<'_> {
    /// Declares what the mutex guards whole again; without it the mutex would be lost for good.
    pub fn mark_consistent(&self) -> Result<(), i32> {
        // SAFETY: a `Held` exists only while this thread holds the mutex.
        ok(unsafe { libc::pthread_mutex_consistent(self.mutex.raw) })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread holds the mutex, and a `Held` is dropped once. The call cannot fail then.
        unsafe { libc::pthread_mutex_unlock(self.mutex.raw) };
    }
}
