import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { createEmbedder } from '../src/embedding/create-embedder.ts'
import type { Embedder } from '../src/embedding/embedder.ts'
import { type Paper, paperText, toPaper } from '../src/paper.ts'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

const files: Readonly<Record<string, string>> = {
  cora: 'related/cora/papers',
  ijcai: 'related/ijcai/papers',
  scifact: 'related/scifact/papers',
  scitldr: 'related/scitldr/papers',
  'scifact-queries': 'related/scifact/queries',
  'scitldr-queries': 'related/scitldr/queries',
  'arxiv-cs': 'clusters/arxiv-cs',
  'arxiv-fields': 'clusters/arxiv-fields',
  'arxiv-fine': 'clusters/arxiv-fine',
  'arxiv-2025': 'clusters/arxiv-2025',
  'arxiv-cs-2025': 'scale/arxiv-cs-2025',
  'arxiv-cs-stat-2007-2017': 'scale/arxiv-cs-stat-2007-2017',
}

/** A paper of a data set, with its class if the set has classes. */
export interface LabelledPaper {
  readonly paper: Paper
  readonly label?: string
}

/** A query of a data set. */
export interface Query {
  readonly id: string
  readonly text: string
}

let dataFolder = join(root, '../shared/data')

/** Sets the data folder of all loaders here from `--data FOLDER`; returns the other arguments. */
export function useData(args: readonly string[]): string[] {
  const { values, tokens } = parseArgs({
    args: [...args],
    options: { data: { type: 'string' } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  if (typeof values.data === 'string') dataFolder = resolve(values.data)
  const taken = tokens.filter((token) => token.kind === 'option' && token.name === 'data')
  const positions = new Set(
    taken.flatMap((token) =>
      'inlineValue' in token && token.inlineValue ? [token.index] : [token.index, token.index + 1],
    ),
  )
  return args.filter((_, position) => !positions.has(position))
}

/** Path of a file in `.cache/`, where benches keep what is slow to compute. */
export const cachePath = (name: string) => join(root, '.cache', name)

/** Path of a file in the data folder. */
export const dataPath = (name: string) => join(dataFolder, name)

async function records(name: string): Promise<Record<string, unknown>[]> {
  const file = files[name]
  if (file === undefined) throw new Error(`Expected one of ${Object.keys(files).join(', ')}, got ${name}.`)
  const path = join(dataFolder, `${file}.jsonl.gz`)
  if (!existsSync(path)) throw new Error(`${path} is not there: name the data folder with --data FOLDER.`)
  const text = gunzipSync(await readFile(path)).toString()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

/** Papers with their subject categories, for sets that have them. */
export async function loadSubjects(
  name: string,
): Promise<{ readonly paper: Paper; readonly subjects: readonly string[] }[]> {
  return (await records(name)).map(({ subjects, ...record }) => ({
    paper: toPaper(record),
    subjects: Array.isArray(subjects) ? subjects.map(String) : [],
  }))
}

/** Ids of the papers of each sub-area, for sets that have them (`ijcai`). */
export async function loadGroups(name: string): Promise<Map<string, string[]>> {
  const groups = new Map<string, string[]>()
  for (const { id, subareas } of await records(name))
    for (const area of Array.isArray(subareas) ? subareas.map(String) : [])
      groups.set(area, [...(groups.get(area) ?? []), String(id)])
  return groups
}

/** The papers of a set, in file order. */
export async function loadPapers(name: string, limit = Number.POSITIVE_INFINITY): Promise<LabelledPaper[]> {
  const all = await records(name)
  return all.slice(0, Math.min(limit, all.length)).map(({ label, ...record }) => ({
    paper: toPaper(record),
    ...(typeof label === 'string' && label !== '' && { label }),
  }))
}

/** The queries of a retrieval set (`scifact`, `scitldr`). */
export async function loadQueries(name: string): Promise<Query[]> {
  return (await records(`${name}-queries`)).map(({ id, text }) => ({ id: String(id), text: String(text) }))
}

/** Relevance judgements: query id → paper id → grade. */
export async function loadQrels(name: string): Promise<Map<string, Map<string, number>>> {
  const judgements = new Map<string, Map<string, number>>()
  const text = gunzipSync(await readFile(join(dataFolder, `related/${name}/qrels.tsv.gz`))).toString()
  for (const line of text.trim().split('\n').slice(1)) {
    const [query, paper, relevance] = line.split('\t') as [string, string, string]
    const known = judgements.get(query)
    if (known === undefined) judgements.set(query, new Map([[paper, Number(relevance)]]))
    else known.set(paper, Number(relevance))
  }
  return judgements
}

/** Vectors, `rows × dimensions`. */
export interface LoadedVectors {
  readonly rows: number
  readonly dimensions: number
  readonly vectors: Float32Array
}

/** The bundled model's vectors of a set, rows × 384, from {@link cachedVectors}. */
export async function loadVectors(name: string, limit = Number.POSITIVE_INFINITY): Promise<LoadedVectors> {
  return cachedVectors(name, await textsOf(name, limit), name.endsWith('-queries') ? 'query' : 'document')
}

/** The bundled model's vectors of texts, cached in `.cache/` under the model's revision and a hash of the texts. */
export async function cachedVectors(
  name: string,
  texts: readonly string[],
  inputType: 'document' | 'query' = 'document',
): Promise<LoadedVectors> {
  const embedder = await createEmbedder()
  const path = vectorsPath(name, texts, embedder)
  const { dimensions } = embedder
  if (!existsSync(path)) {
    const embedded = await embedder.embed(texts, {
      inputType,
      onProgress: ({ done, total, perSecond }) =>
        process.stderr.write(`\r${name}: ${done} of ${total} embedded, ${perSecond.toFixed(0)} per second `),
    })
    process.stderr.write('\n')
    const rows = new Float32Array(texts.length * dimensions)
    embedded.forEach((vector, row) => {
      rows.set(vector, row * dimensions)
    })
    await mkdir(dirname(path), { recursive: true })
    await writeFile(`${path}.part`, rows)
    await rename(`${path}.part`, path)
  }
  await embedder.close?.()
  const bytes = await readFile(path)
  return {
    rows: texts.length,
    dimensions,
    vectors: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
  }
}

async function textsOf(name: string, limit = Number.POSITIVE_INFINITY): Promise<string[]> {
  return name.endsWith('-queries')
    ? (await loadQueries(name.replace(/-queries$/u, ''))).map(({ text }) => text)
    : (await loadPapers(name, limit)).map(({ paper }) => paperText(paper))
}

function vectorsPath(name: string, texts: readonly string[], model: Embedder): string {
  const hash = createHash('sha256').update(`${model.modelId} ${model.revision} ${model.dtype}`)
  for (const text of texts) hash.update(text).update('\0')
  return cachePath(`${name}-${hash.digest('hex').slice(0, 16)}.f32`)
}

/** Writes a bench's results as JSON, in addition to the table it prints. */
export async function saveResult(name: string, result: unknown): Promise<void> {
  const path = join(root, 'bench/results', `${name}.json`)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify(result, null, 2)}\n`)
}
