// Writes models/atlas from tree.txt, areas.jsonl and the vectors cached by embed.mjs. The same vectors give the same
// bytes, because all sums run in float64 in a fixed order.
// usage: tsx scripts/atlas/build.mjs DATA CACHE FOLDER [partial]      DATA and CACHE as for embed.mjs
//   partial  uses the texts embedded so far, for experiments
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEmbedder } from 'paperkin'
import { packedRows } from '../../src/atlas/atlas.ts'
import { keptVectors, lines, readAreas, readPlaces, readTexts, usedTexts } from './embed.mjs'
import { mineTerms } from './terms.mjs'

const [data, cache, folder, partial] = process.argv.slice(2)
const levels = ['domain', 'discipline', 'division', 'field', 'area']
// A centroid is the mean of all texts nearest to an area's own papers, if there are at least this many.
const leastAssigned = 8
// An area with fewer papers than this starts from these and its name, with this weight.
const few = 8
const nameWeight = 0.6
// Weight in the mean of an area of a paper assigned to it by a reader, and of one for which it is only close.
const readWeight = 3
const nearWeight = 1.5
// Discriminants: number and length of the texts that an area's seed counts for, shrinkage of the covariance, sharpness
// of the shares of areas, and weight of an area's number of texts; then the number of gradient steps on the
// cross-entropy, and the strength of regularisation towards the start.
const seedTexts = 8
const seedLength = 0.75
const shrinkage = 0.5
const sharpness = 0.1
const priorWeight = 0.3
const rounds = 40
const hold = 0.3
const biasStep = 0.3
const biasHold = 2
// Terms per area, for models without centroids.
const termsOfArea = 8

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

// Four independent sums for instruction-level parallelism. Only Float64Arrays, so that the call stays monomorphic.
const dot = (a, b) => {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  for (let d = 0; d < a.length; d += 4) {
    s0 += a[d] * b[d]
    s1 += a[d + 1] * b[d + 1]
    s2 += a[d + 2] * b[d + 2]
    s3 += a[d + 3] * b[d + 3]
  }
  return s0 + s1 + (s2 + s3)
}
const unit = (vector) => {
  const length = Math.sqrt(dot(vector, vector))
  return vector.map((value) => value / length)
}
const add = (sum, vector) => {
  for (let d = 0; d < sum.length; d++) sum[d] += vector[d]
}

/** The nearest of `rows` to each vector; ties go to the first. */
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

/**
 * Classifier of areas: linear discriminants (Fisher 1936; Hastie, Tibshirani and Friedman 2009, 4.3) from the means of
 * the texts nearest to each area, with the common covariance shrunk halfway to a multiple of the identity; then refined
 * by gradient descent on the cross-entropy of papers placed by readers, regularised towards the start.
 */
function discriminants(vectors, { centroids, areaOf, places, dimensions }) {
  const areas = centroids.length
  const sizes = new Float64Array(areas)
  const means = centroids.map(() => new Float64Array(dimensions))
  const weights = vectors.map((_, i) => (places.has(i) ? (places.get(i).isSure ? readWeight : nearWeight) : 1))
  vectors.forEach((vector, i) => {
    const mean = means[areaOf[i]]
    for (let d = 0; d < dimensions; d++) mean[d] += weights[i] * vector[d]
    sizes[areaOf[i]] += weights[i]
  })
  means.forEach((mean, area) => {
    for (let d = 0; d < dimensions; d++)
      mean[d] = (mean[d] + seedTexts * seedLength * centroids[area][d]) / (sizes[area] + seedTexts)
  })
  const covariance = Array.from({ length: dimensions }, () => new Float64Array(dimensions))
  const off = new Float64Array(dimensions)
  vectors.forEach((vector, i) => {
    const mean = means[areaOf[i]]
    for (let d = 0; d < dimensions; d++) off[d] = vector[d] - mean[d]
    for (let d = 0; d < dimensions; d++) {
      const row = covariance[d]
      for (let e = d; e < dimensions; e++) row[e] += off[d] * off[e]
    }
  })
  let trace = 0
  for (let d = 0; d < dimensions; d++) {
    for (let e = d; e < dimensions; e++) {
      covariance[d][e] *= (1 - shrinkage) / vectors.length
      covariance[e][d] = covariance[d][e]
    }
    trace += covariance[d][d] / (1 - shrinkage)
  }
  for (let d = 0; d < dimensions; d++) covariance[d][d] += (shrinkage * trace) / dimensions
  // With covariance L L', texts and means are compared as L^-1 x.
  const lower = cholesky(covariance)
  const whiten = (vector) => {
    const out = new Float64Array(dimensions)
    for (let d = 0; d < dimensions; d++) {
      let sum = vector[d]
      for (let e = 0; e < d; e++) sum -= lower[d][e] * out[e]
      out[d] = sum / lower[d][d]
    }
    return out
  }
  const first = means.map((mean) => whiten(mean).map((value) => sharpness * value))
  const firstBias = first.map((row, area) => -dot(row, row) / (2 * sharpness) + priorWeight * Math.log(sizes[area] + 3))
  const rows = first.map((row) => row.slice())
  const bias = Float64Array.from(firstBias)
  const read = [...places].map(([i, { area, isSure }]) => ({
    area,
    weight: isSure ? 1 : 0.5,
    text: whiten(vectors[i]),
  }))
  const square = read.reduce((sum, { text }) => sum + dot(text, text), 0) / read.length
  const logits = new Float64Array(areas)
  // The step size of each area follows from a bound on its curvature.
  let bounds
  for (let round = 0; round < rounds; round++) {
    const slopes = rows.map(() => new Float64Array(dimensions))
    const tilts = new Float64Array(areas)
    const steep = new Float64Array(areas)
    for (const { area, weight, text } of read) {
      let most = Number.NEGATIVE_INFINITY
      for (let a = 0; a < areas; a++) {
        logits[a] = dot(rows[a], text) + bias[a]
        if (logits[a] > most) most = logits[a]
      }
      let sum = 0
      for (let a = 0; a < areas; a++) {
        logits[a] = Math.exp(logits[a] - most)
        sum += logits[a]
      }
      for (let a = 0; a < areas; a++) {
        const slope = (weight * (logits[a] - (a === area ? sum : 0))) / sum
        tilts[a] += slope
        steep[a] += Math.abs(slope) / 2 + (a === area ? weight / 4 : 0)
        if (Math.abs(slope) < 1e-6) continue
        for (let d = 0; d < dimensions; d++) slopes[a][d] += slope * text[d]
      }
    }
    bounds ??= steep.map((value) => Math.max(value, 0.3))
    for (let a = 0; a < areas; a++) {
      const step = 1 / (hold + sharpness * sharpness * square * bounds[a])
      for (let d = 0; d < dimensions; d++)
        rows[a][d] -= step * (sharpness * sharpness * slopes[a][d] + hold * (rows[a][d] - first[a][d]))
      bias[a] -= (biasStep / (biasHold + bounds[a])) * (tilts[a] + biasHold * (bias[a] - firstBias[a]))
    }
  }
  // Multiply the rows by L^-1, so that texts need no whitening.
  const back = rows.map((row) => {
    const out = row.slice()
    for (let d = dimensions - 1; d >= 0; d--) {
      out[d] /= lower[d][d]
      for (let e = 0; e < d; e++) out[e] -= lower[d][e] * out[d]
    }
    return out
  })
  return { rows: back, bias }
}

/** Cholesky decomposition: the lower triangle whose product with its transpose is a positive definite matrix. */
function cholesky(matrix) {
  const lower = matrix.map((row) => new Float64Array(row.length))
  for (let i = 0; i < matrix.length; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i][j]
      for (let k = 0; k < j; k++) sum -= lower[i][k] * lower[j][k]
      lower[i][j] = i === j ? Math.sqrt(sum) : sum / lower[j][j]
    }
  return lower
}

const embedder = await createEmbedder()
const { dimensions, modelId, revision } = embedder
const areas = readAreas()
const nodes = readTree(areas)
const wanted = usedTexts(await readTexts(data, cache))
const { ids, paths, bytes } = keptVectors(cache, dimensions)
const flat = new Float32Array(new Uint8Array(readFileSync(paths.vectors).subarray(0, bytes)).buffer)
const rowOf = new Map(ids.map((id, row) => [id, row]))
const texts = wanted.filter(({ id }) => rowOf.has(id))
const missing = wanted.length - texts.length
if (missing > 0 && partial !== 'partial')
  throw new Error(`Expected a vector for each text, got none for ${missing}: run embed.mjs first.`)
const vectors = texts.map(({ id }) => {
  const row = /** @type {number} */ (rowOf.get(id))
  return Float64Array.from(flat.subarray(row * dimensions, (row + 1) * dimensions))
})
const position = new Map(texts.map(({ id }, i) => [id, i]))

// Descriptions of topics are written differently from abstracts. The mean effect on vectors is estimated on subjects
// that arXiv covers too, and subtracted.
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

// The name supports areas with few papers.
const named = await embedder.embed(areas.map(({ name }) => name))
const seeds = areas.map((area, i) => {
  const seed = seedOf(area)
  if (area.papers.length >= few) return seed
  return unit(seed.map((value, d) => value + nameWeight * named[i][d]))
})
const numberOf = new Map(areas.map(({ name }, i) => [name, i]))
const places = new Map()
for (const { id, area, isSure } of readPlaces()) {
  if (!numberOf.has(area)) throw new Error(`Expected the place of ${id} to be an area, got "${area}".`)
  if (position.has(id)) places.set(position.get(id), { area: numberOf.get(area), isSure })
}
const areaOf = nearest(vectors, seeds)
for (const [i, { area }] of places) areaOf[i] = area
const sums = seeds.map(() => new Float64Array(dimensions))
const sizes = new Int32Array(areas.length)
areaOf.forEach((area, i) => {
  add(sums[area], vectors[i])
  sizes[area]++
})
const centroids = seeds.map((seed, area) => (sizes[area] < leastAssigned ? seed : unit(sums[area])))
console.log(`nearest: ${Math.round(performance.now() / 1000)} s`)
const { rows: weights, bias } = discriminants(vectors, { centroids: seeds, areaOf, places, dimensions })

console.log(`discriminants: ${Math.round(performance.now() / 1000)} s`)
const firstArea = nodes.length - areas.length
const fieldOf = areaOf.map((area) => nodes[firstArea + area].parent)
const terms = mineTerms(texts, fieldOf)
const files = {
  'areas.bin': packedRows(centroids, dimensions),
  'weights.bin': Buffer.concat([Buffer.from(Float32Array.from(bias).buffer), packedRows(weights, dimensions)]),
  // Terms that describe each area, for models without centroids.
  'areas.txt': Buffer.from(areas.map(({ terms = [] }) => `${terms.slice(0, termsOfArea).join(', ')}\n`).join('')),
  'terms.txt': Buffer.from(
    terms.map(({ term, df, topicality }) => `${term}\t${df}\t${topicality.toFixed(2)}\n`).join(''),
  ),
}
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const tree = nodes.map(({ name, level, parent }) => [name, level, parent])
const record = {
  model: { id: modelId, revision, dimensions },
  texts: texts.length,
  abstracts: texts.filter(({ from }) => from !== 'openalex').length,
  areas: areas.length,
  terms: terms.length,
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
  `${texts.length} texts, ${areas.length} areas, of ${sizes.filter((size) => size < leastAssigned).length} the seed`,
)
await embedder.close?.()
