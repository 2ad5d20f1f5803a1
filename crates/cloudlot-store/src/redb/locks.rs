//! Locks of a backend that stands on another one: they are the other one's.

/// The lock methods of a `StorageBackend` whose field `base` is one.
macro_rules! locks_of_base {
    () => {
        fn try_lock_range(
            &self,
            start: ::std::ops::Bound<u64>,
            end: ::std::ops::Bound<u64>,
        ) -> Result<bool, ::redb::BackendError> {
            self.base.try_lock_range(start, end)
        }

        fn try_lock_shared_range(
            &self,
            start: ::std::ops::Bound<u64>,
            end: ::std::ops::Bound<u64>,
        ) -> Result<bool, ::redb::BackendError> {
            self.base.try_lock_shared_range(start, end)
        }

        fn lock_range(
            &self,
            start: ::std::ops::Bound<u64>,
            end: ::std::ops::Bound<u64>,
        ) -> Result<(), ::redb::BackendError> {
            self.base.lock_range(start, end)
        }

        fn lock_shared_range(
            &self,
            start: ::std::ops::Bound<u64>,
            end: ::std::ops::Bound<u64>,
        ) -> Result<(), ::redb::BackendError> {
            self.base.lock_shared_range(start, end)
        }

        fn unlock_range(
            &self,
            start: ::std::ops::Bound<u64>,
            end: ::std::ops::Bound<u64>,
        ) -> Result<(), ::redb::BackendError> {
            self.base.unlock_range(start, end)
        }

        fn query_lock_range(
            &self,
            start: ::std::ops::Bound<u64>,
            end: ::std::ops::Bound<u64>,
        ) -> Result<bool, ::redb::BackendError> {
            self.base.query_lock_range(start, end)
        }
    };
}
