// Large arrays in shared memory. Threads use them without a copy, and V8 does not count them as heap pressure: ordinary
// array memory triggers a full garbage collection every 64 MB, a pause of some 50 ms next to busy threads.

export const sharedInt32 = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length))
export const sharedFloat32 = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length))
export const sharedFloat64 = (length: number) => new Float64Array(new SharedArrayBuffer(8 * length))
