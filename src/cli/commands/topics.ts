import { readFile } from 'node:fs/promises'
import { Option } from 'commander'
import { PaperkinError } from '../../errors.ts'
import type { Paper } from '../../paper.ts'
import { count } from '../../report/wording.ts'
import type {
  TimeUnit,
  Topic,
  TopicMethod,
  TopicNode,
  Topics,
  TopicsData,
  TopicsOverTime,
} from '../../topics/find-topics.ts'
import { defineCommand, fileHelp, methodOption, number, papersOptions, seedOption, topicsOption } from '../command.ts'
import { wrapped } from '../fitted-text.ts'
import { namesOption, readNames, unmatchedLine } from '../named-topics.ts'
import { type PapersArguments, withPapers } from '../open-papers.ts'
import { paperTable, table } from '../table.ts'
import type { Colors } from '../terminal.ts'

interface TopicsOptions extends PapersArguments {
  readonly topics?: number | 'auto'
  readonly resolution?: number
  readonly method: TopicMethod
  readonly seed: number
  readonly outliers?: number
  readonly sample?: number
  readonly hierarchy?: boolean
  readonly overTime?: TimeUnit
  readonly previous?: string
  readonly names?: string
}

interface TopicsParts {
  readonly topics: Topics
  readonly hierarchy: TopicNode | undefined
  readonly overTime: TopicsOverTime | undefined
}

export const topicsCommand = defineCommand<TopicsOptions>({
  name: 'topics',
  summary: 'find the topics of the papers',
  usage: '[options] FILE… | --library LIBRARY',
  description:
    'Prints each topic with its label, more terms and its most typical papers. Save the --json output for --previous on another day: unchanged topics then keep their numbers and labels.',
  arguments: [['[file...]', fileHelp]],
  options: [
    topicsOption(),
    new Option('--resolution <number>', 'instead of a count; above 1 gives more and smaller topics').argParser(
      number('--resolution', 0.001, 1000),
    ),
    methodOption(),
    seedOption(),
    new Option('--outliers <share>', 'the share of papers to set apart, 0 … 0.5').argParser(
      number('--outliers', 0, 0.5),
    ),
    new Option(
      '--sample <count>',
      'find them among at most so many papers (default: all; 50,000 of a library on Postgres)',
    ).argParser(number('--sample', 1, 1e9)),
    new Option('--hierarchy', 'print the topics in nested groups'),
    new Option('--over-time <unit>', 'print the papers of each topic over time').choices([
      'day',
      'week',
      'month',
      'year',
    ]),
    new Option('--previous <file>', 'earlier topics, as printed by --json'),
    namesOption(),
    ...papersOptions(),
  ],
  formerly: { '--count <count>': 'topics' },
  examples: [
    'paperkin topics today.txt',
    'paperkin topics papers.jsonl --topics 8 --over-time month',
    'paperkin topics today.txt --json > topics.json',
  ],
  run: (files, options, context) =>
    withPapers(files, options, context, async ({ library, sources }) => {
      const { signal, terminal } = context
      const { method, seed, topics: asked, resolution, outliers, sample, previous, names } = options
      const topics = await library.topics({
        method,
        seed,
        count: asked,
        resolution,
        outlierShare: outliers,
        sample,
        previous: previous === undefined ? undefined : await readTopics(previous),
        named: names === undefined ? undefined : await readNames(names, library, signal),
        signal,
      })
      const hierarchy = options.hierarchy ? await topics.hierarchy({ signal }) : undefined
      const overTime = options.overTime && (await topics.overTime(options.overTime, { signal }))
      const listed = [
        ...topics.topics.flatMap(({ representatives }) => representatives),
        ...topics.outliers.map(({ id }) => id),
      ]
      const papers = (await library.readPapers(listed, { signal })).filter((paper) => paper !== undefined)
      return {
        page: (columns) => topicsPage(library.size, papers, { topics, hierarchy, overTime }, terminal.colors, columns),
        data: () => ({ ...topics, ...(hierarchy && { hierarchy }), ...(overTime && { overTime }), sources }),
        records: () => topics.topics,
      }
    }),
})

async function readTopics(path: string): Promise<TopicsData> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as TopicsData
  } catch (cause) {
    throw new PaperkinError(
      'unreadable-source',
      `Expected topics in ${path}, as \`paperkin topics --json\` prints them; it could not be read as JSON.`,
      { cause },
    )
  }
}

/** @param papers those that are listed, of all `size` */
function topicsPage(
  size: number,
  papers: readonly Paper[],
  { topics, hierarchy, overTime }: TopicsParts,
  colors: Colors,
  columns: number,
): string {
  const byId = new Map(papers.map((paper) => [paper.id, paper]))
  const areaOf = paperAreas(topics)
  const nearestTo = new Map(topics.outliers.map(({ id, nearest }) => [id, `(near ${nearest + 1})`]))
  const listed = (ids: readonly string[], label?: string) => {
    const rows = ids.flatMap((id) => {
      const area = areaOf.get(id)
      return byId.has(id)
        ? [{ paper: byId.get(id) as Paper, mark: nearestTo.get(id) ?? '', area: area === label ? '' : area }]
        : []
    })
    return indented(paperTable(rows, colors, columns - 3))
  }
  const apart = topics.outliers.length > 0 ? `, ${count(topics.outliers.length, 'paper')} apart` : ''
  const among = topics.topics.reduce((sum, topic) => sum + topic.size, topics.outliers.length)
  const sample = topics.sampledFrom === undefined ? '' : `, a sample of ${among.toLocaleString('en-US')}`
  const lines = [colors.bold(`${count(size, 'paper')}${sample}: ${count(topics.count, 'topic')}${apart}`), '']
  for (const { group, size: all, inside } of groupedTopics(topics)) {
    if (group !== undefined) lines.push(colors.bold(colors.underline(`${group} (${all})`)), '')
    for (const { id, label, size, terms, representatives } of inside) {
      const further = terms.map(({ term }) => term).filter((term) => !label.includes(term))
      const name = `${colors.bold(colors.green(`${id + 1}  ${label}`))} ${colors.dim(`(${size})`)}`
      lines.push(wrapped(name, columns, '', '   '))
      if (further.length > 0) lines.push(colors.dim(wrapped(further.join(', '), columns, '   ')))
      lines.push(listed(representatives, label), '')
    }
  }
  if (topics.outliers.length > 0)
    lines.push(colors.bold(colors.yellow('Apart from all topics')), listed(topics.outliers.map(({ id }) => id)), '')
  const unmatched = unmatchedLine(topics)
  if (unmatched !== undefined) lines.push(colors.yellow(wrapped(unmatched, columns)), '')
  if (topics.changes.length > 0) lines.push(colors.bold('Since before'), changesTable(topics, columns), '')
  if (hierarchy !== undefined) lines.push(colors.bold('Groups of topics'), ...tree(hierarchy, 0), '')
  if (overTime !== undefined) lines.push(colors.bold('Over time'), timeTable(overTime, columns), '')
  return lines.join('\n').trimEnd()
}

/** The area of each paper of topics, by id. */
export function paperAreas({ topics, outliers }: Topics): ReadonlyMap<string, string | undefined> {
  return new Map([...outliers, ...topics.flatMap(({ papers }) => papers)].map(({ id, area }) => [id, area]))
}

// Fewer topics need no grouping.
const leastForGroups = 8

/** Topics under their disciplines, largest first; in one group without a name if there are few. */
export function groupedTopics({
  topics,
  groups,
}: Topics): { readonly group: string | undefined; readonly size: number; readonly inside: readonly Topic[] }[] {
  if (groups.length < 2 || topics.length < leastForGroups) return [{ group: undefined, size: 0, inside: topics }]
  const byId = new Map(topics.map((topic) => [topic.id, topic]))
  return groups.map(({ label, size, topics: ids }) => ({
    group: label,
    size,
    inside: ids.flatMap((id) => byId.get(id) ?? []),
  }))
}

function changesTable({ changes }: Topics, columns: number): string {
  return table(
    [{}, { align: 'right' }, {}, { isFlexible: true }],
    changes.map(({ change, topic, label, size, before, other }) => {
      const of =
        change === 'split'
          ? ` from ${(other as number) + 1}`
          : change === 'merged'
            ? ` into ${(other as number) + 1}`
            : ''
      return [`   ${change}${of}`, String(topic + 1), before === 0 ? String(size) : `${before} → ${size}`, label]
    }),
    columns,
  )
}

function tree({ topic, label, size, children }: TopicNode, depth: number): string[] {
  const number = topic === undefined ? '' : `${topic + 1}  `
  const own = `${'   '.repeat(depth + 1)}${number}${label} (${size})`
  return [own, ...children.flatMap((child) => tree(child, depth + 1))]
}

const levels = '▁▂▃▄▅▆▇█'

/** The number of latest periods shown. */
const mostPeriods = 40

/** One line per topic: its share in each period as bars, then rising terms. */
function timeTable({ periods, topics, undated }: TopicsOverTime, columns: number): string {
  const most = Math.min(mostPeriods, Math.floor(columns / 3))
  const shown = periods.slice(-most)
  const [first] = shown
  const last = shown[shown.length - 1]
  if (first === undefined || last === undefined)
    return `   none of ${count(undated, 'paper')} has a precise enough date`
  const rows = topics.map(({ topic, label, counts, shares, rising }) => {
    const recent = shares.slice(-most)
    const highest = Math.max(...recent)
    const bars = recent.map((share, i) =>
      counts[counts.length - recent.length + i] === 0 ? ' ' : levels[Math.min(7, Math.floor((8 * share) / highest))],
    )
    const rises = rising.map(({ term, since }) => `${term} (${since})`).join(', ')
    return [`   ${topic + 1}`, bars.join(''), label, rises]
  })
  const without = undated > 0 ? `, ${count(undated, 'paper')} without such a date` : ''
  return [
    `   ${first.name} … ${last.name}${without}`,
    table([{ align: 'right' }, {}, { isFlexible: true }, { header: 'rising', isFlexible: true }], rows, columns),
  ].join('\n')
}

const indented = (text: string) => text.replace(/^/gmu, '   ')
