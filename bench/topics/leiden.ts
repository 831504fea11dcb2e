// npm run bench -- leiden [SET …] [--seeds N]: Leiden against the reference implementation (leidenalg) and Louvain of
// graphology on the neighbour graphs of real sets: quality and time of each. Quality is the share of edge weight inside
// communities minus the resolution times the share expected by chance.
import { parseArgs } from 'node:util'
import { seededRandom } from '../../src/runtime/random.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import { endThreads } from '../../src/runtime/worker-pool.ts'
import { kinGraph, nearestKin } from '../../src/topics/kin-graph.ts'
import { leiden, modularity } from '../../src/topics/leiden.ts'
import type { WeightedGraph } from '../../src/topics/weighted-graph.ts'
import { saveResult, useData } from '../data.ts'
import { loadSet, sets } from './labelled-set.ts'
import { graphologyLouvain, type PeerRun, pythonPeers } from './peers.ts'

const resolutions = [0.5, 1, 2, 4]
const neighbours = 15

interface Row {
  readonly set: string
  readonly nodes: number
  readonly edges: number
  readonly resolution: number
  readonly contestant: string
  /** Mean and best over the seeds. */
  readonly quality: number
  readonly best: number
  readonly communities: number
  readonly seconds: number
}

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: useData(args),
    options: { seeds: { type: 'string', default: '5' } },
    allowPositionals: true,
  })
  const seeds = Number(values.seeds)
  const rows: Row[] = []
  const slice = timeSlice(undefined)
  for (const set of positionals.length > 0 ? positionals : sets) {
    const { input } = await loadSet(set)
    const kin = await nearestKin({ rows: input.papers.length, ...input }, { k: neighbours, slice })
    const graph = await kinGraph(kin, slice)
    const runs = await ownRuns(graph, seeds)
    const louvain = graphologyLouvain(graph)
    if (louvain !== undefined) {
      for (let seed = 0; seed < 5; seed++) louvain({ resolution: 1, seed })
      for (const resolution of resolutions)
        for (let seed = 1; seed <= seeds; seed++) runs.push(louvain({ resolution, seed }))
    }
    const ends: number[] = []
    const weights: number[] = []
    for (let v = 0; v < graph.nodes; v++)
      for (let i = graph.start[v]!; i < graph.start[v + 1]!; i++)
        if (graph.target[i]! > v) {
          ends.push(v, graph.target[i]!)
          weights.push(graph.weight[i]!)
        }
    for (const iterations of [2, -1])
      runs.push(
        ...(
          await pythonPeers(
            { run: 'leidenalg', nodes: graph.nodes, resolutions, seeds, iterations },
            { ends: Int32Array.from(ends), weights: Float64Array.from(weights) },
          )
        ).map((one) => ({ ...one, name: iterations < 0 ? 'leidenalg, to the end' : 'leidenalg, 2 rounds' })),
      )
    console.log(`\n${set}: ${graph.nodes} nodes, ${weights.length} edges, mean of ${seeds} seeds`)
    console.log('resolution  contestant              quality   best      to leidenalg  communities  seconds')
    for (const resolution of resolutions) {
      const names = [...new Set(runs.map(({ name }) => name))]
      const reference = (await judged(graph, runs, 'leidenalg, to the end', resolution))?.quality
      for (const name of names) {
        const row = await judged(graph, runs, name, resolution)
        if (row === undefined) continue
        rows.push({ set, nodes: graph.nodes, edges: weights.length, resolution, contestant: name, ...row })
        const ratio = reference === undefined ? '' : `${(100 * (row.quality / reference - 1)).toFixed(2)} %`
        console.log(
          `${String(resolution).padEnd(12)}${name.padEnd(24)}${row.quality.toFixed(5)}   ${row.best.toFixed(5)}   ${ratio.padEnd(14)}${row.communities.toFixed(1).padEnd(13)}${row.seconds.toFixed(3)}`,
        )
      }
    }
  }
  await endThreads()
  await saveResult(['leiden', ...positionals].join('-'), rows)
}

async function ownRuns(graph: WeightedGraph, seeds: number): Promise<PeerRun[]> {
  const slice = timeSlice(undefined)
  const runs: PeerRun[] = []
  // Warm-up: the first runs of a process compile the code.
  for (let seed = 0; seed < 5; seed++) await leiden(graph, { random: seededRandom(seed), slice })
  for (const [name, iterations] of [
    ['paperkin, 1 round', 1],
    ['paperkin, 2 rounds', 2],
    ['paperkin, 10 rounds', 10],
  ] as const)
    for (const resolution of resolutions)
      for (let seed = 1; seed <= seeds; seed++) {
        const begun = performance.now()
        const groups = await leiden(graph, { resolution, random: seededRandom(seed), slice, iterations })
        runs.push({ name, resolution, seed, seconds: (performance.now() - begun) / 1000, groups: [...groups] })
      }
  return runs
}

async function judged(graph: WeightedGraph, runs: readonly PeerRun[], name: string, resolution: number) {
  const own = runs.filter((one) => one.name === name && one.resolution === resolution)
  if (own.length === 0) return undefined
  const slice = timeSlice(undefined)
  const qualities = await Promise.all(own.map(({ groups }) => modularity(graph, groups, { resolution, slice })))
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  return {
    quality: mean(qualities),
    best: Math.max(...qualities),
    communities: mean(own.map(({ groups }) => new Set(groups).size)),
    seconds: mean(own.map(({ seconds }) => seconds)),
  }
}
