// npm run bench -- NAME [--data FOLDER] [options of that bench]
import { availableParallelism, cpus, loadavg } from 'node:os'

type Bench = (args: readonly string[]) => Promise<void>

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  related: async () => (await import('./related.ts')).run,
  recommend: async () => (await import('./recommend.ts')).run,
  'recommend-lists': async () => (await import('./recommend-lists.ts')).run,
  report: async () => (await import('./report.ts')).run,
  'reader-tasks': async () => (await import('./reader-tasks.ts')).run,
  topics: async () => (await import('./topics/quality.ts')).run,
  'topics-scale': async () => (await import('./topics/scale.ts')).run,
  'topics-days': async () => (await import('./topics/days.ts')).run,
  'topics-named': async () => (await import('./topics/named.ts')).run,
  'topics-reading': async () => (await import('./topics/reading.ts')).run,
  leiden: async () => (await import('./topics/leiden.ts')).run,
  novelty: async () => (await import('./novelty.ts')).run,
  growth: async () => (await import('./growth.ts')).run,
  embedding: async () => (await import('./embedding.ts')).run,
  sources: async () => (await import('./sources.ts')).run,
  postgres: async () => (await import('./postgres.ts')).run,
  store: async () => (await import('./store.ts')).run,
  index: async () => (await import('./vectors.ts')).index,
  kmeans: async () => (await import('./vectors.ts')).kmeans,
}

const [name = '', ...args] = process.argv.slice(2)
const load = benches[name]
if (load === undefined) {
  console.error(`Expected one of ${Object.keys(benches).join(', ')}, got \`${name}\`: npm run bench -- related`)
  process.exitCode = 2
} else {
  const { node, v8 } = process.versions
  const [oneMinute = 0] = loadavg()
  console.log(
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, load ${oneMinute.toFixed(2)}, Node ${node}, V8 ${v8}`,
  )
  await (await load())(args)
}
