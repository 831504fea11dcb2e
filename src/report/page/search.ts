// Forgiving search, ranked by BM25 (Robertson and Zaragoza 2009). A paper matches with any of the words; a word matches by
// stem, as a prefix, split or joined at hyphens, or with a typo.
import { stopWords } from '../../text/tokens.ts'
import { blockSize, type PagePaper } from '../page-data.ts'
import type { Report } from './report.ts'
import { WordIndex } from './word-index.ts'
import { eachWord, runsOf } from './words.ts'

const sliceMs = 8
/** Idle indexing goes on after this time even if the browser stays busy. */
const idleTimeoutMs = 100
/** Blocks read ahead of the one being indexed. */
const blocksAhead = 4
/** Delay before a partial answer is shown: the first for few papers, and each further one. */
const smallPauseMs = 200
const pauseMs = 800
const saturation = 1.2
const lengthShare = 0.75
/** Papers that match less than this share of the best match are dropped: a word that most papers have is not an answer. */
const leastShare = 0.2

/** A word of a question, and the terms that match it, with weights 0 … 1. */
interface Asked {
  readonly word: string
  readonly terms: ReadonlyMap<number, number>
  /** The spelling searched instead, where no paper has the word. */
  readonly instead: string | undefined
}

/** A question in terms of the index. */
export interface Query {
  readonly text: string
  readonly asked: readonly Asked[]
}

export interface Found {
  readonly query: Query
  /** Best first. */
  readonly rows: readonly number[]
  readonly scores: ReadonlyMap<number, number>
  /** Whether all abstracts were searched. */
  readonly isWhole: boolean
}

export class PaperSearch {
  readonly #report: Report
  readonly #index = new WordIndex()
  #ready: Promise<void> | undefined
  #indexed = 0
  #turn = 0
  #asking = ''
  #titlesReady: Promise<void> | undefined
  #isUrgent = false
  /** Ends the wait for idle time. */
  #wake: () => void = () => {}

  constructor(report: Report) {
    this.#report = report
  }

  /** Reports the papers found so far, several times if need be; undefined for a text without words. A later call ends this one. */
  async find(text: string, onFound: (found: Found | undefined) => void): Promise<void> {
    const turn = ++this.#turn
    this.#asking = text
    const ready = this.prepare()
    await this.#titlesReady
    // A small page is indexed before a partial answer could be read.
    for (let pause = this.#report.isSmall ? smallPauseMs : 0; this.#indexed < this.#report.rows; pause = pauseMs) {
      if (turn !== this.#turn) return
      if (pause !== smallPauseMs) onFound(this.#found(text))
      await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, pause || pauseMs))])
    }
    if (turn === this.#turn) onFound(this.#found(text))
  }

  /** Whether this is still the latest question. */
  isLast({ query }: Found): boolean {
    return query.text === this.#asking
  }

  /** Ends a running search. */
  stop(): void {
    this.#asking = ''
    this.#turn++
  }

  /**
   * Indexes all papers, once; searches can run meanwhile.
   * @param isIdle uses only time when the browser is idle, until a search or another call needs the index
   */
  prepare({ isIdle = false } = {}): Promise<void> {
    if (!isIdle) {
      this.#isUrgent = true
      this.#wake()
    }
    this.#ready ??= this.prepareTitles().then(() => this.#indexTexts())
    return this.#ready
  }

  /** Indexes all titles, once. */
  prepareTitles(): Promise<void> {
    this.#titlesReady ??= this.#indexTitles()
    return this.#titlesReady
  }

  async #indexTitles(): Promise<void> {
    let end = performance.now() + sliceMs
    for (const title of this.#report.core.titles) {
      this.#index.addTitle(title)
      if (performance.now() > end) {
        end = await this.#rest()
      }
    }
  }

  /** Lets the browser work; resolves to the end of the next slice. */
  async #rest(): Promise<number> {
    const idleUntil = this.#isUrgent ? await nextTurn() : await this.#idle()
    return Math.max(performance.now() + sliceMs, idleUntil ?? 0)
  }

  /** Resolves to the end of an idle period, or to undefined as soon as the index is needed. */
  #idle(): Promise<number | undefined> {
    return new Promise((resolve) => {
      this.#wake = () => resolve(undefined)
      // Safari has no idle callbacks.
      if (!('requestIdleCallback' in window)) setTimeout(this.#wake, idleTimeoutMs)
      else requestIdleCallback((idle) => resolve(performance.now() + idle.timeRemaining()), { timeout: idleTimeoutMs })
    })
  }

  async #indexTexts(): Promise<void> {
    const { blocks, rows } = this.#report
    // Empty if the file was cut off before the block.
    const read = (block: number) => this.#report.block(block).catch((): readonly PagePaper[] => [])
    // Blocks are inflated in the background while earlier ones are indexed.
    const ahead = Array.from({ length: Math.min(blocksAhead, blocks) }, (_, block) => read(block))
    let end = performance.now() + sliceMs
    for (let block = 0; block < blocks; block++) {
      const papers = (await ahead.shift()) ?? []
      if (block + blocksAhead < blocks) ahead.push(read(block + blocksAhead))
      for (let place = 0; place < Math.min(blockSize, rows - block * blockSize); place++) {
        const [abstract = '', authors = []] = papers[place] ?? []
        this.#index.addText(abstract, authors)
        this.#indexed++
        if (performance.now() > end) {
          end = await this.#rest()
        }
      }
    }
  }

  // ---- questions ---------------------------------------------------------------------------------------------------

  /** Matches a question against the papers indexed so far. */
  query(text: string): Query {
    const runs = runsOf(text)
    const isUnfinished = /[\p{L}\p{N}]$/u.test(text)
    const asked: Asked[] = []
    const kept = runs.filter(({ word }) => !stopWords.has(word))
    for (const { word, parts, isLast } of kept.length > 0 ? kept : runs.slice(-1)) {
      const terms = new Map<number, number>()
      const known = this.#index.known(word)
      if (known !== undefined) terms.set(known, 1)
      // Hyphenated or not: multi-modal, multimodal.
      if (parts.length > 1 && known === undefined)
        for (const part of parts) {
          const term = this.#index.known(part)
          if (term !== undefined && !stopWords.has(part)) terms.set(term, 0.7)
        }
      if (terms.size === 0 || (isLast && isUnfinished))
        for (const term of this.#index.startingWith(word)) if (!terms.has(term)) terms.set(term, 0.8)
      let instead: string | undefined
      if (terms.size === 0)
        for (const [near, weight] of this.#index.misspelt(word, isLast && isUnfinished)) {
          const term = this.#index.termOf(near) as number
          if (!terms.has(term)) terms.set(term, weight)
          instead ??= near
        }
      asked.push({ word, terms, instead })
    }
    // Two words that papers write as one: data set, dataset.
    for (const [i, { word }] of kept.entries()) {
      const next = kept[i + 1]
      if (next === undefined) break
      const joined = this.#index.known(`${word}${next.word}`)
      if (joined !== undefined)
        asked.push({ word: `${word}${next.word}`, terms: new Map([[joined, 1]]), instead: undefined })
    }
    return { text, asked }
  }

  #found(text: string): Found | undefined {
    const query = this.query(text)
    if (query.asked.length === 0) return undefined
    const scores = this.#scores(query)
    const rows = [...scores.keys()].sort((a, b) => (scores.get(b) as number) - (scores.get(a) as number) || a - b)
    return { query, rows, scores, isWhole: this.#indexed >= this.#report.rows }
  }

  /** BM25 scores of the papers that match enough of the question. */
  #scores({ asked }: Query): Map<number, number> {
    const { rows } = this.#report
    const slots = new Map<number, (readonly [slot: number, weight: number])[]>()
    for (const [slot, { terms }] of asked.entries())
      for (const [term, weight] of terms) slots.set(term, [...(slots.get(term) ?? []), [slot, weight]])
    const isAsked = new Uint8Array(this.#index.papersWith.length)
    for (const term of slots.keys()) isAsked[term] = 1
    const worth = asked.map(({ terms }) => {
      let papers = 0
      for (const term of terms.keys()) papers += this.#index.papersWith[term]!
      return papers === 0 ? 0 : Math.log(1 + (rows - Math.min(rows, papers) + 0.5) / (Math.min(rows, papers) + 0.5))
    })
    const all = worth.reduce((sum, one) => sum + one, 0)
    const times = new Float64Array(asked.length)
    const lengths = this.#index.texts.lengths
    const meanLength = lengths.reduce((sum, length) => sum + length, 1) / Math.max(1, lengths.length)
    const scores = new Map<number, number>()
    let most = 0
    const shares: [row: number, share: number][] = []
    for (let row = 0; row < rows; row++) {
      let isAny = false
      times.fill(0)
      for (const { start, entries } of [this.#index.titles, this.#index.texts]) {
        if (row + 1 >= start.length) continue
        for (let i = start[row]!; i < start[row + 1]!; i++) {
          const entry = entries[i]!
          if (isAsked[entry >>> 5] === 0) continue
          for (const [slot, weight] of slots.get(entry >>> 5) ?? []) times[slot]! += weight * (entry & 31)
          isAny = true
        }
      }
      if (!isAny) continue
      const length = (lengths[row] ?? meanLength) + this.#index.titles.lengths[row]!
      const norm = saturation * (1 - lengthShare + (lengthShare * length) / (meanLength + 1))
      let score = 0
      let had = 0
      for (let slot = 0; slot < times.length; slot++) {
        if (times[slot] === 0) continue
        score += (worth[slot]! * times[slot]! * (saturation + 1)) / (times[slot]! + norm)
        had += worth[slot]!
      }
      // Matching more of the words beats repeating one of them.
      const share = all === 0 ? 1 : had / all
      most = Math.max(most, share)
      shares.push([row, share])
      scores.set(row, score * share)
    }
    for (const [row, share] of shares) if (share < leastShare * most) scores.delete(row)
    return scores
  }

  /** Calls `use` for each word of a question in each paper, with its weighted count. */
  rowsWith({ asked }: Query, use: (slot: number, row: number, times: number) => void): void {
    const slotOf = new Int32Array(this.#index.papersWith.length).fill(-1)
    const weights = new Float32Array(this.#index.papersWith.length)
    for (const [slot, { terms }] of asked.entries())
      for (const [term, weight] of terms) {
        slotOf[term] = slot
        weights[term] = weight
      }
    for (const { start, entries } of [this.#index.titles, this.#index.texts])
      for (let row = 0; row + 1 < start.length; row++)
        for (let i = start[row]!; i < start[row + 1]!; i++) {
          const term = entries[i]! >>> 5
          if (slotOf[term]! >= 0) use(slotOf[term]!, row, weights[term]! * (entries[i]! & 31))
        }
  }

  /** Cosines of all papers with the sum of `seeds`, over terms weighted by log count × idf as in the library. */
  likeness(seeds: readonly number[]): Float64Array {
    const { rows } = this.#report
    const worth = Float64Array.from(this.#index.papersWith, (papers) => Math.log(1 + rows / (1 + papers)))
    const logTimes = Float64Array.from({ length: 32 }, (_, times) => 1 + Math.log(Math.max(1, times)))
    const likeness = new Float64Array(rows)
    const squares = new Float64Array(rows)
    const wanted = new Float64Array(this.#index.papersWith.length)
    for (const { start, entries } of [this.#index.titles, this.#index.texts])
      for (const row of seeds)
        for (let i = start[row]!; i < start[row + 1]!; i++)
          wanted[entries[i]! >>> 5]! += logTimes[entries[i]! & 31]! * worth[entries[i]! >>> 5]!
    const length = Math.sqrt(wanted.reduce((sum, weight) => sum + weight ** 2, 0))
    for (const { start, entries } of [this.#index.titles, this.#index.texts])
      for (let row = 0; row + 1 < start.length; row++)
        for (let i = start[row]!; i < start[row + 1]!; i++) {
          const term = entries[i]! >>> 5
          const weight = logTimes[entries[i]! & 31]! * worth[term]!
          likeness[row]! += wanted[term]! * weight
          squares[row]! += weight ** 2
        }
    for (let row = 0; row < rows; row++) if (squares[row]! > 0) likeness[row]! /= Math.sqrt(squares[row]!) * length
    return likeness
  }

  /** A text in pieces, with the matches of a question flagged. */
  marked(text: string, { asked }: Query): { readonly text: string; readonly isHit: boolean }[] {
    const wanted = new Set(asked.flatMap(({ terms }) => [...terms.keys()]))
    const pieces: { text: string; isHit: boolean }[] = []
    let end = 0
    for (const { 0: found, index } of text.matchAll(/[\p{L}\p{N}\p{M}]+(?:[-\u2010\u2011][\p{L}\p{N}\p{M}]+)*/gu)) {
      let isHit = false
      eachWord(found, (word) => {
        isHit ||= wanted.has(this.#index.termOf(word) ?? -1)
      })
      if (!isHit) continue
      if (index > end) pieces.push({ text: text.slice(end, index), isHit: false })
      pieces.push({ text: found, isHit: true })
      end = index + found.length
    }
    if (end < text.length) pieces.push({ text: text.slice(end), isHit: false })
    return pieces
  }
}

/** Lets the browser draw and handle input; a timer would wait 4 ms each time. */
function nextTurn(): Promise<undefined> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve(undefined)
    }
    port2.postMessage(null)
  })
}
