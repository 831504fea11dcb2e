import { describe, expect, test } from 'vitest'
import { PaperkinError } from '../../src/errors.ts'
import { toPaper } from '../../src/paper.ts'
import { findTopics, type TopicInput } from '../../src/topics/find-topics.ts'
import { planted, unit } from './planted.ts'

const all = await planted({ topics: 5, size: 20 })
const vectorOf = new Map(
  all.papers.map(({ id }, row) => [id, all.vectors.subarray(row * all.dimensions, (row + 1) * all.dimensions)]),
)
const stranger = unit(Float64Array.from({ length: all.dimensions }, (_, d) => Math.cos(d * d + 2)))

/** The papers of the first rows, which compare others by their vectors alone. */
function firstPapers(count: number): TopicInput {
  const { dimensions } = all
  const papers = all.papers.slice(0, count)
  const vectors = all.vectors.slice(0, count * dimensions)
  const { columns, start, column, value } = all.lexical
  return {
    papers,
    vectors,
    dimensions,
    lexical: { rows: count, columns, start: start.slice(0, count + 1), column, value },
    compare: async function* (others) {
      for (const other of others) {
        const id = String(other.id)
        const vector = vectorOf.get(id) ?? stranger
        const similarity = papers.map((_, row) => {
          let product = 0
          for (let d = 0; d < dimensions; d++) product += vectors[row * dimensions + d]! * vector[d]!
          return product
        })
        yield { id, similarity }
      }
    },
  }
}

describe('assign', () => {
  test('places papers that were not there with their kin', async () => {
    const topics = await findTopics(firstPapers(80), { count: 5, outlierShare: 0 })
    const places = await topics.assign(all.papers.slice(80))
    expect(places.map(({ id }) => id)).toEqual(all.papers.slice(80).map(({ id }) => id))
    for (const [i, place] of places.entries()) {
      const kin = all.papers[all.truth.indexOf(all.truth[80 + i]!)]!
      expect(place.nearest).toBe(topics.of(kin.id)?.id)
      expect(place.strength).toBeGreaterThan(0.5)
      expect(place.strength + (place.second?.strength ?? 0)).toBeLessThanOrEqual(1 + 1e-12)
      expect(place.second?.topic).not.toBe(place.nearest)
      if (place.topic !== undefined) expect(place.topic).toBe(place.nearest)
      expect(place.margin < 0).toBe(place.topic === undefined)
    }
    expect(places.filter(({ topic }) => topic !== undefined).length).toBeGreaterThan(15)
  })

  test('gives papers that were there their own topic', async () => {
    const topics = await findTopics(firstPapers(80), { count: 5, outlierShare: 0 })
    for (const { id, topic } of await topics.assign(all.papers.slice(0, 80))) expect(topic).toBe(topics.of(id)?.id)
  })

  test('a stranger fits none, and has a nearest topic all the same', async () => {
    const topics = await findTopics(firstPapers(80), { count: 5, outlierShare: 0 })
    const place = (await topics.assign([toPaper({ id: 'stranger', title: 'Bell founding' })]))[0]!
    expect(place.topic).toBeUndefined()
    expect(place.margin).toBeLessThan(0)
    expect(topics.topics.map(({ id }) => id)).toContain(place.nearest)
  })

  test('no papers have no places; topics of one paper take any', async () => {
    const topics = await findTopics(firstPapers(1))
    expect(await topics.assign([])).toEqual([])
    expect(await topics.assign([all.papers[3]!])).toMatchObject([{ topic: 0, nearest: 0, strength: 1, margin: 0 }])
  })

  test('goes on after topics were merged', async () => {
    const topics = await findTopics(firstPapers(80), { count: 5, outlierShare: 0 })
    const merged = await topics.merge([topics.topics[0]!.id, topics.topics[1]!.id])
    for (const { id, topic } of await merged.assign(all.papers.slice(0, 20))) expect(topic).toBe(merged.of(id)?.id)
  })

  test.each<[string, TopicInput, string]>([
    ['without a way to compare', { ...firstPapers(20), compare: undefined }, 'Expected `compare`'],
    ['to no topics', firstPapers(0), 'Expected topics'],
  ])('%s it is refused', async (_, input, message) => {
    const topics = await findTopics(input)
    const error = await topics.assign(all.papers.slice(0, 2)).catch((thrown: unknown) => thrown)
    expect(PaperkinError.isInstance(error) && error.code).toBe('invalid-argument')
    expect(String(error)).toContain(message)
  })
})
