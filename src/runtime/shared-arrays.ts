// Large arrays in shared memory. Threads see them without a copy; and V8 does not count them as pressure on its heap, where
// memory of ordinary arrays calls for a full garbage collection every 64 MB, some 50 ms of pause beside busy threads.

export const sharedInt32 = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length))
export const sharedFloat32 = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length))
export const sharedFloat64 = (length: number) => new Float64Array(new SharedArrayBuffer(8 * length))
