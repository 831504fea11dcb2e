import { describe, expect, test } from 'vitest'
import type { PaperArea } from '../../src/atlas/atlas.ts'
import { toPaper } from '../../src/paper.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { timeSlice } from '../../src/runtime/time-slice.ts'
import { findNewThings, type NoveltyInput } from '../../src/topics/novelty.ts'

const usual = 'harbour ledger tide barge customs quay cargo rope mooring lantern pilot dredger crane sluice'.split(' ')
const subjects = new Set([...usual, 'semaphore', 'semaphore telegraph', 'telegraph', 'optical telegraph'])
/** Statistics of a world in which the words of harbours and telegraphs name subjects, and all others do not. */
const atlas = {
  term: (term: string) => {
    const isKnown = subjects.has(term.toLowerCase()) || ['report', 'reports', 'year', 'kept'].includes(term)
    return isKnown ? { df: 40, topicality: subjects.has(term.toLowerCase()) ? 3.4 : 0.3 } : undefined
  },
}

interface World {
  readonly earlier: number
  readonly fresh: number
  /** What further stands in the abstract of a paper; `i` counts the new ones, or the earlier ones. */
  readonly text?: (i: number, isNew: boolean) => string
  readonly place?: (i: number, isNew: boolean) => PaperArea | undefined
  readonly vector?: (i: number, isNew: boolean) => number[] | undefined
}

/** Papers of which each has some usual words and a vector around one of three directions. */
function world({ earlier, fresh, text, place, vector }: World): NoveltyInput {
  const random = seededRandom(7)
  const dimensions = 12
  const all = Array.from({ length: earlier + fresh }, (_, row) => {
    const isNew = row >= earlier
    const i = isNew ? row - earlier : row
    const some = usual.filter(() => random() < 0.3)
    const around = Array.from({ length: dimensions }, (_, d) => (d === row % 3 ? 1 : 0.25 * random()))
    return {
      paper: toPaper({
        id: `${isNew ? 'new' : 'old'}-${i}`,
        title: `A ledger of ${some[0] ?? 'tides'}`,
        abstract: `The ${some.join(' and the ')}. ${text?.(i, isNew) ?? ''}`,
        published: isNew ? '2025-03-12' : `2025-02-${String(1 + (i % 28)).padStart(2, '0')}`,
      }),
      place: place?.(i, isNew),
      vector: vector?.(i, isNew) ?? around,
    }
  })
  const vectors = new Float32Array(all.length * dimensions)
  for (const [row, { vector }] of all.entries()) {
    const length = Math.hypot(...vector)
    vectors.set(
      vector.map((value) => value / length),
      row * dimensions,
    )
  }
  return {
    papers: all.map(({ paper }) => paper),
    vectors,
    dimensions,
    fresh: Array.from({ length: fresh }, (_, i) => earlier + i),
    places: all.map(({ place }) => place),
    atlas,
    slice: timeSlice(undefined),
  }
}

const at = (area: string, field: string, discipline: string): PaperArea => ({
  area,
  field,
  discipline,
  similarity: 0.8,
})
const rope = at('Knots', 'Ropes', 'Seafaring')
const light = at('Lamps', 'Lights', 'Seafaring')

/** The chance of `count` or more of `sum` among `fresh` of all papers, given one: by counting, in whole numbers. */
function chanceOf(count: number, sum: number, { fresh, earlier }: { fresh: number; earlier: number }): number {
  const choose = (n: number, k: number): bigint => {
    let product = 1n
    for (let i = 0; i < k; i++) product = (product * BigInt(n - i)) / BigInt(i + 1)
    return k > n ? 0n : product
  }
  const atLeast = (least: number) => {
    let ways = 0n
    for (let k = least; k <= Math.min(sum, fresh); k++) ways += choose(fresh, k) * choose(earlier, sum - k)
    return ways
  }
  return Number((atLeast(count) * 10n ** 18n) / atLeast(1)) / 1e18
}

describe('areas', () => {
  test('that are more frequent are told with counts, the ratio of the shares and the exact chance', async () => {
    const size = { earlier: 300, fresh: 50 }
    const { areas } = await findNewThings(
      world({ ...size, place: (i, isNew) => (i < (isNew ? 9 : 6) ? rope : i % 2 === 0 ? light : undefined) }),
    )
    const [first] = areas
    expect(first).toMatchObject({ name: 'Knots', level: 'area', count: 9, before: 6 })
    expect(first?.p).toBeCloseTo(chanceOf(9, 15, size), 12)
    expect(first?.ratio).toBeCloseTo(9.5 / 51 / (6.5 / 301), 10)
    expect(first).not.toHaveProperty('isTentative')
    expect(first?.papers).toEqual(Array.from({ length: 9 }, (_, i) => `new-${i}`))
    // The field has the same papers, and says nothing more.
    expect(areas.map(({ name }) => name)).not.toContain('Ropes')
    expect(areas.map(({ name }) => name)).not.toContain('Lamps')
  })

  test('a field is told where its areas are too thin', async () => {
    const { areas } = await findNewThings(
      world({
        earlier: 400,
        fresh: 60,
        place: (i, isNew) => (i < (isNew ? 12 : 8) ? at(`Knot ${i % 6}`, 'Ropes', 'Seafaring') : light),
      }),
    )
    expect(areas[0]).toMatchObject({ name: 'Ropes', level: 'field', count: 12, before: 8 })
  })

  test('what chance may have made is marked, and two papers of many are not worth a line', async () => {
    const { areas } = await findNewThings(
      world({
        earlier: 600,
        fresh: 60,
        // Forty areas of the same frequency, one of them a little more often among the new ones.
        place: (i, isNew) => at(isNew && i < 5 ? 'Area 0' : `Area ${i % 40}`, `Field ${i % 40}`, 'All'),
      }),
    )
    for (const one of areas) expect(one.count).toBeGreaterThan(2)
    expect(areas[0]).toMatchObject({ name: 'Area 0', isTentative: true })
  })
})

describe('terms', () => {
  const text = (i: number, isNew: boolean) =>
    `${i % 2 === 0 ? 'A report is kept each year.' : ''} ${isNew && i < 8 ? `By the semaphore telegraph, ${i}.` : ''}`

  test('a term that comes up is told with its papers, and its parts are not told beside it', async () => {
    const { terms } = await findNewThings(world({ earlier: 200, fresh: 40, text }))
    expect(terms).toHaveLength(1)
    expect(terms[0]).toMatchObject({ count: 8, before: 0 })
    expect(terms[0]).toMatchObject({ term: 'semaphore telegraph', variants: [] })
    expect(terms[0]?.papers).toEqual(Array.from({ length: 8 }, (_, i) => `new-${i}`))
    expect(terms[0]).not.toHaveProperty('isTentative')
  })

  test('words of every field are not, however frequent they become', async () => {
    const { terms } = await findNewThings(
      world({ earlier: 200, fresh: 40, text: (_, isNew) => (isNew ? 'Every report is kept.' : '') }),
    )
    expect(terms).toEqual([])
  })

  test('of words that nobody knows those are told that are written as names', async () => {
    const { terms } = await findNewThings(
      world({
        earlier: 200,
        fresh: 40,
        text: (i, isNew) =>
          isNew && i < 6 ? 'We ask HeliX-9. Something bespokely strange is found, a vorpally one.' : '',
      }),
    )
    expect(terms.map(({ term }) => term)).toEqual(['HeliX-9'])
  })

  test('an abbreviation of the same papers is a variant', async () => {
    const { terms } = await findNewThings(
      world({
        earlier: 200,
        fresh: 40,
        text: (i, isNew) => (isNew && i < 7 ? 'The optical telegraph (OT2) works, and OT2 is quick.' : ''),
      }),
    )
    expect(terms).toHaveLength(1)
    expect([terms[0]?.term, ...(terms[0]?.variants ?? [])]).toEqual(
      expect.arrayContaining(['optical telegraph', 'OT2']),
    )
  })
})

test('where nothing changed, hardly anything is told as sure', async () => {
  const random = seededRandom(3)
  let sure = 0
  for (let draw = 0; draw < 20; draw++) {
    const found = await findNewThings(
      world({
        earlier: 300,
        fresh: 60,
        text: () => usual.filter(() => random() < 0.2).join(', '),
        place: () => at(`Area ${Math.floor(60 * random())}`, `Field ${Math.floor(12 * random())}`, 'All'),
      }),
    )
    if ([...found.areas, ...found.terms].some(({ isTentative }) => !isTentative)) sure++
  }
  // One in ten of the lists may have something false, and there are two lists.
  expect(sure).toBeLessThanOrEqual(6)
})

describe('papers unlike all before', () => {
  const alone = Array.from({ length: 12 }, (_, d) => (d === 11 ? 1 : 0))
  const input = world({
    earlier: 300,
    fresh: 20,
    place: () => rope,
    vector: (i, isNew) => (isNew && i === 4 ? alone : undefined),
  })

  test('are told with what is nearest, and how few earlier ones are as far from all others', async () => {
    const { unlike } = await findNewThings(input)
    expect(unlike[0]).toMatchObject({ id: 'new-4', area: 'Knots', before: 300 })
    expect(unlike[0]?.share).toBeCloseTo(1 / 301, 10)
    const row = 304
    const similarities = Array.from({ length: 300 }, (_, other) => {
      let sum = 0
      for (let d = 0; d < 12; d++)
        sum += (input.vectors[row * 12 + d] as number) * (input.vectors[other * 12 + d] as number)
      return sum
    })
    expect(unlike[0]?.nearest.similarity).toBeCloseTo(Math.max(...similarities), 6)
    expect(unlike[0]?.nearest.id).toBe(`old-${similarities.indexOf(Math.max(...similarities))}`)
    for (const { share } of unlike) expect(share).toBeLessThanOrEqual(0.02)
  })

  test('a paper of which there was one like it before is none', async () => {
    const { unlike } = await findNewThings(
      world({ earlier: 300, fresh: 20, vector: (i) => (i === 4 ? alone : undefined) }),
    )
    expect(unlike.map(({ id }) => id)).not.toContain('new-4')
  })

  test('kin of the same day make no earlier paper less alone', async () => {
    // Earlier days bring their papers in pairs: with the other of its pair counted, none of them would look alone.
    const random = seededRandom(5)
    const directions = Array.from({ length: 150 }, () => Array.from({ length: 12 }, () => random() - 0.5))
    const paired = world({ earlier: 300, fresh: 20, vector: (i, isNew) => (isNew ? undefined : directions[i >> 1]) })
    const papers = paired.papers.map((paper, row) =>
      row < 300 ? toPaper({ ...paper, published: new Date(Date.UTC(2025, 0, 1 + (row >> 1))).toISOString() }) : paper,
    )
    const one = await findNewThings({ ...paired, papers })
    const apart = papers.map((paper, row) => (row < 300 ? toPaper({ ...paper, published: undefined }) : paper))
    const other = await findNewThings({ ...paired, papers: apart })
    expect(one.unlike.length).toBeLessThan(other.unlike.length)
  })
})

test('the same papers give the same, and an abort ends it', async () => {
  const input = () => world({ earlier: 150, fresh: 30, text: (i, isNew) => (isNew && i < 6 ? 'A semaphore.' : '') })
  expect(await findNewThings(input())).toEqual(await findNewThings(input()))
  const controller = new AbortController()
  const slice = timeSlice(controller.signal, 0)
  const call = findNewThings({ ...input(), slice, signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(call).rejects.toThrow('enough')
})
