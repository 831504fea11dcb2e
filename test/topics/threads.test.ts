import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/runtime/random.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import { jobs } from '../../src/topics/jobs.ts'
import { Threads } from '../../src/topics/threads.ts'
import { weightedGraph } from '../../src/topics/weighted-graph.ts'

const slice = timeSlice(undefined)
const random = seededRandom(3)
const nodes = 300
const graph = await weightedGraph(
  Array.from({ length: 4000 }, () => {
    const a = Math.floor(random() * nodes)
    // Nine in ten edges stay within thirty nodes.
    return [a, random() < 0.9 ? 30 * Math.floor(a / 30) + Math.floor(random() * 30) : Math.floor(random() * nodes)]
  }).flat(),
  { nodes, slice },
)
const many = 5000
const runs = [1, 2, 3, 4, 5].map((seed) => ({ graph, resolution: 1 + seed / 2, seed, iterations: 2 }))

describe.each([
  ['many papers, in threads', many],
  ['few, here', 10],
])('jobs of %s', (_, papers) => {
  test('give what they give by themselves', async () => {
    const levels = { graph, resolutions: [0.5, 1, 2], seed: 4, tries: 4 }
    const [found, measured] = await Threads.during({ papers, signal: undefined }, async (threads) => [
      await Promise.all(runs.map((run) => threads.run('leiden', run, slice))),
      await threads.run('levels', levels, slice),
    ])
    for (const [i, run] of runs.entries()) expect(found[i]).toEqual(await jobs.leiden(run, { slice }))
    expect(measured).toEqual(await jobs.levels(levels, { slice }))
  })

  test('tell what they throw, and the next is done', async () => {
    await Threads.during({ papers, signal: undefined }, async (threads) => {
      const broken = { ...runs[0], graph: undefined } as unknown as (typeof runs)[0]
      await expect(threads.run('leiden', broken, slice)).rejects.toThrow(TypeError)
      expect(await threads.run('leiden', runs[0]!, slice)).toHaveLength(nodes)
    })
  })
})

test('an abort ends jobs in threads with its reason, those that wait too', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const within = Threads.during({ papers: many, signal: controller.signal }, async (threads) => {
    const waiting = Array.from({ length: 40 }, () => threads.run('leiden', { ...runs[0]!, iterations: 1000 }, slice))
    controller.abort(reason)
    const ended = await Promise.allSettled(waiting)
    expect(ended.map((one) => one.status === 'rejected' && one.reason)).toEqual(waiting.map(() => reason))
    throw reason
  })
  await expect(within).rejects.toBe(reason)
})
