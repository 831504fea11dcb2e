// Mines terms of one to three words, with the number of abstracts that have them and how specific they are to a field
// (topicality).
import { termKey } from '../../src/atlas/term-key.ts'
import { stopWords, withoutMarkup } from '../../src/text/tokens.ts'

// Minimum number of abstracts and minimum topicality of a term, by its number of words.
const leastAbstracts = [0, 28, 28, 28]
const leastTopicality = [0, 0, 0.9, 1.2]

/** Runs of words between breaks, in lower case. */
function runsOf(text) {
  return withoutMarkup(text)
    .replace(/\$[^$]{1,300}\$/gu, ' ; ')
    .toLowerCase()
    .split(/[^\p{L}\p{N}\s'’-]+/u)
    .map((run) => run.split(/\s+/u).filter((word) => /^[\p{L}\p{N}]/u.test(word)))
}

export function mineTerms(texts, fieldOf) {
  const rows = texts.flatMap(({ from }, i) => (from === 'openalex' ? [] : [i]))
  // Words are numbered by key.
  const numbers = new Map()
  const keys = []
  const known = new Map()
  const numberOf = (word) => {
    let number = known.get(word)
    if (number === undefined) {
      const key = termKey(word)
      number = numbers.get(key)
      if (number === undefined) {
        number = keys.length
        numbers.set(key, number)
        keys.push(key)
      }
      known.set(word, number)
    }
    return number
  }
  const documents = rows.map((row) => {
    const { title, abstract } = texts[row]
    const codes = []
    for (const run of runsOf(`${title}. ${abstract}`)) {
      for (const word of run) codes.push(numberOf(word))
      codes.push(-1)
    }
    return Int32Array.from(codes)
  })
  const count = (iterate) => {
    const counts = new Map()
    for (const document of documents)
      for (const code of new Set(iterate(document))) counts.set(code, (counts.get(code) ?? 0) + 1)
    return counts
  }
  const total = keys.length
  const isStop = keys.map((key) => stopWords.has(key) || key.length < 2 || /^[\d.,'’-]+$/u.test(key))
  const single = count((document) => document.filter((code) => code >= 0))
  const frequent = new Uint8Array(total)
  for (const [code, n] of single) if (n >= leastAbstracts[1]) frequent[code] = 1
  const pairsOf = function* (document) {
    for (let i = 0; i + 1 < document.length; i++) {
      const [a, b] = [document[i], document[i + 1]]
      if (a >= 0 && b >= 0 && frequent[a] && frequent[b] && !isStop[a]) yield a * total + b
    }
  }
  const pairs = count(pairsOf)
  for (const [code, n] of pairs) if (n < leastAbstracts[2]) pairs.delete(code)
  const pairNumber = new Map([...pairs.keys()].sort((a, b) => a - b).map((code, i) => [code, i]))
  const triplesOf = function* (document) {
    for (let i = 0; i + 2 < document.length; i++) {
      const [a, b, c] = [document[i], document[i + 1], document[i + 2]]
      if (a < 0 || b < 0 || c < 0 || isStop[c] || !frequent[c]) continue
      const pair = pairNumber.get(a * total + b)
      if (pair !== undefined) yield pair * total + c
    }
  }
  const triples = count(triplesOf)
  const pairCodes = [...pairNumber.keys()]
  const candidates = []
  for (const [code, n] of single)
    if (n >= leastAbstracts[1] && !isStop[code]) candidates.push({ words: [code], code, n })
  for (const [code, n] of pairs) {
    const [a, b] = [Math.floor(code / total), code % total]
    if (!isStop[b]) candidates.push({ words: [a, b], code, n })
  }
  for (const [code, n] of triples) {
    if (n < leastAbstracts[3]) continue
    const pair = pairCodes[Math.floor(code / total)]
    candidates.push({ words: [Math.floor(pair / total), pair % total, code % total], code, n })
  }
  const places = [new Map(), new Map(), new Map()]
  for (const [i, { words, code }] of candidates.entries()) places[words.length - 1].set(code, i)
  // For each term, the distribution of its papers over the fields.
  const sizes = new Map()
  for (const row of rows) sizes.set(fieldOf[row], (sizes.get(fieldOf[row]) ?? 0) + 1)
  const chance = [...sizes.values()].reduce((sum, size) => sum + (size / rows.length) ** 2, 0)
  const spread = candidates.map(() => new Map())
  documents.forEach((document, d) => {
    const field = fieldOf[rows[d]]
    const readers = [document.filter((code) => code >= 0), pairsOf(document), triplesOf(document)]
    for (const [length, codes] of readers.entries())
      for (const code of new Set(codes)) {
        const i = places[length].get(code)
        if (i === undefined) continue
        spread[i].set(field, (spread[i].get(field) ?? 0) + 1)
      }
  })
  const terms = candidates.flatMap(({ words, n }, i) => {
    // Logarithm of how much more often than by chance two papers with the term are of one field: Rényi's divergence of
    // order 2. Its estimate from pairs is unbiased for few papers too; that of the Kullback-Leibler divergence is not,
    // and makes every rare term look topical.
    let pairsAlike = 0
    for (const found of spread[i].values()) pairsAlike += found * (found - 1)
    const divergence = Math.log(Math.max(pairsAlike / (n * (n - 1)), 1e-6) / chance)
    if (divergence < leastTopicality[words.length]) return []
    const term = words.map((word) => keys[word]).join(' ')
    return [{ term, df: n, topicality: divergence }]
  })
  return terms.sort((a, b) => (a.term < b.term ? -1 : 1))
}
