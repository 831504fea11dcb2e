import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { seededRandom } from '../../src/runtime/random.ts'
import type { WeightedGraph } from '../../src/topics/weighted-graph.ts'

const folder = new URL('../peers/topics/', import.meta.url).pathname

/** A run of a peer. */
export interface PeerRun {
  readonly name: string
  readonly seed: number
  readonly resolution?: number
  readonly seconds: number
  /** The group of each paper or node; -1 for an outlier. */
  readonly groups: readonly number[]
  /** Index of the day within the job, if days are run one by one. */
  readonly day?: number
  /** The words of each topic, if the peer names topics. */
  readonly words?: readonly (readonly string[])[]
  /** Peak memory of its process so far, in bytes. */
  readonly peak?: number
}

/**
 * Runs peers in a Python process, which may request vectors of words. Each line of its output is an answer. Prints a
 * note and returns nothing if they are not installed.
 */
export async function pythonPeers<Answer = PeerRun>(
  job: Readonly<Record<string, unknown>>,
  files: Readonly<Record<string, Uint8Array | Float32Array | Float64Array | Int32Array | string>>,
  { embed }: { readonly embed?: (texts: readonly string[]) => Promise<readonly Float32Array[]> } = {},
): Promise<Answer[]> {
  const python = join(folder, '.venv/bin/python')
  if (!existsSync(python)) {
    console.log(`left out: what runs in Python, as ${python} is not there: bench/peers/topics/setup`)
    return []
  }
  const work = mkdtempSync(join(tmpdir(), 'paperkin-bench-'))
  try {
    const paths = Object.entries(files).map(([name, content]) => {
      const path = join(work, name)
      writeFileSync(path, content)
      return [name, path] as const
    })
    const jobPath = join(work, 'job.json')
    writeFileSync(jobPath, JSON.stringify({ ...job, ...Object.fromEntries(paths) }))
    const child = spawn(python, ['-B', join(folder, 'peers.py'), jobPath], { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    if (embed === undefined) child.stdin.end()
    const answers: Answer[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      const answer = JSON.parse(line)
      if (answer.embed === undefined) answers.push(answer as Answer)
      else if (embed === undefined) throw new Error('peers.py asks for vectors, which this bench does not give.')
      else child.stdin.write(`${JSON.stringify((await embed(answer.embed)).map((vector) => [...vector]))}\n`)
    }
    const code = await ended
    if (code !== 0) throw new Error(`peers.py ended with ${code}.`)
    return answers
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Louvain of graphology on a graph, loaded once, to run at any resolution; undefined if it is not installed. */
export function graphologyLouvain(
  graph: WeightedGraph,
): ((options: { readonly resolution: number; readonly seed: number }) => PeerRun) | undefined {
  if (!existsSync(join(folder, 'node_modules/graphology'))) {
    console.log('left out: graphology-communities-louvain, which bench/peers/topics/setup installs')
    return undefined
  }
  const require = createRequire(join(folder, 'package.json'))
  const { UndirectedGraph } = require('graphology')
  const louvain = require('graphology-communities-louvain')
  const peer = new UndirectedGraph()
  for (let v = 0; v < graph.nodes; v++) peer.addNode(v)
  for (let v = 0; v < graph.nodes; v++)
    for (let i = graph.start[v]!; i < graph.start[v + 1]!; i++)
      if (graph.target[i]! > v) peer.addEdge(v, graph.target[i], { weight: graph.weight[i] })
  return ({ resolution, seed }) => {
    const begun = performance.now()
    const found = louvain(peer, { resolution, rng: seededRandom(seed) })
    const seconds = (performance.now() - begun) / 1000
    const groups = Array.from({ length: graph.nodes }, (_, v) => found[v] as number)
    return { name: 'graphology Louvain', seed, resolution, seconds, groups }
  }
}
