// The code of a thread that works on topics: one job after the other, each to its end, as the thread itself is ended when
// nobody waits any more.
import { parentPort } from 'node:worker_threads'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { type Jobs, jobs, type Options, type Result } from './jobs.ts'

export interface ToWorker<Kind extends keyof Jobs = keyof Jobs> {
  readonly id: number
  readonly kind: Kind
  readonly options: Options<Kind>
}

export type FromWorker =
  | { readonly id: number; readonly result: Result<keyof Jobs> }
  | { readonly id: number; readonly error: unknown }

const port = parentPort as NonNullable<typeof parentPort>
// Nothing else happens here.
const endless: TimeSlice = { due: () => false, rest: async () => {} }

port.on('message', ({ id, kind, options }: ToWorker) => {
  const run = jobs[kind] as (options: unknown, slice: TimeSlice) => Promise<Result<keyof Jobs>>
  run(options, endless).then(
    (result) => port.postMessage({ id, result } satisfies FromWorker),
    (error: unknown) => port.postMessage({ id, error } satisfies FromWorker),
  )
})
