import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  evaluateRelated,
  evaluateTopics,
  type Hit,
  type Json,
  type Paper,
  PaperLibrary,
  paperName,
  paperText,
} from '../../src/index.ts'

interface Review {
  readonly venue: string
  readonly scores?: readonly number[]
}

const vectors = [
  [1, 0],
  [0.8, 0.6],
]

async function reviewed(): Promise<PaperLibrary<Review>> {
  const library = await PaperLibrary.open<Review>({ embedder: 'none' })
  await library.add(
    [
      { id: 'a', title: 'Reeds in the wind', extra: { venue: 'ICML', scores: [5, 6] } },
      { id: 'b', title: 'Reeds in the rain', extra: { venue: 'ACL' } },
    ],
    { vectors },
  )
  return library
}

// What is expected of types is checked by tsc.
describe('the type of `extra`', () => {
  it('is what the library was opened with, wherever a paper comes out', async () => {
    const library = await reviewed()
    const paper = library.get('a')
    expectTypeOf(paper).toEqualTypeOf<Paper<Review> | undefined>()
    expectTypeOf(paper?.extra?.scores).toEqualTypeOf<readonly number[] | undefined>()
    expect(paper?.extra?.venue).toBe('ICML')
    // @ts-expect-error there is no such field
    expect(paper?.extra?.venu).toBeUndefined()
    expect(library.getMany(['b', 'c']).map((one) => one?.extra?.venue)).toEqual(['ACL', undefined])
    expect(library.papers({ filter: ({ extra }) => extra?.venue === 'ACL' }).map(({ id }) => id)).toEqual(['b'])
    expect([...library].map(({ extra }) => extra?.venue)).toEqual(['ICML', 'ACL'])
    expect(library.find('reeds wind')[0]?.paper.extra?.venue).toBe('ICML')
    const { hits } = await library.search('reeds', { filter: ({ extra }) => (extra?.scores?.length ?? 0) > 1 })
    expectTypeOf(hits).toEqualTypeOf<readonly Hit<Review>[]>()
    expect(hits.map((hit) => hit.paper.extra?.venue)).toEqual(['ICML'])
    const related = await library.related('a', { filter: ({ extra }) => extra?.venue !== 'ICML' })
    expect(related.hits[0]?.paper.extra?.venue).toBe('ACL')
    const [list] = await library.relatedMany(['b'])
    expect(list?.hits[0]?.paper.extra?.scores).toEqual([5, 6])
    await library.close()
  })

  it('stands in nobody’s way: papers go back in, and everything takes the library', async () => {
    const library = await reviewed()
    const paper = library.get('a') as Paper<Review>
    expect((await library.add([paper], { vectors: [[1, 0]] })).unchanged).toEqual(['a'])
    const { hits } = await library.related(paper, { mode: 'lexical' })
    expect(hits.map((hit) => hit.paper.id)).toEqual(['b'])
    expect(paperName(paper)).toBe('Reeds in the wind')
    expect(paperText(paper)).toContain('Reeds')
    expectTypeOf(evaluateRelated).toBeCallableWith(library, new Map())
    expectTypeOf(evaluateTopics).toBeCallableWith(library, new Map())
    const any: PaperLibrary<object> = library
    expect(any.size).toBe(2)
    await library.close()
  })

  it('is any JSON by default', async () => {
    const library: PaperLibrary = await PaperLibrary.open({ embedder: 'none' })
    await library.add([{ id: 'a', title: 'Reeds', extra: { venue: 'ICML' } }], { vectors: [[1, 0]] })
    const paper: Paper | undefined = library.get('a')
    expectTypeOf(paper?.extra?.venue).toEqualTypeOf<Json | undefined>()
    expect(paper?.extra).toEqual({ venue: 'ICML' })
    await library.close()
  })
})
