import { addAbortSignal } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { PaperkinError } from '../errors.ts'
import { type Hit, type HitList, PaperLibrary } from '../library/paper-library.ts'
import { type Paper, paperName } from '../paper.ts'
import { type Digest, parseDigest, readDigest } from '../sources/read-digest.ts'
import type { Topics } from '../topics/find-topics.ts'
import { count, digestPage, hitPage, type PrintedHit, pc } from './print.ts'

interface SourceArguments {
  readonly files: readonly string[]
  readonly year?: number
  readonly json?: boolean
  readonly verbose?: boolean
}

export interface DigestArguments extends SourceArguments {
  readonly k: number
  readonly topics: number | 'auto'
  readonly method: 'graph' | 'kmeans'
  readonly seed: number
}

export interface HitArguments extends SourceArguments {
  readonly text: string
  readonly k: number
}

export interface SearchArguments extends HitArguments {
  readonly mode: 'hybrid' | 'semantic' | 'lexical'
}

/** `paperkin digest`: papers, topics, and each paper's nearest kin. */
export async function digest(options: DigestArguments, signal: AbortSignal): Promise<void> {
  await withLibrary(options, signal, async (library, dates) => {
    const topics = await library.topics({ method: options.method, count: options.topics, seed: options.seed, signal })
    const kin = new Map<string, HitList>()
    for (const { id } of library.papers()) kin.set(id, await library.related(id, { k: options.k, signal }))
    if (options.json) printJson(digestData(library, { dates, topics, kin }))
    else print(digestPage({ papers: library.papers(), dates, topics, kin }, columns()))
  })
}

/** `paperkin search`: the papers nearest to a text. */
export async function search(options: SearchArguments, signal: AbortSignal): Promise<void> {
  await withLibrary(options, signal, async (library) => {
    const { hits, weights } = await library.search(options.text, { k: options.k, mode: options.mode, signal })
    if (options.json) printJson({ query: options.text, mode: options.mode, weights, hits: hits.map(hitData) })
    else
      print(
        hitPage(
          hits.map(printed),
          { heading: `${count(library.size, 'paper')}, nearest to ${pc.bold(options.text)}` },
          columns(),
        ),
      )
  })
}

/** `paperkin related`: the kin of one paper, named by its id or by words of its title. */
export async function related(options: HitArguments, signal: AbortSignal): Promise<void> {
  await withLibrary(options, signal, async (library) => {
    const paper = namedPaper(library, options.text)
    const { hits, weights } = await library.related(paper.id, { k: options.k, signal })
    if (options.json) printJson({ paper: { id: paper.id, title: paper.title }, weights, hits: hits.map(hitData) })
    else
      print(
        hitPage(hits.map(printed), { heading: `Kin of ${pc.bold(paperName(paper))} ${pc.dim(paper.id)}` }, columns()),
      )
  })
}

function namedPaper(library: PaperLibrary, text: string): Paper {
  const found = library.find(text, { k: 6 })
  const [best] = found
  if (best?.match === 'exact') return best.paper
  const named = found.filter(({ match }) => match === 'words')
  if (named.length === 1) return (named[0] as (typeof named)[number]).paper
  const list = (named.length > 0 ? named.slice(0, 5) : found.slice(0, 3))
    .map(({ paper }) => `${paper.id} (${paperName(paper)})`)
    .join('; ')
  if (named.length > 1)
    throw new PaperkinError(
      'invalid-argument',
      `More than one title has the words ${JSON.stringify(text)}: name one by its id, such as ${list}.`,
    )
  const remedy = list === '' ? 'name it by its id or by words of its title' : `the nearest are ${list}`
  throw new PaperkinError('paper-not-found', `There is no paper ${JSON.stringify(text)} in the file; ${remedy}.`)
}

async function withLibrary(
  options: SourceArguments,
  signal: AbortSignal,
  use: (library: PaperLibrary, dates: readonly string[]) => Promise<void>,
): Promise<void> {
  const digests: Digest[] = []
  const year = options.year === undefined ? {} : { year: options.year }
  for (const file of options.files)
    digests.push(
      file === '-'
        ? parseDigest(await readAll(addAbortSignal(signal, process.stdin)), { ...year, name: 'standard input' })
        : await readDigest(file, year),
    )
  const library = await PaperLibrary.open()
  try {
    const progress = progressLine()
    for (const [i, { papers, skipped }] of digests.entries()) {
      const result = await library.add(papers, {
        signal,
        onProgress: ({ done, total }) => progress.show(`embedding ${done} of ${total} papers`),
      })
      progress.clear()
      const file = options.files[i] === '-' ? 'standard input' : options.files[i]
      for (const { line, text } of skipped)
        process.stderr.write(`Passed over line ${line} of ${file}, which has no title: ${text.slice(0, 60)}…\n`)
      for (const id of result.updated) process.stderr.write(`Took the later text of ${id}, from ${file}\n`)
      if (options.verbose)
        for (const { id, tokens, cut } of result.truncated)
          process.stderr.write(`${id} has ${tokens} word pieces: the last ${cut} are not in its embedding\n`)
    }
    await use(
      library,
      digests.flatMap(({ date }) => (date === undefined ? [] : [date])),
    )
  } finally {
    await library.close()
  }
}

interface DigestParts {
  readonly dates: readonly string[]
  readonly topics: Topics
  readonly kin: ReadonlyMap<string, HitList>
}

function digestData(library: PaperLibrary, { dates, topics, kin }: DigestParts): unknown {
  const [first] = kin.values()
  return {
    dates,
    embedder: library.embedder,
    weights: first?.weights,
    topics,
    papers: library.papers().map((paper) => ({
      ...paper,
      topic: topics.of(paper.id)?.id ?? null,
      related: (kin.get(paper.id) as HitList).hits.map(({ paper: { id, title }, score, semantic, lexical }) => ({
        id,
        title,
        score,
        semantic,
        lexical,
      })),
    })),
  }
}

function hitData({ paper, score, semantic, lexical }: Hit): unknown {
  return { ...paper, score, semantic, lexical }
}

function printed({ paper, score }: Hit): PrintedHit {
  return { id: paper.id, name: paperName(paper), isTitleOnly: paper.titleOnly === true, score }
}

function columns(): number {
  return process.stdout.isTTY ? Math.max(40, process.stdout.columns ?? 80) : Number.POSITIVE_INFINITY
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function printJson(data: unknown): void {
  process.stdout.write(`${JSON.stringify(data, null, 2)}\n`)
}

/** A line on the terminal that is written over and over; nothing where standard error is no terminal. */
function progressLine(): { show(text: string): void; clear(): void } {
  const isOn = process.stderr.isTTY
  return {
    show: (text) => isOn && process.stderr.write(`\r\u001b[K${text}`),
    clear: () => isOn && process.stderr.write('\r\u001b[K'),
  }
}
