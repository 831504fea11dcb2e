import { beforeAll, describe, expect, it } from 'vitest'
import { countTerms } from '../../src/lexical/count-terms.ts'
import type { WholeStatistics } from '../../src/lexical/lexical-index.ts'
import { Candidates } from '../../src/library/asking/candidates.ts'
import { type HitList, Ranking, type SearchOptions } from '../../src/library/asking/ranking.ts'
import { recommend } from '../../src/library/asking/recommend.ts'
import type { Need, Source } from '../../src/library/asking/source.ts'
import { WholeSource } from '../../src/library/asking/source.ts'
import { addPapers } from '../../src/library/collection/add-papers.ts'
import { Collection } from '../../src/library/collection/collection.ts'
import { keptPaper } from '../../src/library/collection/find-papers.ts'
import { MemoryStorage } from '../../src/library/storage/memory-storage.ts'
import type { Paper } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { ids as idsOfHits, letters } from './letters.ts'

const random = seededRandom(5)
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
const syllables = ['mar', 'tel', 'ion', 'qua', 'den', 'sor', 'lip', 'wex', 'ond', 'rak']
const vocabulary = Array.from({ length: 150 }, () => pick(syllables) + pick(syllables) + pick(syllables))
const word = () => vocabulary[Math.floor(vocabulary.length * random() ** 2)] as string
const words = (count: number) => Array.from({ length: count }, word).join(' ')
const papers = Array.from({ length: 300 }, (_, i) => ({
  id: `p${i}`,
  title: words(6),
  abstract: Array.from({ length: 5 }, () => `${words(12)}.`).join(' '),
  ...(i % 9 > 0 && { published: `2025-${String(1 + (i % 12)).padStart(2, '0')}-11` }),
  categories: [pick(['cs.CL', 'cs.LG'])],
  extra: { venue: pick(['a', 'b', 'c']) },
}))
// Two are nearly the same.
papers[41] = { ...papers[40], id: 'p41', title: words(6) } as (typeof papers)[number]

const embedder = letters()
const view = (source: Source) => ({
  source,
  areas: () => undefined,
  hasEmbedder: true,
  isBundled: false,
  embed: embedder.embed.bind(embedder),
  requireOpen: () => {},
})

/** A library that is asked from afar: each question gets the papers that `matter`, and those it names. */
class FarSource implements Source {
  readonly dimensions = 27
  readonly #all: WholeSource
  readonly #collection: Collection
  readonly #whole: WholeStatistics
  readonly #matters: (id: string) => boolean

  constructor(collection: Collection, whole: WholeStatistics, matters: (id: string) => boolean) {
    this.#all = new WholeSource(collection, { areas: () => undefined, hasEmbedder: true })
    this.#collection = collection
    this.#whole = whole
    this.#matters = matters
  }

  compile: Source['compile'] = (...given) => this.#all.compile(...given)
  notFound: Source['notFound'] = (...given) => this.#all.notFound(...given)

  async gather({ ids, ranked, sample }: Need) {
    const { kept, vectors, roster } = this.#collection
    const named = new Set(ids.flatMap((id) => keptPaper(kept, id)?.id ?? []))
    const rest = roster.papers.filter(({ id }) => !sample?.without.includes(id))
    const chosen = roster.papers.filter(
      ({ id }) => named.has(id) || (ranked !== undefined && this.#matters(id)) || sample !== undefined,
    )
    const holding = await Candidates.of(
      chosen.map(({ row, cached }) => ({ paper: cached as Paper, vector: vectors.vector(row) })),
      { dimensions: this.dimensions, whole: this.#whole },
    )
    return {
      holding,
      whole: {
        newest: Date.parse('2025-12-11'),
        total: ranked?.isCounted ? 123 : undefined,
        sample: sample === undefined ? [] : rest.flatMap(({ id }) => holding.kept.get(id) ?? []),
      },
    }
  }
}

let collection: Collection
const frequency = new Map<string, number>()
let length = 0
beforeAll(async () => {
  collection = new Collection({
    dimensions: 27,
    kind: 'exact',
    storage: new MemoryStorage({ modelId: 'letters', dimensions: 27, recipe: '' }),
  })
  await addPapers(collection, papers, { embedder, requireOpen: () => {} })
  for (const paper of papers) {
    const terms = new Set<string>()
    length += countTerms(paper, (first, second) => terms.add(second === undefined ? first : `${first} ${second}`))
    for (const term of terms) frequency.set(term, (frequency.get(term) ?? 0) + 1)
  }
})

const outside = { title: words(5), abstract: `${papers[8]?.abstract} entirely unheard of` }

/** All that a ranking answers, by name. */
async function answers(source: Source): Promise<Record<string, HitList>> {
  const ranking = new Ranking(view(source))
  const text = `${vocabulary[3]} ${vocabulary[7]} ${vocabulary[90]} unheard`
  const filter = { venue: 'b', published: { from: '2025-03' } }
  const searches: Record<string, SearchOptions> = {
    hybrid: {},
    lexical: { mode: 'lexical', k: 15 },
    semantic: { mode: 'semantic' },
    filtered: { filter },
    recent: { recency: { weight: 0.5, halfLife: 90 } },
    diverse: { diversity: 0.4, k: 4 },
    why: { why: true, k: 3 },
  }
  const found: Record<string, HitList> = {}
  for (const [name, options] of Object.entries(searches)) found[name] = await ranking.search(text, options)
  const seeds = { one: 'p40', two: { like: ['p3', 'p5'], unlike: 'p9' }, text: outside }
  for (const [name, seed] of Object.entries(seeds)) {
    found[name] = await ranking.related(seed, { why: true, k: 5 })
    found[`${name}, lexical`] = await ranking.related(seed, { mode: 'lexical', filter })
  }
  found['without copies'] = await ranking.related('p40', { omitDuplicates: true })
  return found
}

/** Numbers cut, as sums over terms in another order have other last bits. */
function rounded(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, one) => (typeof one === 'number' && !Number.isInteger(one) ? one.toFixed(11) : one)),
  )
}

/** The answers of the collection, and of candidates of it. */
async function nearAndFar(matters: (id: string) => boolean) {
  const far = new FarSource(collection, { documents: papers.length, length, frequency }, matters)
  return { near: await answers(near()), far: await answers(far) }
}

const near = () => new WholeSource(collection, { areas: () => undefined, hasEmbedder: true })

describe('candidates of a larger collection', () => {
  it('have the scores of the whole where all papers are candidates', async () => {
    const { near, far } = await nearAndFar(() => true)
    expect(rounded(far)).toEqual(rounded(near))
  })

  it('have the scores of the whole where few papers are candidates', async () => {
    const hits = new Set(Object.values(await answers(near())).flatMap(idsOfHits))
    // The best by words sets the scale of the lexical part, and is among the hits of `lexical`.
    const { near: all, far } = await nearAndFar((id) => hits.has(id) || Number(id.slice(1)) % 17 === 0)
    expect(hits.size).toBeLessThan(150)
    expect(rounded(far)).toEqual(rounded(all))
    // Bit for bit the same, whichever others are candidates.
    expect(far).toEqual((await nearAndFar(() => true)).far)
  })

  it('are counted by the larger collection', async () => {
    const far = new FarSource(collection, { documents: papers.length, length, frequency }, () => false)
    const { hits, total } = await new Ranking(view(far)).search('anything', { total: true })
    expect({ hits, total }).toEqual({ hits: [], total: 123 })
  })

  it('are recommended like the whole, with a sample of it', async () => {
    const far = new FarSource(collection, { documents: papers.length, length, frequency }, () => true)
    const options = { liked: ['p1', 'p40', outside], disliked: 'p7', why: true }
    const found = await recommend(view(far), options)
    expect(rounded(found)).toEqual(rounded(await recommend(view(near()), options)))
    expect(found.hits).toHaveLength(10)
  })

  it('name the paper that is missing', async () => {
    const far = new FarSource(collection, { documents: papers.length, length, frequency }, () => true)
    await expect(new Ranking(view(far)).related('p999')).rejects.toMatchObject({ code: 'paper-not-found' })
  })
})
