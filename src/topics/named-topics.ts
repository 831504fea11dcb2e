// Topics named by the caller. A cosine alone does not decide whether a paper belongs to one: .35 is high for
// "Mathematics" and low for "Deepfake detection". So a name must fit a paper about as well as the names of the map of
// science near that paper. The threshold therefore follows from the map and needs no tuning.
import type { Atlas, Memberships } from '../atlas/atlas.ts'
import { PaperkinError, requireOptions, show } from '../errors.ts'
import { type Paper, plainId } from '../paper.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { stem } from '../text/tokens.ts'
import { exactDot } from '../vectors/kernels.ts'
import { TopK } from '../vectors/top-k.ts'
import type { KinList } from './kin-graph.ts'
import type { NamedTopic } from './topics.ts'

/** A checked named topic with defaults filled in. */
interface GivenTopic {
  readonly name: string
  readonly papers: readonly string[]
  readonly terms: readonly string[]
}

/** Papers of named topics. */
interface NamedGroups {
  readonly given: readonly GivenTopic[]
  /** Position of each row's topic in `given`; -1 for none. */
  readonly of: Int32Array
}

interface PlaceOptions {
  readonly papers: readonly Paper[]
  readonly vectors: Float32Array
  readonly dimensions: number
  readonly kin: KinList
  readonly atlas: Atlas | undefined
  /** The areas of all rows, if already known. */
  readonly memberships: Memberships | undefined
  /** Unit vectors of short texts in the space of the rows. */
  readonly embedNames: ((texts: readonly string[]) => Promise<readonly Float32Array[]>) | undefined
  readonly slice: TimeSlice
}

// How much worse than the names of the paper's own areas a name may fit.
const leeway = 0.03
// Bonus, in units of cosine, for a paper all of whose areas lie within the name.
const areaBonus = 0.25
// A map name with a cosine up to `other` to a given name means something else; from `same` on, the same.
const [other, same] = [0.6, 0.9]
// Mean and standard deviation of the bundled model's cosines between map names; measured for other models.
const bundledSpread = { mean: 0.07, deviation: 0.094 }
const areasLooked = 8
const namesCompared = 3
const namesSampled = 150
// The weight of a paper's nearest kin in how well a name fits it, and the cosine from which they count.
const kinWeight = 0.5
const kinLooked = 10
const leastCosine = 0.2
// An example says more than a name: the mean of examples is a vector of abstracts.
const exampleFieldBonus = 0.5
const exampleMargin = 0.02
// Bonus for a name or term in a title or an abstract; at most `mostTerms` terms count in each.
const inTitle = { name: 0.15, term: 0.03 }
const inAbstract = { name: 0.06, term: 0.015 }
const mostTerms = 2

/**
 * Checks named topics and fills in defaults; does not look their papers up.
 * @throws PaperkinError `invalid-argument`
 */
export function checkedNames(named: unknown): readonly GivenTopic[] {
  if (named === undefined) return []
  if (!Array.isArray(named))
    throw new PaperkinError(
      'invalid-argument',
      `Expected \`named\` to be an array such as [{ name: 'Robot manipulation', terms: ['grasping'] }], got ${show(named)}.`,
    )
  const seen = new Map<string, number>()
  const owner = new Map<string, string>()
  return named.map((one: unknown, i) => {
    const at = `named[${i}]`
    if (typeof one !== 'object' || one === null || Array.isArray(one))
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`${at}\` to be { name, papers?, terms? }, got ${show(one)}.`,
      )
    requireOptions<NamedTopic>(at, one as NamedTopic, { name: true, papers: true, terms: true })
    const { name, papers = [], terms = [] } = one as NamedTopic
    const plain = oneLine(name)
    if (plain === undefined)
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`${at}.name\` to be a name with letters, got ${show(name)}.`,
      )
    const key = plain.toLowerCase()
    if (seen.has(key))
      throw new PaperkinError(
        'invalid-argument',
        `Expected names that differ, got ${show(plain)} as \`named[${seen.get(key)}]\` and \`${at}\`: join the two.`,
      )
    seen.set(key, i)
    if (!Array.isArray(terms))
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`${at}.terms\` to be an array of words or phrases, got ${show(terms)}.`,
      )
    if (!Array.isArray(papers))
      throw new PaperkinError(
        'invalid-argument',
        `Expected \`${at}.papers\` to be an array of ids, got ${show(papers)}.`,
      )
    const own = new Set<string>()
    for (const id of papers as readonly unknown[]) {
      if ((typeof id !== 'string' || id === '') && !Number.isSafeInteger(id))
        throw new PaperkinError('invalid-argument', `Expected \`${at}.papers\` to hold ids, got ${show(id)}.`)
      const text = String(id)
      const others = owner.get(text)
      if (others !== undefined && others !== plain)
        throw new PaperkinError(
          'invalid-argument',
          `Expected a paper to be an example of one topic, got ${show(text)} for ${show(others)} and ${show(plain)}.`,
        )
      owner.set(text, plain)
      own.add(text)
    }
    return {
      name: plain,
      terms: [
        ...new Set(
          terms.map((term: unknown) => {
            const text = oneLine(term)
            if (text !== undefined) return text
            throw new PaperkinError(
              'invalid-argument',
              `Expected \`${at}.terms\` to hold words or phrases, got ${show(term)}.`,
            )
          }),
        ),
      ],
      papers: [...own],
    }
  })
}

/** A text on one line; undefined for a value that is not a string, or has neither letter nor digit. */
function oneLine(text: unknown): string | undefined {
  if (typeof text !== 'string' || !/[\p{L}\p{N}]/u.test(text)) return undefined
  return text.replace(/\s+/gu, ' ').trim()
}

/**
 * Finds the papers of named topics; a paper belongs to at most one.
 * @throws PaperkinError `paper-not-found` for an example that is not among the papers
 */
export async function placeNamed(given: readonly GivenTopic[], options: PlaceOptions): Promise<NamedGroups> {
  const { papers, slice } = options
  const rowOf = new Map(papers.map(({ id }, row) => [id, row]))
  const examples = given.map(({ name, papers: ids }) =>
    ids.map((id) => {
      const row = rowOf.get(id) ?? rowOf.get(plainId(id).id)
      if (row !== undefined) return row
      throw new PaperkinError(
        'paper-not-found',
        `There is no paper ${show(id)}, an example of ${show(name)}, among the ${papers.length}: remove it, or name one that is there.`,
      )
    }),
  )
  const words = await wordEvidence(given, papers, slice)
  const scores =
    options.atlas === undefined || options.embedNames === undefined
      ? byWords(words, { examples, ...options })
      : await byMeaning(given, { ...options, examples, words, atlas: options.atlas, embedNames: options.embedNames })
  const of = new Int32Array(papers.length).fill(-1)
  for (let row = 0; row < papers.length; row++) {
    let most = 0
    for (let i = 0; i < given.length; i++) {
      const score = scores[i]![row]!
      if (score > most) {
        most = score
        of[row] = i
      }
    }
  }
  for (const [i, rows] of examples.entries()) for (const row of rows) of[row] = i
  return { given, of }
}

/** Where a topic's name and terms occur in a paper. */
interface WordEvidence {
  readonly name: 'title' | 'abstract' | undefined
  readonly inTitle: number
  readonly inAbstract: number
}

const nothing: WordEvidence = { name: undefined, inTitle: 0, inAbstract: 0 }

/** Finds names and terms in papers; returns one list of rows per topic. */
async function wordEvidence(
  given: readonly GivenTopic[],
  papers: readonly Paper[],
  slice: TimeSlice,
): Promise<WordEvidence[][]> {
  const patterns = given.map(({ name, terms }) => ({ name: phrasePattern(name), terms: terms.map(phrasePattern) }))
  const found: WordEvidence[][] = given.map(() => [])
  for (const { title, abstract } of papers) {
    for (const [i, { name, terms }] of patterns.entries()) {
      const place = name.test(title) ? 'title' : name.test(abstract) ? 'abstract' : undefined
      let [above, below] = [0, 0]
      for (const term of terms)
        if (term.test(title)) above++
        else if (term.test(abstract)) below++
      found[i]!.push(
        place === undefined && above + below === 0 ? nothing : { name: place, inTitle: above, inAbstract: below },
      )
    }
    if (slice.due()) await slice.rest()
  }
  return found
}

/** Matches a phrase by the stems of its words; a short acronym only in capitals. */
export function phrasePattern(phrase: string): RegExp {
  const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/gu, '\\$&')
  const words = phrase.match(/[\p{L}\p{N}]+/gu) ?? []
  const isAcronym = words.length === 1 && /^[\p{Lu}\p{N}]{2,5}$/u.test(phrase)
  if (isAcronym) return new RegExp(`(?<![\\p{L}\\p{N}])${escaped(phrase)}s?(?![\\p{L}\\p{N}])`, 'u')
  const parts = words.map((word) => {
    const lower = word.toLowerCase()
    if (lower.length < 4) return `${escaped(lower)}(?![\\p{L}\\p{N}])`
    const root = stem(lower).replace(/i$/u, '')
    return lower.startsWith(root) && root.length >= 3
      ? `${escaped(root)}[\\p{L}\\p{N}]{0,5}`
      : `${escaped(lower)}[\\p{L}\\p{N}]{0,3}`
  })
  return new RegExp(`(?<![\\p{L}\\p{N}])${parts.join('[^\\p{L}\\p{N}]{1,3}')}(?![\\p{L}\\p{N}])`, 'iu')
}

/**
 * Scores without name vectors: a paper needs the name, a term in its title, or two terms in its abstract; or it must be
 * nearer to the examples than to its own kin.
 */
function byWords(
  words: readonly (readonly WordEvidence[])[],
  { examples, papers, vectors, dimensions, kin }: PlaceOptions & { readonly examples: readonly (readonly number[])[] },
): Float64Array[] {
  return words.map((rows, i) => {
    const prototype = meanRow(examples[i]!, { vectors, dimensions })
    return Float64Array.from(papers, (_, row) => {
      const { name, inTitle: above, inAbstract: below } = rows[row]!
      const said = (name === 'title' ? 4 : name === 'abstract' ? 2 : 0) + 2 * above + below
      const byTerms = said >= 2 ? said : 0
      if (prototype === undefined) return byTerms
      return byTerms + Math.max(0, dotRow(vectors, row, prototype) - nearestKinOf(row, kin))
    })
  })
}

/** By topic, each row's score above the threshold for belonging to it; negative for rows that do not belong. */
async function byMeaning(
  given: readonly GivenTopic[],
  options: PlaceOptions & {
    readonly examples: readonly (readonly number[])[]
    readonly words: readonly (readonly WordEvidence[])[]
    readonly atlas: Atlas
    readonly embedNames: NonNullable<PlaceOptions['embedNames']>
  },
): Promise<Float64Array[]> {
  const { papers, vectors, dimensions, kin, atlas, examples, words, embedNames, slice } = options
  const rows = papers.length
  const memberships =
    options.memberships ?? (await atlas.memberships(vectors, () => (slice.due() ? slice.rest() : undefined)))
  const { area, share, width } = memberships
  const looked = Math.min(areasLooked, width)
  // Compare only the areas near some paper, and the nodes above them.
  const near = new Set<number>()
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < looked; i++)
      for (let node = atlas.firstArea + area[row * width + i]!; node >= 0; node = atlas.nodes[node]!.parent)
        near.add(node)
  const nodes = [...near].sort((a, b) => a - b)
  const texts = given.map(({ name, terms }) => (terms.length === 0 ? name : `${name}: ${terms.join(', ')}`))
  const embedded = await embedNames([...texts, ...nodes.map((node) => atlas.nodes[node]!.name)])
  const own = embedded.slice(0, given.length)
  const nameOf = new Map(nodes.map((node, i) => [node, embedded[given.length + i]!]))
  if (slice.due()) await slice.rest()
  // Cosines between names depend on the model; map them to the scale of the bundled one.
  const spread = atlas.isMeasured ? bundledSpread : spreadOfNames([...nameOf.values()])
  const nearness = (cosine: number) =>
    bundledSpread.mean + (bundledSpread.deviation * (cosine - spread.mean)) / spread.deviation
  // How far each node lies within each topic, by its own name or one above it; parents come before their children.
  const within = own.map((vector) => {
    const found = new Map<number, number>()
    for (const node of nodes) {
      const cosine = nearness(dotRow(nameOf.get(node) as Float32Array, 0, vector))
      const itself = Math.min(1, Math.max(0, (cosine - other) / (same - other)))
      found.set(node, Math.max(itself, found.get(atlas.nodes[node]!.parent) ?? 0))
    }
    return found
  })
  const scores: Float64Array[] = given.map(() => new Float64Array(rows))
  const toRows = (vector: Float32Array) =>
    Float64Array.from({ length: rows }, (_, row) => atlas.toScale(dotRow(vectors, row, vector)))
  const cosines = own.map(toRows)
  const prototypes = examples.map((list) => meanRow(list, { vectors, dimensions }))
  const toPrototypes = prototypes.map((vector) => vector && toRows(vector))
  if (slice.due()) await slice.rest()
  const fields = examples.map((list) => fieldShares(list, { memberships, atlas }))
  const best = new TopK(namesCompared)
  const seen = new Set<number>()
  for (let row = 0; row < rows; row++) {
    // How well the names of the row's areas, and of the nodes above them (four levels in all), fit the row.
    best.clear()
    seen.clear()
    for (let i = 0; i < looked; i++)
      for (let node = atlas.firstArea + area[row * width + i]!; node >= 0; node = atlas.nodes[node]!.parent) {
        if (seen.has(node)) break
        seen.add(node)
        best.offer(node, atlas.toScale(dotRow(vectors, row, nameOf.get(node) as Float32Array)))
      }
    const fit = best.scores.reduce((sum, value) => sum + value, 0) / namesCompared
    // Similarity to the row's own area, or to its nearest kin if areas have only text embeddings.
    const central = atlas.isMeasured ? memberships.similarity[row]! : atlas.toScale(nearestKinOf(row, kin))
    for (let i = 0; i < given.length; i++) {
      let inside = 0
      for (let j = 0; j < looked; j++)
        inside += share[row * width + j]! * (within[i]!.get(atlas.firstArea + area[row * width + j]!) ?? 0)
      const { name, inTitle: above, inAbstract: below } = words[i]![row]!
      const said =
        (name === 'title' ? inTitle.name : name === 'abstract' ? inAbstract.name : 0) +
        Math.min(mostTerms, above) * inTitle.term +
        Math.min(mostTerms, below) * inAbstract.term
      let score = smoothed(cosines[i]!, row, { kin, atlas }) - fit + areaBonus * inside + leeway + said
      const toPrototype = toPrototypes[i]
      if (toPrototype !== undefined) {
        let inFields = 0
        for (let j = 0; j < looked; j++)
          inFields +=
            share[row * width + j]! *
            (fields[i]!.get(atlas.nodes[atlas.firstArea + area[row * width + j]!]!.parent) ?? 0)
        const like = smoothed(toPrototype, row, { kin, atlas }) - central + exampleFieldBonus * inFields - exampleMargin
        // Examples never lower the score of a name.
        score = Math.max(score, (score + like) / 2)
      }
      scores[i]![row] = score
    }
    if (slice.due()) await slice.rest()
  }
  return scores
}

/** The value of a row, averaged with the values of its nearest kin. */
function smoothed(
  values: Float64Array,
  row: number,
  { kin: { k, neighbour, semantic }, atlas }: { readonly kin: KinList; readonly atlas: Atlas },
): number {
  let sum = 0
  let all = 0
  for (let rank = 0; rank < Math.min(kinLooked, k); rank++) {
    const weight = Math.max(0, atlas.toScale(semantic[row * k + rank]!) - leastCosine)
    sum += weight * values[neighbour[row * k + rank]!]!
    all += weight
  }
  return all === 0 ? values[row]! : (1 - kinWeight) * values[row]! + (kinWeight * sum) / all
}

/** Mean cosine of a row to its nearest kin. */
function nearestKinOf(row: number, { k, semantic }: KinList): number {
  const looked = Math.min(kinLooked, k)
  let sum = 0
  for (let rank = 0; rank < looked; rank++) sum += semantic[row * k + rank]!
  return looked === 0 ? 1 : sum / looked
}

/** Mean and standard deviation of the cosines between names, from a sample. */
function spreadOfNames(names: readonly Float32Array[]): { readonly mean: number; readonly deviation: number } {
  let [count, sum, squares] = [0, 0, 0]
  const step = Math.max(1, Math.floor(names.length / namesSampled))
  for (let one = 0; one < names.length; one += step)
    for (let two = 0; two < one; two += step) {
      const cosine = dotRow(names[one]!, 0, names[two]!)
      count++
      sum += cosine
      squares += cosine * cosine
    }
  const mean = count === 0 ? 0 : sum / count
  return { mean, deviation: Math.sqrt(Math.max(1e-6, squares / Math.max(1, count) - mean * mean)) }
}

/** Membership of the examples in each field, 0 … 1: twice the mean share, at most 1. */
function fieldShares(
  rows: readonly number[],
  { memberships: { area, share, width }, atlas }: { readonly memberships: Memberships; readonly atlas: Atlas },
): ReadonlyMap<number, number> {
  const shares = new Map<number, number>()
  for (const row of rows)
    for (let i = row * width; i < (row + 1) * width; i++) {
      const field = atlas.nodes[atlas.firstArea + area[i]!]!.parent
      shares.set(field, (shares.get(field) ?? 0) + share[i]! / rows.length)
    }
  for (const [field, sum] of shares) shares.set(field, Math.min(1, 2 * sum))
  return shares
}

/** The direction of the mean of rows; undefined for none. */
function meanRow(
  rows: readonly number[],
  { vectors, dimensions }: { readonly vectors: Float32Array; readonly dimensions: number },
): Float32Array | undefined {
  if (rows.length === 0) return undefined
  const sum = new Float64Array(dimensions)
  for (const row of rows) for (let d = 0; d < dimensions; d++) sum[d]! += vectors[row * dimensions + d]!
  const length = Math.sqrt(sum.reduce((all, value) => all + value * value, 0)) || 1
  return Float32Array.from(sum, (value) => value / length)
}

function dotRow(vectors: Float32Array, row: number, vector: Float32Array): number {
  return exactDot(vectors, row * vector.length, vector, 0, vector.length)
}
