// Sheets for readers, and the evaluation of their verdicts. Sheets show only labels and titles, with the topics of all
// systems in random order, so that nothing reveals the system. Topics that two systems share are read once.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom, shuffled } from '../../src/runtime/random.ts'
import { type Day, type Run, runsWithPapers } from './reading-runs.ts'

/** The first line of the key: all runs, including those without topics on a day. */
interface KeyedRuns {
  readonly runs: readonly {
    readonly system: string
    readonly day: string
    readonly papers: number
    /** Papers in no topic. */
    readonly apart: number
  }[]
}

/** Every other line of the key: the system that a topic belongs to. */
interface KeyedTopic {
  readonly topic: number
  readonly systems: readonly string[]
  readonly day: string
  readonly label: string
  /** Ids, in the order of the sheet. */
  readonly papers: readonly string[]
}

/** One reader's verdict on a topic. */
interface Verdict {
  readonly topic: number
  readonly label: 'yes' | 'half' | 'no'
  /** Title numbers, from 1. */
  readonly misplaced: readonly number[]
}

/** A share with its 95 % confidence interval. */
interface Share {
  readonly share: number
  readonly low: number
  readonly high: number
}

interface Score {
  readonly system: string
  readonly day: string
  readonly papers: number
  readonly topics: number
  readonly days: number
  /** Share of papers in no topic. */
  readonly apart: number
  /** Share of a day's papers in its largest topic. */
  readonly largest: number
  readonly yes: Share
  readonly half: Share
  readonly no: Share
  /** (yes + half / 2) / all. */
  readonly score: Share
  readonly misplaced: Share
}

const samples = 2000

/** Writes sheets of about `size` topics and the instructions for readers to a folder, and the key next to it. */
export async function makeSheets(
  days: readonly Day[],
  runs: readonly Run[],
  {
    out,
    key,
    seed,
    size,
  }: { readonly out: string; readonly key: string; readonly seed: number; readonly size: number },
): Promise<void> {
  const random = seededRandom(seed)
  const systems = new Map<string, string[]>()
  const topics: {
    identity: string
    day: string
    label: string
    titles: { id: string; title: string }[]
  }[] = []
  const header: KeyedRuns['runs'][number][] = []
  for (const { run, day, byId } of runsWithPapers(days, runs)) {
    header.push({ system: run.system, day: day.name, papers: day.papers.length, apart: run.outliers.length })
    for (const { label, papers } of run.topics) {
      const identity = JSON.stringify([day.name, label, [...papers].sort()])
      const others = systems.get(identity)
      if (others !== undefined) {
        others.push(run.system)
        continue
      }
      systems.set(identity, [run.system])
      const titles = papers.map((id) => ({ id, title: oneLine((byId.get(id) as { title: string }).title) }))
      topics.push({ identity, day: day.name, label: oneLine(label), titles })
    }
  }
  // Shuffled from a fixed order, so that the order of --runs and of topics within a run reveals nothing.
  topics.sort((a, b) => (a.identity < b.identity ? -1 : 1))
  const mixed = shuffled(topics, random).map((one) => ({
    ...one,
    titles: shuffled(
      one.titles.sort((a, b) => (a.id < b.id ? -1 : 1)),
      random,
    ),
  }))
  await mkdir(out, { recursive: true })
  const sheets = Math.max(1, Math.ceil(mixed.length / size))
  for (let sheet = 0; sheet < sheets; sheet++) {
    const from = Math.floor((sheet * mixed.length) / sheets)
    const part = mixed.slice(from, Math.floor(((sheet + 1) * mixed.length) / sheets))
    const text = part.map(({ label, titles }, i) =>
      [`## ${from + i + 1}. ${label}`, '', ...titles.map(({ title }, j) => `${j + 1}. ${title}`), ''].join('\n'),
    )
    const name = `sheet-${String(sheet + 1).padStart(2, '0')}.md`
    await writeFile(join(out, name), `# Sheet ${sheet + 1} of ${sheets}: ${part.length} topics\n\n${text.join('\n')}`)
    console.log(`${join(out, name)}: topics ${from + 1} – ${from + part.length}`)
  }
  await copyFile(fileURLToPath(new URL('reading.md', import.meta.url)), join(out, 'reading.md'))
  const lines = mixed.map(({ identity, day, label, titles }, i): KeyedTopic => {
    const papers = titles.map(({ id }) => id)
    return { topic: i + 1, systems: (systems.get(identity) as string[]).sort(), day, label, papers }
  })
  await mkdir(dirname(key), { recursive: true })
  await writeFile(key, [{ runs: header }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(''))
  console.log(`${key}: whose they are, for nobody who reads`)
}

/**
 * Scores verdicts by system, over all days and by day. If several readers read a topic, their verdicts share its
 * weight. Intervals are bootstrapped over topics, with all verdicts on a topic kept together.
 */
export async function scoreVerdicts(
  keyFile: string,
  files: readonly string[],
  { isPartial, seed }: { readonly isPartial: boolean; readonly seed: number },
): Promise<readonly Score[]> {
  const [header, ...lines] = await jsonLines(keyFile)
  const { runs } = (header?.value ?? {}) as Partial<KeyedRuns>
  if (runs === undefined) throw new Error(`Expected a key to sheets, as \`make\` writes it, got ${keyFile}.`)
  const key = lines.map(({ value }) => value as KeyedTopic)
  const verdicts = await readVerdicts(key, files)
  const unread = key.filter(({ topic }) => !verdicts.has(topic)).map(({ topic }) => topic)
  if (unread.length > 0 && !isPartial)
    throw new Error(`No verdict on ${unread.length} topics (${unread.join(', ')}): score what there is with --partial.`)
  const scores: Score[] = []
  console.log(
    'system              day                 topics  a day  apart  largest  yes                half               no                 score               misplaced',
  )
  const dayNames = [...new Set(runs.map(({ day }) => day))].sort()
  for (const system of [...new Set(runs.map((one) => one.system))].sort())
    for (const day of [undefined, ...dayNames]) {
      const wanted = (one: { readonly day: string }) => day === undefined || one.day === day
      const theirs = runs.filter((one) => one.system === system && wanted(one))
      const topics = key.filter((one) => one.systems.includes(system) && wanted(one))
      const read = topics.filter(({ topic }) => verdicts.has(topic))
      if (read.length === 0) continue
      const share = (top: (verdict: Verdict) => number, bottom: (topic: KeyedTopic) => number): Share =>
        ratio(
          read.map((topic) => {
            const said = verdicts.get(topic.topic) as Verdict[]
            return { top: said.reduce((sum, one) => sum + top(one), 0) / said.length, bottom: bottom(topic) }
          }),
          seed,
        )
      const label = (wanted: Verdict['label']) =>
        share(
          (one) => (one.label === wanted ? 1 : 0),
          () => 1,
        )
      const papers = theirs.reduce((sum, one) => sum + one.papers, 0)
      const sizes = new Map(theirs.map((one) => [one.day, one.papers]))
      const score: Score = {
        system,
        day: day ?? 'all',
        papers,
        topics: topics.length,
        days: theirs.length,
        apart: theirs.reduce((sum, one) => sum + one.apart, 0) / papers,
        largest: topics.reduce((most, one) => Math.max(most, one.papers.length / (sizes.get(one.day) as number)), 0),
        yes: label('yes'),
        half: label('half'),
        no: label('no'),
        score: share(
          (one) => ({ yes: 1, half: 0.5, no: 0 })[one.label],
          () => 1,
        ),
        misplaced: share(
          (one) => one.misplaced.length,
          (topic) => topic.papers.length,
        ),
      }
      scores.push(score)
      console.log(scoreLine(score))
    }
  tellAgreement(key, verdicts)
  return scores
}

async function readVerdicts(key: readonly KeyedTopic[], files: readonly string[]): Promise<Map<number, Verdict[]>> {
  const sizes = new Map(key.map(({ topic, papers }) => [topic, papers.length]))
  const verdicts = new Map<number, Verdict[]>()
  for (const file of files) {
    const seen = new Set<number>()
    for (const { line, value } of await jsonLines(file)) {
      const { topic, label, misplaced } = value as Partial<Verdict>
      const wrong = (what: string) =>
        new Error(`Line ${line} of ${file}: expected ${what}, got ${JSON.stringify(value)}.`)
      const size = sizes.get(topic as number)
      if (topic === undefined || size === undefined) throw wrong('`topic` to be a number of the key')
      if (seen.has(topic)) throw wrong('one verdict on a topic in a file')
      if (label !== 'yes' && label !== 'half' && label !== 'no') throw wrong('`label` to be yes, half or no')
      const isTitle = (one: unknown) => Number.isInteger(one) && (one as number) >= 1 && (one as number) <= size
      if (!Array.isArray(misplaced) || !misplaced.every(isTitle) || new Set(misplaced).size < misplaced.length)
        throw wrong(`\`misplaced\` to be numbers of its ${size} titles, each once`)
      seen.add(topic)
      verdicts.set(topic, [...(verdicts.get(topic) ?? []), { topic, label, misplaced }])
    }
  }
  return verdicts
}

/** How often two readers of a topic agree on its label, and on a title. */
function tellAgreement(key: readonly KeyedTopic[], verdicts: ReadonlyMap<number, readonly Verdict[]>): void {
  let [pairs, sameLabels, titles, sameTitles] = [0, 0, 0, 0]
  for (const { topic, papers } of key)
    for (const [i, a] of (verdicts.get(topic) ?? []).entries())
      for (const b of (verdicts.get(topic) ?? []).slice(i + 1)) {
        pairs++
        if (a.label === b.label) sameLabels++
        titles += papers.length
        for (let title = 1; title <= papers.length; title++)
          if (a.misplaced.includes(title) === b.misplaced.includes(title)) sameTitles++
      }
  if (pairs > 0)
    console.log(
      `\ntwo readers of a topic say the same of ${percent(sameLabels / pairs)} % of ${pairs} labels and of ${percent(sameTitles / titles)} % of ${titles} titles`,
    )
}

/** The ratio of sums, with its percentile bootstrap interval. */
function ratio(parts: readonly { readonly top: number; readonly bottom: number }[], seed: number): Share {
  const random = seededRandom(seed)
  const of = (pick: (i: number) => number) => {
    let [top, bottom] = [0, 0]
    for (let i = 0; i < parts.length; i++) {
      const part = parts[pick(i)] as (typeof parts)[number]
      top += part.top
      bottom += part.bottom
    }
    return top / bottom
  }
  const drawn = Float64Array.from({ length: samples }, () => of(() => Math.floor(random() * parts.length))).sort()
  return {
    share: of((i) => i),
    low: drawn[Math.floor(0.025 * samples)] as number,
    high: drawn[Math.ceil(0.975 * samples) - 1] as number,
  }
}

async function jsonLines(file: string): Promise<{ readonly line: number; readonly value: unknown }[]> {
  return (await readFile(file, 'utf8')).split('\n').flatMap((text, i) => {
    if (text.trim() === '') return []
    try {
      return [{ line: i + 1, value: JSON.parse(text) }]
    } catch (cause) {
      throw new Error(`Line ${i + 1} of ${file} is not JSON.`, { cause })
    }
  })
}

const oneLine = (text: string) => text.replace(/\s+/gu, ' ').trim()

const percent = (share: number) => (100 * share).toFixed(0)

function scoreLine(score: Score): string {
  const interval = ({ share, low, high }: Share) =>
    `${percent(share)} % [${percent(low)} … ${percent(high)}]`.padEnd(19)
  const points = ({ share, low, high }: Share) =>
    `${share.toFixed(2)} [${low.toFixed(2)} … ${high.toFixed(2)}]`.padEnd(20)
  return [
    score.system.padEnd(20),
    score.day.padEnd(20),
    String(score.topics).padEnd(8),
    (score.topics / score.days).toFixed(1).padEnd(7),
    `${percent(score.apart)} %`.padEnd(7),
    `${percent(score.largest)} %`.padEnd(9),
    interval(score.yes),
    interval(score.half),
    interval(score.no),
    points(score.score),
    interval(score.misplaced),
  ]
    .join('')
    .trimEnd()
}
