// Search as one types: every word must begin a word of the title, of an author's name or of the abstract. Titles answer
// at once; abstracts are unpacked in slices the first time, and then kept as plain lower-case text.
import { blockSize } from '../page-data.ts'
import type { Report } from './report.ts'

const sliceMs = 8

/** Rows in which all words occur: `inTitle` all of them in the title. */
export interface Found {
  readonly inTitle: readonly number[]
  readonly elsewhere: readonly number[]
  /** Whether abstracts were all looked at. */
  readonly isWhole: boolean
}

export class TextSearch {
  readonly #report: Report
  readonly #titles: string[] = []
  readonly #texts: Promise<readonly string[]>[] = []
  #turn = 0

  constructor(report: Report) {
    this.#report = report
  }

  /** Looks for words and tells what is found so far; a later call ends an earlier one. */
  async find(text: string, onFound: (found: Found) => void): Promise<void> {
    const turn = ++this.#turn
    const words = plain(text)
      .split(' ')
      .filter((word) => word !== '')
      .map(asPrefix)
    const inTitle: number[] = []
    const elsewhere: number[] = []
    const { titles } = this.#report.core
    let end = performance.now() + sliceMs
    const rest = async () => {
      await nextTurn()
      end = performance.now() + sliceMs
    }
    const left = new Uint8Array(titles.length)
    for (let row = 0; row < titles.length; row++) {
      this.#titles[row] ??= plain(titles[row])
      if (words.every((word) => this.#titles[row].includes(word))) inTitle.push(row)
      else left[row] = 1
      if (row % 256 === 255 && performance.now() > end) {
        await rest()
        if (turn !== this.#turn) return
      }
    }
    onFound({ inTitle, elsewhere, isWhole: false })
    let told = performance.now()
    for (let block = 0; block < this.#report.blocks; block++) {
      const texts = await this.#textsOf(block)
      if (turn !== this.#turn) return
      for (const [place, text] of texts.entries()) {
        const row = block * blockSize + place
        if (left[row] === 1 && words.every((word) => text.includes(word) || this.#titles[row].includes(word)))
          elsewhere.push(row)
      }
      if (performance.now() > end) {
        if (performance.now() > told + 150) {
          onFound({ inTitle, elsewhere, isWhole: false })
          told = performance.now()
        }
        await rest()
        if (turn !== this.#turn) return
      }
    }
    onFound({ inTitle, elsewhere, isWhole: true })
  }

  /** Makes the abstracts ready before anybody asks; a search goes on from where this is. */
  async prepare(): Promise<void> {
    for (let block = 0; block < this.#report.blocks; block++) {
      await this.#textsOf(block)
      await nextTurn()
    }
  }

  /** Authors and abstracts of a block; none where the file is cut off before it. */
  #textsOf(block: number): Promise<readonly string[]> {
    this.#texts[block] ??= this.#report.block(block).then(
      (papers) => papers.map(([abstract, authors]) => plain(`${authors.join(' ')} ${abstract}`)),
      () => [],
    )
    return this.#texts[block]
  }

  /** Ends a search that is under way. */
  stop(): void {
    this.#turn++
  }
}

/** Lets the browser draw and answer keys; a timer would wait for 4 ms each time. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => resolve()
    port2.postMessage(null)
  })
}

/** Lower case, without accents, words parted by one space, with a space before the first. */
function plain(text: string): string {
  const letters = isAscii.test(text)
    ? text.toLowerCase().replace(/[^a-z0-9]+/g, ' ')
    : text
        .normalize('NFKD')
        .replace(/\p{M}+/gu, '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}]+/gu, ' ')
  return ` ${letters.trim()}`
}

// What most abstracts are, and what takes a fraction of the time.
const isAscii = /^[\0-\x7f]*$/

// Scripts without spaces between words have no beginnings of words to look for.
const asPrefix = (word: string) =>
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(word) ? word : ` ${word}`
