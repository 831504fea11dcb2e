// Embeds the texts of the atlas with the bundled model. Vectors are cached, so that an interrupted run can be resumed.
// usage: node scripts/atlas/embed.mjs DATA CACHE
//   DATA    folder with scale/*.jsonl.gz and background/openalex-topics.jsonl.gz
//   CACHE   folder for texts.jsonl, vectors.ids (one line per row) and vectors.f32 (rows × dimensions)
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { createEmbedder, paperText, streamPapers } from 'paperkin'

const atOnce = 1000
// Maximum papers used per file, in addition to those listed in areas.jsonl.
const mostOfAFile = 60_000

/** All texts: topics of OpenAlex, then abstracts by the SHA-256 of their ids, so that any prefix is a random sample. */
export async function readTexts(data, cache) {
  const kept = join(cache, 'texts.jsonl')
  if (!existsSync(kept)) {
    const rows = []
    const chunks = []
    for await (const chunk of createReadStream(join(data, 'background/openalex-topics.jsonl.gz')).pipe(createGunzip()))
      chunks.push(chunk)
    for (const line of Buffer.concat(chunks).toString().trimEnd().split('\n')) {
      const { id, name, description, subfield, field, domain } = JSON.parse(line)
      rows.push({ id, from: 'openalex', title: name, abstract: description, subjects: [domain, field, subfield] })
    }
    const papers = new Map()
    for (const file of readdirSync(join(data, 'scale')).sort()) {
      if (!file.endsWith('.jsonl.gz')) continue
      for await (const { id, title, abstract, categories, extra } of streamPapers(join(data, 'scale', file))) {
        if (papers.has(id)) continue
        const subjects = categories ?? extra?.subjects ?? [extra?.primary]
        const key = createHash('sha256').update(id).digest('hex')
        papers.set(id, { key, row: { id, from: file.replace('.jsonl.gz', ''), title, abstract, subjects } })
      }
    }
    const sorted = [...papers.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
    for (const { row } of sorted) rows.push(row)
    mkdirSync(cache, { recursive: true })
    writeFileSync(`${kept}.part`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    renameSync(`${kept}.part`, kept)
  }
  return lines(kept).map((line) => JSON.parse(line))
}

/** Whether a paper is held out from the atlas for evaluation: one in 256. */
export const isHeldOut = (id) => createHash('sha256').update(id).digest('hex').startsWith('00')

/** The texts that the atlas is built from, in the order of {@link readTexts}. */
export function usedTexts(texts) {
  const listed = new Set(readAreas().flatMap(({ papers }) => papers))
  const left = new Map()
  return texts.filter(({ id, from }) => {
    if (from === 'openalex') return true
    const more = left.get(from) ?? mostOfAFile
    left.set(from, more - 1)
    return (more > 0 || listed.has(id)) && !isHeldOut(id)
  })
}

export const lines = (path) => readFileSync(path, 'utf8').trimEnd().split('\n')
/** Papers placed by readers: the area is right (`isSure`), or the closest available in the right field. */
export const readPlaces = () =>
  lines(new URL('places.tsv', import.meta.url)).map((line) => {
    const [id, area, near] = line.split('\t')
    return { id, area, isSure: near === undefined }
  })
export const readAreas = () => lines(new URL('areas.jsonl', import.meta.url)).map((line) => JSON.parse(line))

/** Cached ids and vectors: complete rows only. */
export function keptVectors(cache, dimensions) {
  const paths = { ids: join(cache, 'vectors.ids'), vectors: join(cache, 'vectors.f32') }
  const ids = existsSync(paths.ids) ? lines(paths.ids) : []
  return { ids, paths, bytes: ids.length * dimensions * 4 }
}

if (process.argv[1] === import.meta.filename || process.argv[1]?.endsWith('embed.mjs')) {
  const [data, cache] = process.argv.slice(2)
  const texts = await readTexts(data, cache)
  const embedder = await createEmbedder({ cache: false })
  const { ids, paths, bytes } = keptVectors(cache, embedder.dimensions)
  if (ids.length > 0) truncateSync(paths.vectors, bytes)
  const known = new Set(ids)
  const missing = usedTexts(texts).filter(({ id }) => !known.has(id))
  for (let start = 0; start < missing.length; start += atOnce) {
    const began = performance.now()
    const rows = missing.slice(start, start + atOnce)
    const vectors = await embedder.embed(rows.map(paperText), { inputType: 'document' })
    for (const vector of vectors)
      appendFileSync(paths.vectors, Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength))
    appendFileSync(paths.ids, rows.map(({ id }) => `${id}\n`).join(''))
    const rate = rows.length / ((performance.now() - began) / 1000)
    console.log(`${start + rows.length} of ${missing.length}, ${rate.toFixed(1)} a second`)
  }
  await embedder.close?.()
}
