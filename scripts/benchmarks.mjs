// Writes the tables of BENCHMARKS.md from the JSON results of benches in bench/results.
// usage: node scripts/benchmarks.mjs [FOLDER]      FOLDER: folder with the JSON. Default: bench/results
// A table is between `<!-- from NAME.json -->` and `<!-- end -->`; without NAME.json in FOLDER it stays unchanged.
// Results record neither date nor machine: the date is that of the file, the machine this one, so run it where the
// benches ran.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = process.argv[2] ?? join(root, 'bench/results')
const document = join(root, 'BENCHMARKS.md')

/** A figure below 1 without its leading zero, as in all documents. */
const small = (value, digits = 3) => value.toFixed(digits).replace(/^(-?)0\./u, '$1.')
const percent = (share) => `${(100 * share).toFixed(0)} %`
const megabytes = (bytes) => `${(bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 0 })} MB`
const range = ({ least, most }) => (least === most ? String(least) : `${least} – ${most}`)
const grouped = (count) => count.toLocaleString('en')

/** The command, head and rows of each table, by the name of its file. */
const tables = {
  related: {
    command: 'npm run bench -- related',
    head: ['set', 'queries', 'embedding', 'words', 'mix'],
    rows: (sets) =>
      Object.entries(sets)
        .filter(([, { queries }]) => queries !== undefined)
        .map(([set, { queries, figures }]) => {
          const cell = ({ mean, low, high }) => `${small(mean)} (${small(low)} – ${small(high)})`
          return [set, grouped(queries), ...['semantic', 'lexical', 'hybrid'].map((part) => cell(figures[part].ndcg))]
        }),
  },
  'related-latency': {
    command: 'node --expose-gc --import tsx bench/index.ts related --latency',
    head: ['question', 'median ms', '95th percentile ms'],
    // Medians, 95th percentiles and maxima; what ran once has the same value three times.
    rows: (results) =>
      Object.entries(results)
        .filter(([, value]) => Array.isArray(value))
        .map(([name, [p50, p95]]) => [name.trim(), p50.toFixed(1), p95.toFixed(1)]),
  },
  embedding: {
    command: 'npm run bench -- embedding',
    head: ['contestant', 'a second', 'longest pause', 'memory'],
    rows: ({ rows }) =>
      rows.map(({ what, perSecond, stallMs, peakMB }) => [
        what,
        perSecond.best.toFixed(1),
        `${stallMs.toFixed(0)} ms`,
        `${peakMB.toFixed(0)} MB`,
      ]),
  },
  index: {
    command: 'npm run bench -- index --part search',
    head: ['contestant', 'median ms', '95th percentile ms', 'recall@10'],
    rows: ({ results }) =>
      results.map(({ name, p50, p95, recall }) => [name, p50.toFixed(2), p95.toFixed(2), small(recall)]),
  },
  kmeans: {
    command: 'npm run bench -- kmeans',
    head: ['contestant', 'median s', 'least s', 'inertia'],
    rows: ({ results }) =>
      results.map(({ name, median, least, inertia }) => [name, small(median), small(least), inertia.toFixed(2)]),
  },
  topics: {
    command: 'npm run bench -- topics',
    head: ['set (labels)', 'contestant', 'asked for', 'seeds', 'found', 'NMI', 'ARI'],
    rows: (rows) =>
      rows.map(({ set, labels, contestant, asked, seeds, found, nmi, ari }) => [
        `${set} (${labels})`,
        contestant,
        asked === 'auto' ? '' : String(asked),
        String(seeds),
        range(found),
        small(nmi.mean),
        small(ari.mean),
      ]),
  },
  'topics-scale': {
    command: 'npm run bench -- topics-scale',
    head: ['papers', 'asked for', 'topics', 'seconds', 'longest pause', 'most memory'],
    rows: (rows) =>
      rows.map(({ papers, asked, topics, seconds, pause, peak }) => [
        grouped(papers),
        asked,
        String(topics),
        seconds.toFixed(1),
        `${pause.toFixed(0)} ms`,
        megabytes(peak),
      ]),
  },
  'topics-named': {
    command: 'npm run bench -- topics-named',
    head: ['set', 'given', 'precision', 'recall', 'under absent names'],
    rows: ({ rows }) =>
      rows.map(({ set, way, precision, recall, pulled }) => [
        set,
        way,
        small(precision, 2),
        small(recall, 2),
        `${(100 * pulled).toFixed(1)} %`,
      ]),
  },
  'topics-reading': {
    command: 'npm run bench -- topics-reading score',
    head: ['system', 'topics', 'largest', 'apart', 'yes', 'half', 'no', 'misplaced'],
    rows: (rows) =>
      rows
        .filter(({ day }) => day === 'all')
        .map(({ system, topics, largest, apart, yes, half, no, misplaced }) => [
          system,
          String(topics),
          ...[largest, apart, yes.share, half.share, no.share, misplaced.share].map(percent),
        ]),
  },
}

const cpu = cpus()[0]?.model.trim() || 'a CPU without a name'
let written = 0
const text = readFileSync(document, 'utf8').replace(
  /(<!-- from ([\w-]+)\.json(?:: ([^\n]*))? -->\n)[\s\S]*?(<!-- end -->)/gu,
  (whole, begin, name, given, end) => {
    const path = join(folder, `${name}.json`)
    const table = tables[name] ?? tables[Object.keys(tables).find((one) => name.startsWith(`${one}-`)) ?? '']
    if (!existsSync(path)) return whole
    if (table === undefined) throw new Error(`Expected a table for ${name}.json, which BENCHMARKS.md names.`)
    const day = statSync(path).mtime.toISOString().slice(0, 10)
    const { command, head, rows } = table
    const lines = [head, ...rows(JSON.parse(readFileSync(path, 'utf8')))].map((cells) => `| ${cells.join(' | ')} |`)
    lines.splice(1, 0, `|${'---|'.repeat(head.length)}`)
    written++
    return `${begin}\n${day}, ${cpu}, ${availableParallelism()} cores: \`${given ?? command}\`\n\n${lines.join('\n')}\n\n${end}`
  },
)
writeFileSync(document, text)
console.log(`${written} tables of BENCHMARKS.md written from ${folder}`)
