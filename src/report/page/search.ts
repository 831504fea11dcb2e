// Forgiving search, ranked by BM25 (Robertson and Zaragoza 2009). A paper matches with any of the words; a word matches by
// stem, as a prefix, split or joined at hyphens, or with a typo.
import { stopWords } from '../../text/tokens.ts'
import { blockSize } from '../page-data.ts'
import type { Report, TextBlock } from './report.ts'
import { WordIndex } from './word-index.ts'
import { eachWord, isAscii, runsOf } from './words.ts'

const sliceMs = 8
/** A search may hold up a frame. */
const searchSliceMs = 24
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

/** A question in terms of an index. */
export interface Query {
  readonly text: string
  readonly asked: readonly Asked[]
  readonly index: WordIndex
  /** All terms of `asked`. */
  readonly terms: ReadonlySet<number>
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
  #isReady = false
  #ready: Promise<void> | undefined
  /** The texts, until all are in the index. */
  #texts: Promise<TextBlock | undefined>[] = []
  #turn = 0
  #asking = ''
  /** Settles when no search needs the processor. */
  #searching: Promise<void> = Promise.resolve()
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
    const isLast = () => turn === this.#turn
    const early = this.#isReady ? undefined : this.#findEarly(text, { isLast, onFound })
    this.#searching = Promise.all([this.#searching, early]).then(() => undefined)
    if (await early) return
    if (!this.#isReady && isLast()) await this.prepare()
    if (isLast()) onFound(this.#found(this.#index, text, true))
  }

  /** Finds papers by an index of the asked words alone; false if that does not do. */
  async #findEarly(
    text: string,
    { isLast, onFound }: { readonly isLast: () => boolean; readonly onFound: (found: Found | undefined) => void },
  ): Promise<boolean> {
    await this.#searching
    const index = new WordIndex(keptRuns(text).flatMap(({ word, parts }) => [word, ...parts]))
    // A small page is searched before a partial answer could be read.
    let due = this.#report.isSmall ? performance.now() + smallPauseMs : 0
    const isFull = await this.#fill(index, async (isTitled) => {
      if (isTitled && performance.now() > due && isLast()) {
        onFound(this.#found(index, text, false))
        due = performance.now() + pauseMs
      }
      await nextTurn()
      return isLast() && !this.#isReady ? performance.now() + searchSliceMs : undefined
    })
    if (!isFull) return !isLast()
    const found = this.#found(index, text, true)
    // The spellings near a word that no paper has are among the words of the whole index.
    if (found?.query.asked.some(({ terms }) => terms.size === 0)) return false
    onFound(found)
    return true
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
   * Indexes all papers, once; searches go first.
   * @param isIdle uses only time when the browser is idle, until another call needs the index
   */
  prepare({ isIdle = false } = {}): Promise<void> {
    if (!isIdle) {
      this.#isUrgent = true
      this.#wake()
    }
    this.#ready ??= this.#fill(this.#index, async () => {
      await this.#searching
      return this.#rest()
    }).then(() => {
      this.#isReady = true
      this.#texts = []
    })
    return this.#ready
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

  /**
   * Adds all papers to an index, the titles first.
   * @param rest awaited between slices; gives the end of the next one, or undefined to stop
   * @returns whether all papers were added
   */
  async #fill(index: WordIndex, rest: (isTitled: boolean) => Promise<number | undefined>): Promise<boolean> {
    const { blocks, rows, core } = this.#report
    let end = performance.now() + sliceMs
    for (let row = 0; row < rows; row++) {
      index.addTitle(core.titles[row]!)
      if (row % 16 === 15 && performance.now() > end) {
        const next = await rest(false)
        if (next === undefined) return false
        end = next
      }
    }
    for (let block = 0; block < blocks; block++) {
      // Later blocks are inflated meanwhile.
      for (let ahead = 1; ahead <= Math.min(blocksAhead, blocks - 1 - block); ahead++) void this.#textsOf(block + ahead)
      const texts = await this.#textsOf(block)
      for (let place = 0; place < Math.min(blockSize, rows - block * blockSize); place++) {
        index.addText(
          texts?.bytes.subarray(texts.start[place], texts.start[place + 1]) ?? new Uint8Array(),
          texts?.sources[place]?.[0] ?? [],
        )
        if (place % 16 === 15 && performance.now() > end) {
          const next = await rest(true)
          if (next === undefined) return false
          end = next
        }
      }
    }
    return true
  }

  /** The texts of a block; undefined if the file was cut off before its end. */
  #textsOf(block: number): Promise<TextBlock | undefined> {
    this.#texts[block] ??= this.#report.texts(block).catch(() => undefined)
    return this.#texts[block]
  }

  // ---- questions ---------------------------------------------------------------------------------------------------

  /** Matches a question against the papers indexed so far. */
  #query(index: WordIndex, text: string): Query {
    const isUnfinished = /[\p{L}\p{N}]$/u.test(text)
    const asked: Asked[] = []
    const kept = keptRuns(text)
    for (const { word, parts, isLast } of kept) {
      const terms = new Map<number, number>()
      const known = index.known(word)
      if (known !== undefined) terms.set(known, 1)
      // Hyphenated or not: multi-modal, multimodal.
      if (parts.length > 1 && known === undefined)
        for (const part of parts) {
          const term = index.known(part)
          if (term !== undefined && !stopWords.has(part)) terms.set(term, 0.7)
        }
      if (terms.size === 0 || (isLast && isUnfinished))
        for (const term of index.startingWith(word)) if (!terms.has(term)) terms.set(term, 0.8)
      let instead: string | undefined
      if (terms.size === 0)
        for (const [near, weight] of index.misspelt(word, isLast && isUnfinished)) {
          const term = index.termOf(near) as number
          if (!terms.has(term)) terms.set(term, weight)
          instead ??= near
        }
      asked.push({ word, terms, instead })
    }
    // Two words that papers write as one: data set, dataset.
    for (const [i, { word }] of kept.entries()) {
      const next = kept[i + 1]
      if (next === undefined) break
      const joined = index.known(`${word}${next.word}`)
      if (joined !== undefined)
        asked.push({ word: `${word}${next.word}`, terms: new Map([[joined, 1]]), instead: undefined })
    }
    return { text, asked, index, terms: new Set(asked.flatMap(({ terms }) => [...terms.keys()])) }
  }

  #found(index: WordIndex, text: string, isWhole: boolean): Found | undefined {
    const query = this.#query(index, text)
    if (query.asked.length === 0) return undefined
    const scores = this.#scores(query)
    const rows = [...scores.keys()].sort((a, b) => (scores.get(b) as number) - (scores.get(a) as number) || a - b)
    return { query, rows, scores, isWhole }
  }

  /** BM25 scores of the papers that match enough of the question. */
  #scores({ asked, index }: Query): Map<number, number> {
    const { rows } = this.#report
    const slots = new Map<number, (readonly [slot: number, weight: number])[]>()
    for (const [slot, { terms }] of asked.entries())
      for (const [term, weight] of terms) slots.set(term, [...(slots.get(term) ?? []), [slot, weight]])
    const isAsked = new Uint8Array(index.papersWith.length)
    for (const term of slots.keys()) isAsked[term] = 1
    const worth = asked.map(({ terms }) => {
      let papers = 0
      for (const term of terms.keys()) papers += index.papersWith[term]!
      return papers === 0 ? 0 : Math.log(1 + (rows - Math.min(rows, papers) + 0.5) / (Math.min(rows, papers) + 0.5))
    })
    const all = worth.reduce((sum, one) => sum + one, 0)
    const times = new Float64Array(asked.length)
    const lengths = index.texts.lengths
    const meanLength = lengths.reduce((sum, length) => sum + length, 1) / Math.max(1, lengths.length)
    const scores = new Map<number, number>()
    let most = 0
    const shares: [row: number, share: number][] = []
    for (let row = 0; row < rows; row++) {
      let isAny = false
      times.fill(0)
      for (const { start, entries } of [index.titles, index.texts]) {
        if (row + 1 >= start.length) continue
        for (let i = start[row]!; i < start[row + 1]!; i++) {
          const entry = entries[i]!
          if (isAsked[entry >>> 5] === 0) continue
          for (const [slot, weight] of slots.get(entry >>> 5) ?? []) times[slot]! += weight * (entry & 31)
          isAny = true
        }
      }
      if (!isAny) continue
      const length = (lengths[row] ?? meanLength) + index.titles.lengths[row]!
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
  rowsWith({ asked, index }: Query, use: (slot: number, row: number, times: number) => void): void {
    const slotOf = new Int32Array(index.papersWith.length).fill(-1)
    const weights = new Float32Array(index.papersWith.length)
    for (const [slot, { terms }] of asked.entries())
      for (const [term, weight] of terms) {
        slotOf[term] = slot
        weights[term] = weight
      }
    for (const { start, entries } of [index.titles, index.texts])
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
  marked(text: string, { index, terms }: Query): { readonly text: string; readonly isHit: boolean }[] {
    const pieces: { text: string; isHit: boolean }[] = []
    let end = 0
    for (const { 0: found, index: start } of text.matchAll(isAscii.test(text) ? asciiWords : anyWords)) {
      let isHit = false
      eachWord(found, (word) => {
        isHit ||= terms.has(index.termOf(word) ?? -1)
      })
      if (!isHit) continue
      if (start > end) pieces.push({ text: text.slice(end, start), isHit: false })
      pieces.push({ text: found, isHit: true })
      end = start + found.length
    }
    if (end < text.length) pieces.push({ text: text.slice(end), isHit: false })
    return pieces
  }
}

const asciiWords = /[a-z0-9]+(?:-[a-z0-9]+)*/gi
const anyWords = /[\p{L}\p{N}\p{M}]+(?:[-\u2010\u2011][\p{L}\p{N}\p{M}]+)*/gu

/** The words of a question that count: all but stop words, or the last one. */
function keptRuns(text: string): ReturnType<typeof runsOf> {
  const runs = runsOf(text)
  const kept = runs.filter(({ word }) => !stopWords.has(word))
  return kept.length > 0 ? kept : runs.slice(-1)
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
