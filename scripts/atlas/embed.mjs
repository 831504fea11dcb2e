// Embeds what the atlas is made from with the bundled model, in parts that are kept: it goes on where it was ended.
// usage: node scripts/atlas/embed.mjs DATA CACHE [MOST]
//   DATA   holds scale/*.jsonl.gz and background/openalex-topics.jsonl.gz
//   CACHE  where parts are kept: texts.jsonl, and vectors-00000.f32 (rows × dimensions), 2,000 texts each
//   MOST   how many texts at most. Default: all
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { createEmbedder, paperText, streamPapers } from 'paperkin'

const [data, cache, most = 'Infinity'] = process.argv.slice(2)
const ROWS = 2000

/** Topics of OpenAlex first, then abstracts by the SHA-256 of their ids: every beginning is a fair sample of all. */
async function texts() {
  const kept = join(cache, 'texts.jsonl')
  if (existsSync(kept)) return readFileSync(kept, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line))
  const rows = []
  const topics = createReadStream(join(data, 'background/openalex-topics.jsonl.gz')).pipe(createGunzip())
  const chunks = []
  for await (const chunk of topics) chunks.push(chunk)
  for (const line of Buffer.concat(chunks).toString().trimEnd().split('\n')) {
    const { id, name, description, subfield, field, domain, works } = JSON.parse(line)
    rows.push({ id, from: 'openalex', title: name, abstract: description, subjects: [domain, field, subfield], works })
  }
  const papers = []
  const seen = new Set()
  for (const file of readdirSync(join(data, 'scale')).sort()) {
    if (!file.endsWith('.jsonl.gz')) continue
    for await (const paper of streamPapers(join(data, 'scale', file))) {
      if (seen.has(paper.id)) continue
      seen.add(paper.id)
      const { subjects, primary, date, first_seen } = paper.extra ?? {}
      papers.push({
        id: paper.id,
        from: file.replace('.jsonl.gz', ''),
        title: paper.title,
        abstract: paper.abstract,
        subjects: paper.categories ?? subjects ?? [primary],
        date: paper.published ?? date ?? first_seen,
      })
    }
  }
  const key = (paper) => createHash('sha256').update(paper.id).digest('hex')
  papers.sort((a, b) => (key(a) < key(b) ? -1 : 1))
  for (const paper of papers) rows.push(paper)
  writeFileSync(`${kept}.part`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  renameSync(`${kept}.part`, kept)
  return rows
}

mkdirSync(cache, { recursive: true })
const rows = await texts()
const count = Math.min(rows.length, Number(most))
const embedder = await createEmbedder({ cache: false })
for (let start = 0; start < count; start += ROWS) {
  const file = join(cache, `vectors-${String(start / ROWS).padStart(5, '0')}.f32`)
  if (existsSync(file)) continue
  const began = performance.now()
  const vectors = await embedder.embed(rows.slice(start, start + ROWS).map(paperText), { inputType: 'document' })
  const flat = new Float32Array(vectors.length * embedder.dimensions)
  vectors.forEach((vector, row) => flat.set(vector, row * embedder.dimensions))
  writeFileSync(`${file}.part`, flat)
  renameSync(`${file}.part`, file)
  const rate = vectors.length / ((performance.now() - began) / 1000)
  console.log(`${start + vectors.length} of ${count}, ${rate.toFixed(1)} a second`)
}
await embedder.close()
