//! The calls to libvirt that the crate `virt` lacks or gets wrong: the workspace's only unsafe code.
//!
//! Every function here is safe to call, returns plain owned data and frees what the library
//! allocated. What the data mean is left to the other files.
#![expect(
    unsafe_code,
    reason = "virt 0.5 wraps none of these calls, or wraps them unsoundly"
)]

use super::changes::Changes;
use super::stats::Param;
use crate::{CpuSet, PcpuId};
use std::ffi::{c_char, c_int, c_uchar, c_void};
use std::ptr;
use std::slice;
use std::sync::Arc;
use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;
use virt::sys;

// libvirt hands out memory that its callers release with the C library's `free`.
unsafe extern "C" {
    fn free(memory: *mut c_void);
}

/// One online vCPU, as `virDomainGetVcpus` tells it.
pub(super) struct VcpuInfo {
    /// Its number in the domain.
    pub(super) number: u32,
    /// CPU time in nanoseconds.
    pub(super) time_ns: u64,
    /// The pCPU it is on; negative where that is not known.
    pub(super) cpu: i32,
    /// Where it may run.
    pub(super) mask: CpuSet,
}

/// Readies the library for this process; needed before an event loop is registered.
pub(super) fn initialize() -> Result<(), Error> {
    // SAFETY: takes nothing, and may be called again and from any thread.
    checked(unsafe { sys::virInitialize() }).map(drop)
}

/// These groups of statistics of all active domains, as far as they can be had without waiting
/// for any of them.
///
/// Fails, instead of leaving groups out, where the driver does not have them all.
pub(super) fn active_stats(
    connect: &Connect,
    groups: sys::virDomainStatsTypes,
) -> Result<Vec<(Domain, Vec<Param>)>, Error> {
    let flags = sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE
        | sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        | sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS;
    let mut records = Records(ptr::null_mut());
    // SAFETY: the connection is alive through the borrow; `records.0` is written on success only.
    let count = checked(unsafe {
        sys::virConnectGetAllDomainStats(connect.as_ptr(), groups, &raw mut records.0, flags)
    })?;
    // SAFETY: on success the library wrote `count` pointers to records, followed by a null.
    let list = unsafe { array(records.0, count) };
    // SAFETY: they stay valid until `records` is dropped, and each is visited once.
    Ok(list
        .iter()
        .map(|&record| unsafe { owned(record) })
        .collect())
}

/// The online vCPUs of an active domain, at most `count`, with masks over `cpus` pCPUs.
pub(super) fn vcpus(domain: &Domain, count: u32, cpus: u32) -> Result<Vec<VcpuInfo>, Error> {
    let blank = sys::virVcpuInfo {
        number: 0,
        state: 0,
        cpuTime: 0,
        cpu: 0,
    };
    let room = count.max(1);
    let bytes = map_bytes(cpus);
    let mut infos = vec![blank; room as usize];
    let mut maps = vec![0_u8; room as usize * bytes];
    // SAFETY: `infos` has room for as many entries, and `maps` for as many masks, as is said.
    let filled = checked(unsafe {
        sys::virDomainGetVcpus(
            domain.as_ptr(),
            infos.as_mut_ptr(),
            length(infos.len()),
            maps.as_mut_ptr(),
            length(bytes),
        )
    })?;
    let filled = usize::try_from(filled).unwrap_or(0);
    let entries = infos.iter().zip(maps.chunks(bytes)).take(filled);
    Ok(entries
        .map(|(info, map)| VcpuInfo {
            number: info.number,
            time_ns: info.cpuTime,
            cpu: info.cpu,
            mask: cpu_set(map),
        })
        .collect())
}

/// How many pCPUs the host has, and those that are online.
pub(super) fn cpu_map(connect: &Connect) -> Result<(u32, CpuSet), Error> {
    let mut map: *mut c_uchar = ptr::null_mut();
    // SAFETY: `map` receives an array that is ours to free; the number online is not asked for.
    let count = checked(unsafe {
        sys::virNodeGetCPUMap(connect.as_ptr(), &raw mut map, ptr::null_mut(), 0)
    })?;
    let cpus = u32::try_from(count).unwrap_or(0);
    // SAFETY: on success `map` holds one bit for each of `count` pCPUs, in whole bytes.
    let online = cpu_set(unsafe { array(map, length(map_bytes(cpus))) });
    // SAFETY: the array is ours, and nothing points into it any more.
    unsafe { free(map.cast()) };
    Ok((cpus, online))
}

/// The counters of one pCPU by name, in nanoseconds since the host started.
pub(super) fn cpu_stats(connect: &Connect, cpu: PcpuId) -> Result<Vec<(String, u64)>, Error> {
    let number = c_int::try_from(cpu.number()).unwrap_or(c_int::MAX);
    let blank = sys::virNodeCPUStats {
        field: [0; 80],
        value: 0,
    };
    // SAFETY: the connection is alive; with no array and a count of zero, only the count is written.
    let stats = counted(blank, |array, count| unsafe {
        sys::virNodeGetCPUStats(connect.as_ptr(), number, array, count, 0)
    })?;
    Ok(stats.iter().map(|s| (text(&s.field), s.value)).collect())
}

/// The memory of the host by name, in KiB.
pub(super) fn memory_stats(connect: &Connect) -> Result<Vec<(String, u64)>, Error> {
    let all = sys::VIR_NODE_MEMORY_STATS_ALL_CELLS;
    let blank = sys::virNodeMemoryStats {
        field: [0; 80],
        value: 0,
    };
    // SAFETY: as above.
    let stats = counted(blank, |array, count| unsafe {
        sys::virNodeGetMemoryStats(connect.as_ptr(), all, array, count, 0)
    })?;
    Ok(stats.iter().map(|s| (text(&s.field), s.value)).collect())
}

/// A running registration for domain events; they are noted in the `Changes` it was made with.
pub(super) struct Subscription {
    connect: Connect,
    ids: Vec<c_int>,
}

impl Subscription {
    /// Notes the events that concern us in `changes` from now on, as far as the driver has them.
    pub(super) fn new(connect: &Connect, changes: &Arc<Changes>) -> Self {
        type Lifecycle = unsafe extern "C" fn(
            sys::virConnectPtr,
            sys::virDomainPtr,
            c_int,
            c_int,
            *mut c_void,
        ) -> c_int;
        type Metadata = unsafe extern "C" fn(
            sys::virConnectPtr,
            sys::virDomainPtr,
            c_int,
            *const c_char,
            *mut c_void,
        );
        type Generic = unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *mut c_void);
        // SAFETY: the library calls each back with the arguments that belong to its event id.
        let (lifecycle, metadata) = unsafe {
            (
                std::mem::transmute::<Lifecycle, Generic>(on_lifecycle),
                std::mem::transmute::<Metadata, Generic>(on_metadata),
            )
        };
        let wanted: [(sys::virDomainEventID, Generic); 3] = [
            (sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle),
            (sys::VIR_DOMAIN_EVENT_ID_REBOOT, on_reboot),
            (sys::VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, metadata),
        ];
        let ids = wanted
            .into_iter()
            .filter_map(|(event, callback)| register(connect, event, callback, changes))
            .collect();
        Self {
            connect: connect.clone(),
            ids,
        }
    }
}

impl Drop for Subscription {
    /// A registration keeps its connection from being freed, so that it must end even if the
    /// connection is dead: the library then removes its side and fails on the daemon's.
    fn drop(&mut self) {
        for &id in &self.ids {
            // SAFETY: the connection is alive, and `id` came from it; a failure changes nothing.
            unsafe { sys::virConnectDomainEventDeregisterAny(self.connect.as_ptr(), id) };
        }
    }
}

fn register(
    connect: &Connect,
    event: sys::virDomainEventID,
    callback: unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *mut c_void),
    changes: &Arc<Changes>,
) -> Option<c_int> {
    let event = c_int::try_from(event).ok()?;
    let opaque = Arc::into_raw(Arc::clone(changes)).cast_mut().cast();
    // SAFETY: `opaque` stays valid until `forget` is called, once, after the last callback.
    let id = unsafe {
        sys::virConnectDomainEventRegisterAny(
            connect.as_ptr(),
            ptr::null_mut(),
            event,
            Some(callback),
            opaque,
            Some(forget),
        )
    };
    if id < 0 {
        // SAFETY: the library did not take `opaque`, which is the reference made above.
        unsafe { forget(opaque) };
        return None;
    }
    Some(id)
}

unsafe extern "C" fn forget(opaque: *mut c_void) {
    // SAFETY: `opaque` is the reference that `register` gave away.
    drop(unsafe { Arc::from_raw(opaque.cast_const().cast::<Changes>()) });
}

unsafe extern "C" fn on_lifecycle(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    _event: c_int,
    _detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: the library passes a valid domain and the `opaque` of `register`.
    unsafe { tell(domain, opaque, Changes::changed) };
    0
}

unsafe extern "C" fn on_metadata(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    _kind: c_int,
    _namespace: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: the library passes a valid domain and the `opaque` of `register`.
    unsafe { tell(domain, opaque, Changes::changed) };
}

unsafe extern "C" fn on_reboot(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    opaque: *mut c_void,
) {
    // SAFETY: the library passes a valid domain and the `opaque` of `register`.
    unsafe { tell(domain, opaque, Changes::rebooted) };
}

/// # Safety
/// `domain` is valid, and `opaque` points to `Changes` that outlive the call.
unsafe fn tell(domain: sys::virDomainPtr, opaque: *mut c_void, what: fn(&Changes, Uuid)) {
    let mut uuid = [0; 16];
    // SAFETY: the buffer has the 16 bytes that are written.
    let known = unsafe { sys::virDomainGetUUID(domain, uuid.as_mut_ptr()) } == 0;
    // SAFETY: as the caller says.
    if let Some(changes) = unsafe { opaque.cast::<Changes>().as_ref() }
        && known
    {
        what(changes, Uuid::from_bytes(uuid));
    }
}

/// Records that are ours to free.
struct Records(*mut sys::virDomainStatsRecordPtr);

impl Drop for Records {
    fn drop(&mut self) {
        // SAFETY: null, or a list from the library that is freed once.
        unsafe { sys::virDomainStatsRecordListFree(self.0) };
    }
}

/// A record with a domain of its own, so that it outlives the list.
///
/// # Safety
/// `record` is valid.
unsafe fn owned(record: sys::virDomainStatsRecordPtr) -> (Domain, Vec<Param>) {
    // SAFETY: as the caller says; the reference that is taken is the one that `Domain` gives back.
    let (domain, params) = unsafe {
        sys::virDomainRef((*record).dom);
        (
            Domain::from_ptr((*record).dom),
            array((*record).params, (*record).nparams),
        )
    };
    (domain, params.iter().map(param).collect())
}

fn param(raw: &sys::virTypedParameter) -> Param {
    let kind = sys::virTypedParameterType::try_from(raw.type_).unwrap_or_default();
    // SAFETY: `type_` says which field of the union was written.
    let value = unsafe {
        match kind {
            sys::VIR_TYPED_PARAM_INT => u64::try_from(raw.value.i).ok(),
            sys::VIR_TYPED_PARAM_UINT => Some(u64::from(raw.value.ui)),
            sys::VIR_TYPED_PARAM_LLONG => u64::try_from(raw.value.l).ok(),
            sys::VIR_TYPED_PARAM_ULLONG => Some(raw.value.ul),
            _ => None,
        }
    };
    Param {
        name: text(&raw.field),
        value,
    }
}

/// Asks how many entries there are, and then for exactly so many, as the node calls want it.
fn counted<T: Copy>(blank: T, call: impl Fn(*mut T, *mut c_int) -> c_int) -> Result<Vec<T>, Error> {
    let mut count = 0;
    checked(call(ptr::null_mut(), &raw mut count))?;
    let mut entries = vec![blank; usize::try_from(count).unwrap_or(0)];
    if entries.is_empty() {
        return Ok(entries);
    }
    checked(call(entries.as_mut_ptr(), &raw mut count))?;
    entries.truncate(usize::try_from(count).unwrap_or(0));
    Ok(entries)
}

fn checked(result: c_int) -> Result<c_int, Error> {
    if result < 0 {
        Err(Error::last_error())
    } else {
        Ok(result)
    }
}

/// The entries of a C array; none if it is null.
///
/// # Safety
/// Unless it is null, `first` points to `count` valid entries that live as long as the result.
unsafe fn array<'a, T>(first: *const T, count: c_int) -> &'a [T] {
    match usize::try_from(count) {
        // SAFETY: as the caller says.
        Ok(count) if !first.is_null() => unsafe { slice::from_raw_parts(first, count) },
        _ => &[],
    }
}

fn text(field: &[c_char]) -> String {
    let bytes: Vec<u8> = field
        .iter()
        .map(|c| c.to_ne_bytes()[0])
        .take_while(|&byte| byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn cpu_set(map: &[u8]) -> CpuSet {
    let bits = map.iter().zip(0_u32..).flat_map(|(&byte, at)| {
        (0..8)
            .filter(move |bit| byte >> bit & 1 == 1)
            .map(move |bit| PcpuId::new(at * 8 + bit))
    });
    bits.collect()
}

fn map_bytes(cpus: u32) -> usize {
    cpus.div_ceil(8).max(1) as usize
}

fn length(entries: usize) -> c_int {
    c_int::try_from(entries).unwrap_or(c_int::MAX)
}
