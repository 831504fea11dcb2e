// Writes models/atlas from tree.txt, areas.jsonl and the vectors that embed.mjs keeps: the same bytes every time. All sums
// run in float64 in a fixed order.
// usage: tsx scripts/atlas/build.mjs DATA CACHE FOLDER [OTHERS]      the first, second and last as for embed.mjs
//   OTHERS may be 'partial': what has a vector so far, to try something out
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEmbedder } from 'paperkin'
import { chosenTexts, keptVectors, lines, readAreas, readTexts } from './embed.mjs'
import { mineTerms } from './terms.mjs'

const [data, cache, folder, others = 'Infinity'] = process.argv.slice(2)
const levels = ['domain', 'discipline', 'division', 'field', 'area']
// A centroid is that of all texts nearest to an area's own papers, where there are so many.
const LEAST_ASSIGNED = 8
const TERMS_OF_AREA = 8

/** Nodes of the tree, parents first, then the areas; a node is { name, level, parent }. */
function readTree(areas) {
  const nodes = []
  const path = []
  const rows = lines(new URL('tree.txt', import.meta.url)).filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const depthOf = (line) => (line === undefined ? -1 : (line.length - line.trimStart().length) / 2)
  for (const [i, line] of rows.entries()) {
    const depth = depthOf(line)
    const level = depth < 2 ? depth : depth === 2 && depthOf(rows[i + 1]) === 3 ? 2 : 3
    path.length = depth
    nodes.push({ name: line.trim(), level, parent: depth === 0 ? -1 : path[depth - 1] })
    path[depth] = nodes.length - 1
  }
  const fields = new Map(nodes.flatMap(({ name, level }, i) => (level === 3 ? [[name, i]] : [])))
  for (const { name, field } of areas) {
    if (!fields.has(field)) throw new Error(`Expected the field of "${name}" to be one of tree.txt, got "${field}".`)
    nodes.push({ name, level: 4, parent: fields.get(field) })
  }
  const seen = new Set()
  for (const { name } of nodes) {
    if (seen.has(name.toLowerCase())) throw new Error(`Expected names that differ, got "${name}" twice.`)
    if (name.split(' ').length > 6) throw new Error(`Expected six words at most, got "${name}".`)
    seen.add(name.toLowerCase())
  }
  return nodes
}

const dot = (a, b) => {
  let sum = 0
  for (let d = 0; d < a.length; d++) sum += a[d] * b[d]
  return sum
}
const unit = (vector) => {
  const length = Math.sqrt(dot(vector, vector))
  return vector.map((value) => value / length)
}
const add = (sum, vector) => {
  for (let d = 0; d < sum.length; d++) sum[d] += vector[d]
}

/** The row of `rows` that each vector is nearest to; ties go to the first. */
function nearest(vectors, rows) {
  return vectors.map((vector) => {
    let best = 0
    let most = -2
    for (let row = 0; row < rows.length; row++) {
      const cosine = dot(vector, rows[row])
      if (cosine > most) {
        most = cosine
        best = row
      }
    }
    return best
  })
}

const embedder = await createEmbedder()
const { dimensions, modelId, revision } = embedder
const areas = readAreas()
const nodes = readTree(areas)
const isPartial = others === 'partial'
const wanted = chosenTexts(await readTexts(data, cache), areas, isPartial ? Number.POSITIVE_INFINITY : Number(others))
const { ids, paths, bytes } = keptVectors(cache, dimensions)
const flat = new Float32Array(new Uint8Array(readFileSync(paths.vectors).subarray(0, bytes)).buffer)
const rowOf = new Map(ids.map((id, row) => [id, row]))
const texts = wanted.filter(({ id }) => rowOf.has(id))
const missing = wanted.length - texts.length
if (missing > 0 && !isPartial)
  throw new Error(`Expected a vector of each text, got none of ${missing}: run embed.mjs first.`)
const vectors = texts.map(({ id }) => {
  const row = rowOf.get(id)
  return Float64Array.from(flat.subarray(row * dimensions, (row + 1) * dimensions))
})
const position = new Map(texts.map(({ id }, i) => [id, i]))

// A topic's description is written otherwise than an abstract. What that does to a vector shows where arXiv has the same
// subjects; it is taken away.
const ofArxiv = areas.filter(({ papers }) => !/^T\d/u.test(papers[0]))
const seedOf = ({ papers }) => {
  const sum = new Float64Array(dimensions)
  for (const id of papers) if (position.has(id)) add(sum, vectors[position.get(id)])
  return unit(sum)
}
const arxivSeeds = ofArxiv.map(seedOf)
const shared = texts.flatMap(({ from, subjects }, i) =>
  from === 'openalex' && ['Computer Science', 'Mathematics', 'Physics and Astronomy'].includes(subjects[1]) ? [i] : [],
)
const style = new Float64Array(dimensions)
nearest(
  shared.map((i) => vectors[i]),
  arxivSeeds,
).forEach((seed, i) => {
  for (let d = 0; d < dimensions; d++) style[d] += (vectors[shared[i]][d] - arxivSeeds[seed][d]) / shared.length
})
for (const [i, { from }] of texts.entries())
  if (from === 'openalex') vectors[i] = unit(vectors[i].map((value, d) => value - style[d]))

const seeds = areas.map(seedOf)
const areaOf = nearest(vectors, seeds)
const sums = seeds.map(() => new Float64Array(dimensions))
const sizes = new Int32Array(areas.length)
areaOf.forEach((area, i) => {
  add(sums[area], vectors[i])
  sizes[area]++
})
const centroids = seeds.map((seed, area) => (sizes[area] < LEAST_ASSIGNED ? seed : unit(sums[area])))

/** Rows as 8-bit integers with one scale a row, scales first. */
function quantised(rows) {
  const width = rows[0].length
  const bytes = Buffer.alloc(rows.length * (4 + width))
  rows.forEach((row, i) => {
    const scale = Math.fround(row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127) || 1
    bytes.writeFloatLE(scale, 4 * i)
    for (const [d, value] of row.entries()) bytes.writeInt8(Math.round(value / scale), 4 * rows.length + i * width + d)
  })
  return bytes
}

const firstArea = nodes.length - areas.length
const fieldOf = areaOf.map((area) => nodes[firstArea + area].parent)
const terms = mineTerms(texts, { fieldOf, vectors, centroids })
const files = {
  'areas.bin': quantised(centroids),
  // What an area is about, for models that have no centroids of it.
  'areas.txt': Buffer.from(areas.map(({ terms = [] }) => `${terms.slice(0, TERMS_OF_AREA).join(', ')}\n`).join('')),
  'terms.txt': Buffer.from(
    terms.map(({ term, df, topicality }) => `${term}\t${df}\t${topicality.toFixed(2)}\n`).join(''),
  ),
  'terms.bin': quantised(terms.map(({ vector }) => vector)),
}
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const tree = nodes.map(({ name, level, parent }) => [name, level, parent])
const record = {
  model: { id: modelId, revision, dimensions },
  texts: texts.length,
  abstracts: texts.filter(({ from }) => from !== 'openalex').length,
  areas: areas.length,
  terms: terms.length,
  termDimensions: terms[0].vector.length,
  files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)])),
  levels,
  nodes: tree,
}
mkdirSync(folder, { recursive: true })
for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
const text = JSON.stringify(record, undefined, 0).replaceAll('],[', '],\n[')
writeFileSync(join(folder, 'atlas.json'), `${text}\n`)
for (const [name, bytes] of [...Object.entries(files), ['atlas.json', Buffer.from(text)]])
  console.log(`${name}: ${bytes.length.toLocaleString('en')} bytes`)
console.log(
  `${texts.length} texts, ${areas.length} areas, of ${sizes.filter((size) => size < LEAST_ASSIGNED).length} the seed`,
)
await embedder.close()
