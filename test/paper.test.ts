import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PaperkinError } from '../src/errors.ts'
import { arxivReference, derivedId, paperName, paperText, toPaper } from '../src/paper.ts'

const abstract = 'We count the bubbles under the ice of forty ponds.'

describe('toPaper', () => {
  it('keeps a given id, and white space and invisible characters out of titles', () => {
    const paper = toPaper({ id: ' p-7 ', title: ' Counting\n bub\u200bbles\u00ad ', abstract: `${abstract} ` })
    expect(paper).toEqual({ id: 'p-7', title: 'Counting bubbles', abstract })
    expect(Object.isFrozen(paper)).toBe(true)
  })

  it.each([
    ['https://arxiv.org/abs/2501.06184v3', '2501.06184', 3],
    ['http://arxiv.org/pdf/2501.06184', '2501.06184', undefined],
    ['https://arxiv.org/abs/cs/0703041v2', 'cs/0703041', 2],
    ['https://huggingface.co/papers/2501.06184', '2501.06184', undefined],
  ])("takes the id from the record's own link %s", (url, id, version) => {
    expect(toPaper({ title: 'Counting bubbles', url })).toMatchObject({ id, ...(version && { version }) })
  })

  it('keeps the version of an arXiv id apart, and leaves other ids as they are', () => {
    expect(toPaper({ id: '2501.06184v2', abstract })).toMatchObject({ id: '2501.06184', version: 2 })
    expect(toPaper({ id: 'arXiv:2501.06184', abstract })).toMatchObject({ id: '2501.06184' })
    expect(toPaper({ id: 'model-v2', abstract })).toMatchObject({ id: 'model-v2' })
    expect(toPaper({ id: 35, abstract })).toMatchObject({ id: '35' })
    expect(toPaper({ id: '2301.00001', abstract, url: 'https://arxiv.org/abs/2302.00002v3' })).not.toHaveProperty(
      'version',
    )
  })

  it('never takes the id from an address inside the abstract', () => {
    const paper = toPaper({ title: 'Bubbles', abstract: 'See https://arxiv.org/abs/2501.06184 for more.' })
    expect(paper.id).toBe(derivedId('Bubbles'))
  })

  it('marks a paper without an abstract, and one that has only an abstract gets a name', () => {
    expect(toPaper({ title: 'Counting bubbles' }).titleOnly).toBe(true)
    const untitled = toPaper({ abstract: `${abstract} ${abstract}` })
    expect(untitled.title).toBe('')
    expect(paperName(untitled)).toBe('We count the bubbles under the ice of forty ponds. We count the bubbles under …')
  })

  it('keeps fields of other names, frozen, and gives the same paper when it comes back', () => {
    const record = { title: 'Bubbles', label: 'ice', doi: null, tags: [{ a: 1 }], when: new Date(0), extra: { n: 2 } }
    const paper = toPaper(record)
    expect(paper.extra).toEqual({ n: 2, label: 'ice', tags: [{ a: 1 }], when: '1970-01-01T00:00:00.000Z' })
    expect(Object.isFrozen(paper.extra?.tags)).toBe(true)
    record.tags[0] = { a: 3 }
    expect(paper.extra?.tags).toEqual([{ a: 1 }])
    expect(toPaper({ ...paper })).toEqual(paper)
    expect(toPaper(JSON.parse(JSON.stringify(paper)))).toEqual(paper)
    expect(toPaper({ title: 'Bubbles' })).not.toHaveProperty('extra')
    const hostile = toPaper(JSON.parse('{"title":"Bubbles","extra":{"n":2,"__proto__":{"isAdmin":true}}}'))
    expect((hostile.extra as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  })

  it.each([
    [{ title: ' ', abstract: '' }, 'neither a title nor an abstract'],
    [{}, 'neither a title nor an abstract'],
    [{ title: 7 }, '`title`'],
    ['a text', 'expected object'],
    [null, 'expected object'],
    [{ title: 'Bubbles', count: 3n }, '`count`'],
  ])('refuses %o', (record, message) => {
    const attempt = () => toPaper(record)
    expect(attempt).toThrow(PaperkinError)
    expect(attempt).toThrow(message)
  })
})

describe('derivedId', () => {
  it('does not change with case, punctuation or white space', () => {
    expect(derivedId('Counting  Bubbles: a "survey"')).toBe(derivedId('counting bubbles — A Survey'))
    expect(derivedId('Counting bubbles')).not.toBe(derivedId('Counting doubles'))
  })

  it('gives an id for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (title) => {
        expect(derivedId(title)).toMatch(/^t-[0-9a-f]{12}$/u)
        expect(derivedId(` ${title} `)).toBe(derivedId(title))
      }),
    )
  })
})

describe('arxivReference', () => {
  it('reads references and nothing else', () => {
    expect(arxivReference('arXiv:2501.06184v12')).toEqual({ id: '2501.06184', version: 12 })
    expect(arxivReference('https://example.org/abs/2501.06184')).toBeUndefined()
    expect(arxivReference('2501.06184')).toBeUndefined()
    expect(arxivReference('https://example.com/?ref=arxiv.org/abs/2501.06184')).toBeUndefined()
    expect(arxivReference('https://arxiv.org/abs/2501.061845555')).toBeUndefined()
    expect(arxivReference('https://doi.org/10.48550/arXiv.2501.06184')).toEqual({ id: '2501.06184' })
  })
})

it('paperText is the title, a line break and the abstract', () => {
  expect(paperText({ title: 'A', abstract: 'b' })).toBe('A\nb')
  expect(paperText({ title: 'A', abstract: '' })).toBe('A')
  expect(paperText({ title: '', abstract: 'b' })).toBe('b')
})
