// npm run bench -- topics-scale [--sizes 1000,…] [--count N] [--skip-auto] [--peers]: topics of libraries of growing
// size, from `library.topics()` to labels: seconds, the longest pause of the event loop, and the peak memory of the
// process; with --peers also BERTopic with its defaults on the same vectors (second run, because the first compiles).
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import { paperText } from '../../src/paper.ts'
import type { TopicOptions } from '../../src/topics/find-topics.ts'
import { loadPapers, loadVectors, saveResult, useData } from '../data.ts'
import { pythonPeers } from './peers.ts'

interface Row {
  readonly papers: number
  readonly asked: string
  readonly topics: number
  readonly seconds: number
  /** Milliseconds. */
  readonly pause: number
  /** Memory of the process in bytes: before the call, and the peak until its end. */
  readonly before: number
  readonly peak: number
}

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: useData(args),
    options: {
      set: { type: 'string', default: 'arxiv-cs-2025' },
      sizes: { type: 'string', default: '1000,5000,20000,40899' },
      count: { type: 'string', default: '50' },
      'skip-auto': { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
    },
  })
  const { vectors, dimensions } = await loadVectors(values.set)
  const papers = (await loadPapers(values.set)).map(({ paper }) => paper)
  const rows: Row[] = []
  console.log('papers   asked          topics   seconds   longest pause   memory before   most memory')
  for (const size of values.sizes.split(',').map(Number)) {
    const library = await PaperLibrary.open({ embedder: 'none' })
    await library.add(papers.slice(0, size), { vectors: vectors.subarray(0, size * dimensions) })
    const asked: [string, TopicOptions][] = [
      [`count ${values.count}`, { count: Number(values.count) }],
      ['resolution 1', { resolution: 1 }],
      ...(values['skip-auto'] ? [] : [['auto', {}] as [string, TopicOptions]]),
    ]
    for (const [name, options] of asked) {
      const row = { papers: size, asked: name, ...(await measure(library, options)) }
      rows.push(row)
      const mega = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
      console.log(
        `${String(row.papers).padEnd(9)}${name.padEnd(15)}${String(row.topics).padEnd(9)}${row.seconds.toFixed(1).padEnd(10)}${`${row.pause.toFixed(0)} ms`.padEnd(16)}${mega(row.before).padEnd(16)}${mega(row.peak)}`,
      )
    }
    await library.close()
    if (values.peers) {
      const job = {
        run: 'topics',
        contestants: ['bertopic'],
        dimensions,
        count: Number(values.count),
        seeds: 1,
        warm: true,
      }
      const runs = await pythonPeers(job, {
        vectors: vectors.subarray(0, size * dimensions),
        texts: JSON.stringify(papers.slice(0, size).map(paperText)),
      })
      for (const { name, seconds, groups, peak = Number.NaN } of runs) {
        const apart = groups.filter((group) => group < 0).length / size
        console.log(
          `${String(size).padEnd(9)}${name.padEnd(20)}${new Set(groups.filter((group) => group >= 0)).size} topics, ${(100 * apart).toFixed(1)} % apart, ${seconds.toFixed(1)} s, ${(peak / 1e6).toFixed(0)} MB at most`,
        )
      }
    }
  }
  await saveResult('topics-scale', rows)
}

async function measure(library: PaperLibrary, options: TopicOptions) {
  const before = process.memoryUsage().rss
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 50)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const begun = performance.now()
  const topics = await library.topics(options)
  const seconds = (performance.now() - begun) / 1000
  await new Promise((resolve) => setTimeout(resolve, 5))
  delay.disable()
  clearInterval(watch)
  return { topics: topics.count, seconds, pause: delay.max / 1e6, before, peak }
}
