import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LexicalIndex } from '../../src/lexical/lexical-index.ts'
import { readTokens, stem, stopWords, tokens, withoutMarkup } from '../../src/text/tokens.ts'

const joined = (text: string) => [...readTokens(text)].flatMap((token) => (token.isJoined ? [token.text] : []))

describe('tokens', () => {
  it.each([
    ['GPT-4 and COVID-19', ['gpt', 'and', 'covid', '19']],
    [
      'the Bo\\"otes field, {\\mu}Jy, na\u00efve Poincar\u00e9',
      ['the', 'bootes', 'field', 'mu', 'jy', 'naive', 'poincare'],
    ],
    [
      'see https://example.org/a?b=c for \\textit{de novo} $\\alpha$-helices',
      ['see', 'for', 'de', 'novo', 'alpha', 'helices'],
    ],
    ['<b>H2O</b> at 5 % of x', ['h2o', 'at', 'of']],
    ['\u795e\u7ecf\u7f51\u7edc', ['\u795e\u7ecf', '\u7ecf\u7f51', '\u7f51\u7edc']],
    [
      '\u0645\u0631\u062d\u0628\u0627 \u041f\u0440\u0438\u0432\u0435\u0442',
      ['\u0645\u0631\u062d\u0628\u0627', '\u043f\u0440\u0438\u0432\u0435\u0442'],
    ],
    ['', []],
  ])('of %j are %j', (text, expected) => {
    expect(tokens(text)).toEqual(expected)
  })

  it.each([
    ['GPT-4, GPT4 and GPT 4; COVID-19', ['gpt4', 'gpt4', 'covid19']],
    ['t-SNE, k-means, L-BFGS', ['tsne', 'kmeans', 'lbfgs']],
    ['TNF-\u03b1 and IL-1\u03b2', ['il1beta']],
    ['vitamin C, and a model of a B cell', ['vitaminc']],
    ['Qwen2.5-VL', ['qwen2.5vl']],
    ['state-of-the-art results of large-scale pre-training, as in a and b', []],
    ["a model's layer", []],
  ])('join the names in %j to %j', (text, expected) => {
    expect(joined(text)).toEqual(expected)
  })

  it.each([
    ['H$_2$O, CO\u2082 and Fe$_{3}$O$_4$', ['h2o', 'co2', 'and', 'fe3o4']],
    ['a \u03b1-helix of TNF-\u03b1, \u03bcm', ['alpha', 'helix', 'of', 'tnf', 'alpha', 'mum']],
    ['Llama-3.1 and Qwen2.5', ['llama', '3.1', 'and', 'qwen2.5']],
    ['\u03c6\u03c5\u03c3\u03b9\u03ba\u03ae', ['\u03c6\u03c5\u03c3\u03b9\u03ba\u03ae']],
  ])('of %j are %j', (text, expected) => {
    expect(tokens(text)).toEqual(expected)
  })

  it('never fail, and are lower case', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const { text: token } of readTokens(text)) {
          expect(token).toBe(token.toLowerCase())
          expect(token.length).toBeGreaterThan(1)
        }
      }),
    )
  })

  it('stems and stop words', () => {
    expect([stem('embeddings'), stem('embedding'), stem('gpt4')]).toEqual(['embed', 'embed', 'gpt4'])
    expect(stopWords.has('the')).toBe(true)
    expect(stopWords.has('model')).toBe(false)
  })

  it('withoutMarkup leaves text without markup as it is', () => {
    expect(withoutMarkup('a < b and c')).toBe('a < b and c')
  })
})

const words = ['robot', 'grasp', 'glass', 'galaxy', 'dust', 'protein', 'fold', 'query', 'index', 'cache']
const documents = fc.array(
  fc.record({
    title: fc.array(fc.constantFrom(...words), { maxLength: 4 }).map((list) => list.join(' ')),
    abstract: fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((list) => list.join(' ')),
  }),
  { minLength: 1, maxLength: 12 },
)

/** TF-IDF cosine and BM25 as their formulas say, over plain maps. */
function oracle(all: readonly { title: string; abstract: string }[]) {
  const counted = all.map(({ title, abstract }) => {
    const counts = new Map<string, number>()
    let length = 0
    for (const [text, weight] of [
      [title, 2],
      [abstract, 1],
    ] as const) {
      const stems = tokens(text).map(stem)
      stems.forEach((term, i) => {
        counts.set(term, (counts.get(term) ?? 0) + weight)
        length += weight
        if (i > 0) counts.set(`${stems[i - 1]} ${term}`, (counts.get(`${stems[i - 1]} ${term}`) ?? 0) + weight)
      })
    }
    return { counts, length }
  })
  const frequency = (term: string) => counted.filter(({ counts }) => counts.has(term)).length
  const n = all.length
  const vectors = counted.map(({ counts }) => {
    const vector = new Map<string, number>()
    for (const [term, count] of counts) {
      const idf = term.includes(' ') && frequency(term) < 2 ? 0 : Math.log((1 + n) / (1 + frequency(term))) + 1
      vector.set(term, (1 + Math.log(count)) * idf)
    }
    const norm = Math.hypot(...vector.values())
    return new Map([...vector].map(([term, value]) => [term, norm > 0 ? value / norm : 0]))
  })
  const average = counted.reduce((sum, { length }) => sum + length, 0) / n || 1
  const askedTerms = (query: string) => {
    const stems = tokens(query).map(stem)
    const asked = new Map<string, number>()
    for (const term of [...stems, ...stems.slice(1).map((next, i) => `${stems[i]} ${next}`)])
      asked.set(term, (asked.get(term) ?? 0) + 1)
    return asked
  }
  const weightOf = (term: string, asked: number) =>
    (term.includes(' ') ? 0.2 : 1) *
    (1 + Math.log(asked)) *
    Math.log(1 + (n - frequency(term) + 0.5) / (frequency(term) + 0.5))
  return {
    cosine: (a: number, b: number) =>
      [...(vectors[a] ?? [])].reduce((sum, [term, value]) => sum + value * (vectors[b]?.get(term) ?? 0), 0),
    limit: (query: string) =>
      [...askedTerms(query)].reduce((sum, [term, asked]) => sum + weightOf(term, asked) * 2.2, 0),
    bm25: (query: string, row: number) => {
      const { counts, length } = counted[row] as (typeof counted)[number]
      let sum = 0
      for (const [term, asked] of askedTerms(query)) {
        const count = counts.get(term) ?? 0
        sum += (weightOf(term, asked) * count * 2.2) / (count + 1.2 * (0.25 + (0.75 * length) / average))
      }
      return sum
    },
  }
}

describe('LexicalIndex', () => {
  it('agrees with the formulas', () => {
    fc.assert(
      fc.property(documents, fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }), (all, query) => {
        const index = new LexicalIndex()
        for (const document of all) index.add(index.count(document))
        const { cosine, bm25, limit } = oracle(all)
        const asked = query.join(' ')
        const expected = all.map((_, row) => bm25(asked, row))
        const best = Math.max(...expected, limit(asked) / 2)
        const found = index.search(asked)
        expected.forEach((score, row) => {
          expect(found[row]).toBeCloseTo(score / best, 9)
        })
        all.forEach((_, a) => {
          const similar = index.similar(a)
          all.forEach((_, b) => {
            expect(similar[b]).toBeCloseTo(cosine(a, b), 9)
            expect(similar[b]).toBe(index.similar(b)[a])
          })
        })
      }),
      { numRuns: 60 },
    )
  })

  it('is bit for bit the same after an addition and a removal', () => {
    fc.assert(
      fc.property(documents, documents, fc.constantFrom(...words), (all, extra, query) => {
        const plain = new LexicalIndex()
        const changed = new LexicalIndex()
        for (const document of all) plain.add(plain.count(document))
        for (const document of all) changed.add(changed.count(document))
        const rows = extra.map((document) => changed.add(changed.count(document)))
        changed.search(query)
        for (const row of rows) changed.remove(row)
        expect(changed.search(query).subarray(0, all.length)).toEqual(plain.search(query))
        for (let row = 0; row < all.length; row++)
          expect(changed.similar(row).subarray(0, all.length)).toEqual(plain.similar(row))
        for (const row of rows) expect(changed.search(query)[row]).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('answers the same from merged blocks, from single ones and from the rows after them', async () => {
    const all = Array.from({ length: 4_700 }, (_, i) => ({
      title: `paper ${words[i % 10]}`,
      abstract: `${words[(i * 7) % 10]} ${words[(i * 3) % 10]} topic${i % 50}`,
    }))
    const atOnce = new LexicalIndex()
    const piecemeal = new LexicalIndex()
    const slice = { due: () => true, rest: () => Promise.resolve() }
    for (const document of all) atOnce.add(atOnce.count(document))
    for (const document of all) {
      piecemeal.add(piecemeal.count(document))
      if (piecemeal.rows % 997 === 0) piecemeal.search('robot')
      if (piecemeal.rows === 4_400) await piecemeal.settle(slice)
    }
    expect(piecemeal.search('robot glass topic7')).toEqual(atOnce.search('robot glass topic7'))
    for (const row of [3, 4_090, 4_100, 4_699]) expect(piecemeal.similar(row)).toEqual(atOnce.similar(row))
    const taken = LexicalIndex.from(structuredClone(atOnce.state()))
    expect(taken.similar(3)).toEqual(piecemeal.similar(3))
    await taken.settle(slice)
    for (const index of [taken, atOnce]) index.add(index.count({ title: 'paper robot', abstract: 'glass lens' }))
    for (const row of [4_650, 4_699, 4_700]) expect(taken.similar(row)).toEqual(atOnce.similar(row))
    expect(taken.phrase('paper robot')).toEqual(atOnce.phrase('paper robot'))
  })

  it('gives sparse rows whose products are the cosines, whatever is added meanwhile', async () => {
    const index = new LexicalIndex()
    for (let i = 0; i < 30; i++)
      index.add(
        index.count({ title: words[i % 10] as string, abstract: `${words[(i * 3) % 10]} ${words[(i * 7) % 10]}` }),
      )
    const rows = [4, 17, 9, 22]
    const pending = index.sparseRows(rows, { due: () => true, rest: () => Promise.resolve() })
    const before = rows.map((row) => index.similar(row))
    index.add(index.count({ title: words[3] as string, abstract: 'Something else' }))
    const sparse = await pending
    expect(sparse.rows).toBe(4)
    const dense = rows.map((_, r) => {
      const vector = new Float64Array(sparse.columns)
      for (let i = sparse.start[r] as number; i < (sparse.start[r + 1] as number); i++) {
        if (i > (sparse.start[r] as number)) expect(sparse.column[i]).toBeGreaterThan(sparse.column[i - 1] as number)
        vector[sparse.column[i] as number] = sparse.value[i] as number
      }
      return vector
    })
    rows.forEach((_, a) => {
      const similar = before[a] as Float64Array
      rows.forEach((other, b) => {
        expect(
          (dense[a] as Float64Array).reduce(
            (sum, value, i) => sum + value * ((dense[b] as Float64Array)[i] as number),
            0,
          ),
        ).toBeCloseTo(similar[other] as number, 5)
      })
    })
  })

  it('has scores of 0 for what does not match', () => {
    const index = new LexicalIndex()
    expect(index.search('robot')).toHaveLength(0)
    index.add(index.count({ title: '', abstract: 'the of and' }))
    index.add(index.count({ title: 'robot', abstract: '' }))
    expect([...index.search('galaxy')]).toEqual([0, 0])
    expect([...index.search('of the')]).toEqual([0, 0])
    expect(index.search('robots')[0]).toBe(0)
    expect(index.search('robots')[1]).toBeGreaterThan(0.95)
    // Of two words the one that is there cannot be all that was asked.
    expect(index.search('robots galaxies')[1]).toBeLessThan(0.8)
    expect([...index.similar(0)]).toEqual([0, 0])
    expect(index.similar(1)[1]).toBeCloseTo(1, 12)
  })
})
