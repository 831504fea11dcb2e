import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createEmbedder } from '../../src/embedding/create-embedder.ts'
import { type Paper, paperText } from '../../src/paper.ts'
import { readPapers } from '../../src/sources/read-papers.ts'
import { cachedVectors, dataPath } from '../data.ts'
import { type PeerRun, pythonPeers } from './peers.ts'

/** Papers of one collection. */
export interface Day {
  /** The file name without its extension. */
  readonly name: string
  readonly file: string
  readonly papers: readonly Paper[]
}

/** Topics of one day found by one system; each paper of the day is in one topic or an outlier. */
export interface Run {
  readonly system: string
  /** The name of a {@link Day}. */
  readonly day: string
  readonly topics: readonly { readonly label: string; readonly papers: readonly string[] }[]
  readonly outliers: readonly string[]
}

interface RunOptions {
  readonly name: string
  readonly seed: number
  /** Number of topics by day. @default chosen by the system */
  readonly counts: ReadonlyMap<string, number> | undefined
}

/** Reads the days in files and folders; by default the digests, the copied page and the example. */
export async function loadDays(sources: readonly string[] | undefined): Promise<Day[]> {
  const files: string[] = []
  for (const source of sources ?? [
    dataPath('../cases/digests'),
    fileURLToPath(new URL('../../examples/digest.txt', import.meta.url)),
    dataPath('digest/hf-papers-page.txt'),
  ]) {
    if (!(await stat(source)).isDirectory()) files.push(source)
    else for (const name of (await readdir(source)).sort()) files.push(join(source, name))
  }
  const days: Day[] = []
  for (const file of files) {
    const name = basename(file).replace(/\.[a-z]+(?:\.gz)?$/u, '')
    const other = days.find((day) => day.name === name)
    if (other !== undefined) throw new Error(`Expected days of different names, got ${other.file} and ${file}.`)
    days.push({ name, file, papers: await readPapers(file) })
  }
  return days
}

/** Runs `paperkin topics FILE --json` of a build; its ids must match those that this project reads. */
export async function cliRuns(
  days: readonly Day[],
  { cli, name, seed, counts }: RunOptions & { readonly cli: string },
): Promise<Run[]> {
  const runs: Run[] = []
  for (const day of days) {
    const count = counts === undefined ? [] : ['--count', String(countOf(day, counts))]
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [cli, '--quiet', 'topics', day.file, '--json', '--seed', String(seed), ...count],
      { maxBuffer: 1 << 28 },
    )
    const { topics, outliers } = JSON.parse(stdout) as {
      topics: readonly { readonly label: string; readonly papers: readonly { readonly id: string }[] }[]
      outliers: readonly { readonly id: string }[]
    }
    runs.push(
      checked(day, {
        system: name,
        day: day.name,
        topics: topics.map(({ label, papers }) => ({ label, papers: papers.map(({ id }) => id) })),
        outliers: outliers.map(({ id }) => id),
      }),
    )
    tell(runs.at(-1) as Run)
  }
  return runs
}

/** Runs a peer on the bundled model's vectors of the same papers; labels are its first words, joined by commas. */
export async function peerRuns(
  days: readonly Day[],
  { peer, name, seed, counts }: RunOptions & { readonly peer: string },
): Promise<Run[]> {
  if (peer !== 'tritopic' && peer !== 'bertopic')
    throw new Error(`Expected --peer to be tritopic or bertopic, got \`${peer}\`.`)
  const texts = days.flatMap(({ papers }) => papers.map(paperText))
  const { vectors, dimensions } = await cachedVectors('reading', texts)
  let end = 0
  const jobs = days.map((day) => {
    end += day.papers.length
    return {
      start: end - day.papers.length,
      end,
      ...(counts !== undefined && { count: countOf(day, counts) }),
    }
  })
  const embedder = await createEmbedder()
  const answers = await pythonPeers<PeerRun>(
    { run: 'days', contestants: [peer], dimensions, days: jobs, seed },
    { vectors, texts: JSON.stringify(texts) },
    { embed: (words) => embedder.embed(words, { inputType: 'document' }) },
  )
  await embedder.close?.()
  return answers.map(({ day: place, groups, words = [] }) => {
    const day = days[place as number] as Day
    const numbers = [...new Set(groups)].filter((group) => group >= 0).sort((a, b) => a - b)
    if (words.length !== numbers.length)
      throw new Error(`${peer} names ${words.length} of ${numbers.length} topics of ${day.name}.`)
    const idsOf = (group: number) => day.papers.flatMap(({ id }, row) => (groups[row] === group ? [id] : []))
    const topics = numbers.map((group, i) => ({
      label: (words[i] as readonly string[]).filter((word) => word !== '').join(', '),
      papers: idsOf(group),
    }))
    const run = checked(day, { system: name, day: day.name, topics, outliers: idsOf(-1) })
    tell(run)
    return run
  })
}

/** Reads runs written by {@link writeRuns}. */
export async function readRuns(file: string): Promise<Run[]> {
  return JSON.parse(await readFile(file, 'utf8')) as Run[]
}

/** Writes runs as a JSON array, one run per line. */
export async function writeRuns(file: string, runs: readonly Run[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `[\n${runs.map((run) => JSON.stringify(run)).join(',\n')}\n]\n`)
}

/** The runs of a day, and its papers by id. @throws for a run of an unknown day */
export function* runsWithPapers(
  days: readonly Day[],
  runs: readonly Run[],
): Generator<{ readonly run: Run; readonly day: Day; readonly byId: ReadonlyMap<string, Paper> }> {
  const byName = new Map(days.map((day) => [day.name, { day, byId: new Map(day.papers.map((one) => [one.id, one])) }]))
  for (const run of runs) {
    const found = byName.get(run.day)
    if (found === undefined)
      throw new Error(`${run.system} has topics of ${run.day}, which is not among the days: name it with --days.`)
    checked(found.day, run)
    yield { run, ...found }
  }
}

function checked(day: Day, run: Run): Run {
  const left = new Set(day.papers.map(({ id }) => id))
  for (const id of [...run.topics.flatMap(({ papers }) => papers), ...run.outliers])
    if (!left.delete(id)) throw new Error(`${run.system} has ${id} of ${day.name} twice, or ${day.file} has it not.`)
  if (left.size > 0) throw new Error(`${run.system} has lost ${[...left].join(', ')} of ${day.name}.`)
  const nameless = run.topics.find(({ label, papers }) => label.trim() === '' || papers.length === 0)
  if (nameless !== undefined) throw new Error(`${run.system} has a topic of ${day.name} without a label or papers.`)
  return run
}

function countOf(day: Day, counts: ReadonlyMap<string, number>): number {
  const count = counts.get(day.name)
  if (count === undefined) throw new Error(`The run of --count-like has no topics of ${day.name}.`)
  return count
}

function tell({ system, day, topics, outliers }: Run): void {
  const sizes = topics.map(({ papers }) => papers.length).join(' ')
  console.log(`${system}  ${day}: ${topics.length} topics of ${sizes}; ${outliers.length} apart`)
}
