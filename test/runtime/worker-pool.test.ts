import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import { endThreads, useThreads, WorkerPool } from '../../src/runtime/worker-pool.ts'
import { type Jobs, jobs } from '../../src/topics/jobs.ts'
import { Threads } from '../../src/topics/threads.ts'
import { weightedGraph } from '../../src/topics/weighted-graph.ts'
import { neighbourGraph } from '../../src/vectors/neighbour-graph.ts'
import { clusteredRows } from '../vectors/clustered.ts'

/** Threads started in a test, those alive, and what to do with one after it gets a message. */
const threads = vi.hoisted(() => ({
  started: [] as Worker[],
  living: new Set<Worker>(),
  onPost: (_: Worker, _message: { kind?: string }) => {},
}))

vi.mock('node:worker_threads', async (original) => {
  const actual = await original<typeof import('node:worker_threads')>()
  class WatchedWorker extends actual.Worker {
    constructor(...given: ConstructorParameters<typeof actual.Worker>) {
      super(...given)
      threads.started.push(this)
      threads.living.add(this)
      this.once('exit', () => threads.living.delete(this))
    }
    override postMessage(message: { kind?: string }, transfer: readonly ArrayBuffer[] = []): void {
      super.postMessage(message, transfer)
      if (message !== null) threads.onPost(this, message)
    }
  }
  return { ...actual, Worker: WatchedWorker }
})

const living = () => threads.living.size

/** A thread dies of a message that it cannot read. */
const kill = (worker: Worker) => worker.postMessage(null)

const slice = timeSlice(undefined)
const random = seededRandom(5)
const graph = await weightedGraph(
  Array.from({ length: 6000 }, () => Math.floor(random() * 400)),
  { nodes: 400, slice },
)
const run = { graph, resolution: 1, seed: 1, iterations: 2 }
const endless = { ...run, iterations: 1e9 }
const seeds = Array.from({ length: 12 }, (_, seed) => ({ ...run, seed }))

function newPool(options: Partial<ConstructorParameters<typeof WorkerPool<Jobs>>[0]> = {}) {
  return new WorkerPool<Jobs>({
    script: '#worker/topics-worker',
    name: 'test',
    explain: ({ kind, cause, index, total }) =>
      kind === 'job' ? cause : new Error(`${kind} at ${index} of ${total}`, { cause }),
    ...options,
  })
}

afterEach(async () => {
  threads.started.length = 0
  threads.onPost = () => {}
  await endThreads()
})

describe('a pool', () => {
  it('returns the result of every job, with any number of threads', async () => {
    const expected = await Promise.all(seeds.map((options) => jobs.leiden(options, { slice })))
    for (const [most, inHand] of [
      [1, Number.POSITIVE_INFINITY],
      [1, 4],
      [3, 1],
    ] as const) {
      const pool = newPool({ most: () => most, inHand })
      const found: Int32Array[] = []
      const onResult = (index: number, result: Int32Array) => {
        found[index] = result
      }
      await pool.runAll('leiden', seeds, { onResult })
      expect(found).toEqual(expected)
      expect(living()).toBe(most)
      await pool.end()
      expect(living()).toBe(0)
    }
  })

  it('restarts a job after its thread has died, up to the limit', async () => {
    let deaths = 0
    threads.onPost = (worker, { kind }) => {
      if (kind === 'run' && deaths++ === 0) kill(worker)
    }
    const pool = newPool({ inHand: 4, retries: 1 })
    const found = await pool.run('leiden', run)
    expect(found).toEqual(await jobs.leiden(run, { slice }))
    expect(threads.started).toHaveLength(2)
    threads.onPost = (worker, { kind }) => {
      if (kind === 'run') kill(worker)
    }
    // A short job could be done before its thread is.
    await expect(pool.run('leiden', endless)).rejects.toThrow('end at 0 of 1')
    threads.onPost = () => {}
    expect(await pool.run('leiden', run)).toEqual(found)
    await pool.end()
  })

  it('leaves a job that is aborted, and its thread takes the next', async () => {
    const pool = newPool({ inHand: 1 })
    const controller = new AbortController()
    const reason = new Error('enough')
    const stopped = pool.run('leiden', endless, { signal: controller.signal })
    const next = pool.run('leiden', run)
    await new Promise((resolve) => threads.started[0]?.once('online', resolve))
    controller.abort(reason)
    await expect(stopped).rejects.toBe(reason)
    expect(await next).toEqual(await jobs.leiden(run, { slice }))
    expect(threads.started).toHaveLength(1)
    await expect(pool.run('leiden', run, { signal: controller.signal })).rejects.toBe(reason)
    await pool.end()
  })

  it('ends only threads that no call needs, even during an aborted job', async () => {
    const pool = newPool({ most: () => 2, inHand: 1 })
    const controller = new AbortController()
    const own = new AbortController()
    const working = pool.run('leiden', endless, { signal: own.signal })
    const stopped = pool.run('leiden', endless, { signal: controller.signal })
    controller.abort()
    await expect(stopped).rejects.toThrow('aborted')
    await pool.end()
    expect(living()).toBe(1)
    own.abort()
    await expect(working).rejects.toThrow('aborted')
    await pool.end()
    expect(living()).toBe(0)
  })

  it('passes on what a job throws, and refuses options that cannot be cloned', async () => {
    const pool = newPool()
    await expect(pool.run('leiden', { ...run, graph: undefined as never })).rejects.toThrow(TypeError)
    await expect(pool.run('leiden', { ...run, seed: 0.5 })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(pool.run('leiden', { ...run, name: () => {} } as never)).rejects.toThrow('could not be cloned')
    expect(await pool.run('leiden', run)).toHaveLength(400)
    expect(threads.started).toHaveLength(1)
    await pool.end()
  })
})

describe('the threads that libraries share', () => {
  const dimensions = 300
  const { rows } = clusteredRows(1500, dimensions, { spread: 1 })
  const compare = () => neighbourGraph(rows, { dimensions, k: 5 })
  const group = () => Threads.during({ papers: 5000, signal: undefined }, (own) => own.run('leiden', run, slice))
  const papers = [
    { id: 'a', title: 'Grasping glass', abstract: 'A robot arm learns to grasp transparent objects.' },
    { id: 'b', title: 'Dust in galaxies', abstract: 'Infrared observations of dust in spiral galaxies.' },
  ]

  it('end with the last library, all at once', async () => {
    const first = await PaperLibrary.open()
    const second = await PaperLibrary.open()
    await first.add(papers)
    await Promise.all([compare(), group()])
    const all = living()
    // One for embedding, one for products, and at least one for topics.
    expect(all).toBeGreaterThanOrEqual(3)
    await first.close()
    expect(living()).toBe(all)
    await first.close()
    await second.search('glass')
    await second.close()
    expect(living()).toBe(0)
    // Later work starts new threads.
    expect((await compare()).k).toBe(5)
    expect(living()).toBe(1)
  })

  it('stay while they work for another library', async () => {
    const leave = useThreads()
    const running = compare()
    await leave()
    expect(living()).toBe(1)
    expect((await running).rows).toHaveLength(1500 * 5)
    await endThreads()
    expect(living()).toBe(0)
  })

  it('say that they died, and are replaced', async () => {
    let parts = 0
    threads.onPost = (worker, { kind }) => {
      if (kind === 'part' && parts++ === 0) kill(worker)
    }
    await expect(compare()).rejects.toMatchObject({
      code: 'index-unavailable',
      message: 'The worker thread for vectors ended before its work was done.',
    })
    expect((await compare()).k).toBe(5)
  })

  it('let the process end at once', async () => {
    const script = `
      const { PaperLibrary } = await import('./dist/index.js')
      const library = await PaperLibrary.open()
      await library.add(${JSON.stringify(papers)})
      const workers = () => process.report.getReport().workers.length
      const before = workers()
      await library.close()
      console.log(before, workers(), process.getActiveResourcesInfo().filter((name) => /Message|Timeout|Worker/.test(name)).length)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    expect(stdout.trim()).toBe('1 0 0')
  })
})
