// JSON and JSON lines, in pieces. A value is cut out of the text by its brackets and parsed by itself, so that a file of
// any size is read in bounded memory, and one bad record does not take the others with it.
import type { Place, Reading } from './reading.ts'
import { MOST_CHARACTERS, numberedLines } from './reading.ts'
import { recordFields } from './record-fields.ts'

/** Names under which an object may hold the list of its records. */
const lists = new Set([
  'papers',
  'records',
  'results',
  'works',
  'items',
  'data',
  'documents',
  'references',
  'dailyPapers',
  'recommendedPapers',
])

/** True where a text can only be meant as JSON or as JSON lines. */
export function looksLikeJson(head: string): boolean {
  return /^\s*(?:\{\s*["}\n\r]|\{\s*$|\[\s*(?:[{[\]]|$))/u.test(head.slice(0, 2000))
}

/** True where each line is a record of its own, also where an early one is cut. */
export function looksLikeJsonLines(head: string): boolean {
  const lines = head.split('\n').filter((line) => line.trim() !== '')
  if (lines.length < 2 || !head.trimStart().startsWith('{')) return false
  if (lines.slice(0, 2).every((line) => /^\s*\{.*\}\s*$/u.test(line))) return true
  const beginnings = lines.filter((line) => /^\{\s*["}]/u.test(line) && !/,\s*$/u.test(line))
  return beginnings.length > lines.length / 2
}

/** One record a line. */
export async function* readJsonLines(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  for await (const { line, text, isTooLong } of numberedLines(chunks)) {
    if (text.trim() === '') continue
    if (isTooLong) yield { problem: 'is too long for a record', place: { line } }
    else yield parsed(text, { line })
  }
}

/**
 * An array of records, an object that holds one under one of the usual names, a single record, or several of these one
 * after the other.
 */
export async function* readJson(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  const cutter = new RecordCutter()
  for await (const chunk of chunks) yield* cutter.write(chunk)
  yield* cutter.end()
}

function parsed(text: string, place: Place): Reading {
  try {
    return { record: recordFields(JSON.parse(text)), place }
  } catch (error) {
    return notJson({ ...place, line: (place.line ?? 1) + lineWithin(text, error) })
  }
}

function notJson(place: Place): Reading {
  return {
    problem: 'is not valid JSON: the file may be cut off or damaged there; mend that line or save the file again',
    place,
  }
}

/** How many lines into a text its JSON breaks: where the parser names no position, at the text's end. */
function lineWithin(text: string, error: unknown): number {
  const message = String((error as Error).message)
  const position = /position (\d+)/u.exec(message)?.[1]
  const snippet = /token .+?, \.*"([\s\S]*?)"\.* is not valid JSON/u.exec(message)?.[1]
  const found = snippet === undefined ? -1 : text.indexOf(snippet)
  const place =
    position !== undefined
      ? Number(position)
      : snippet !== undefined && found >= 0
        ? found + Math.floor(snippet.length / 2)
        : text.trimEnd().length
  return text.slice(0, place).split('\n').length - 1
}

const QUOTE = 34
const COMMA = 44
const COLON = 58
const BACKSLASH = 92
const isOpening = (code: number) => code === 123 || code === 91
const isClosing = (code: number) => code === 125 || code === 93
const isSpace = (code: number) => code === 32 || code === 10 || code === 13 || code === 9

/** Cuts records out of JSON text by brackets and quotes, without building values. */
class RecordCutter {
  /** Brackets that are open. */
  #depth = 0
  /**
   * The depth inside the list whose items are records. 0 at the top, where each value is a record or a list; -1 in an
   * object after its list, where what follows is no record.
   */
  #list = 0
  #inString = false
  #isEscaped = false
  /** Text of the value that is open, from earlier chunks; undefined between values. */
  #open: string | undefined
  #openLine = 1
  #line = 1
  #records = 0
  #isTooLong = false
  /** The last string at depth 1, and whether a colon followed it: the name of the value that comes. */
  #name = ''
  #isNamed = false

  write(chunk: string): Reading[] {
    const found: Reading[] = []
    let start = 0
    let stringStart = 0
    for (let i = 0; i < chunk.length; i++) {
      const code = chunk.charCodeAt(i)
      if (code === 10) this.#line++
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (code === BACKSLASH) this.#isEscaped = true
        else if (code === QUOTE) {
          this.#inString = false
          if (this.#depth === 1 && this.#list <= 0) {
            this.#name += chunk.slice(stringStart, i)
            this.#isNamed = false
          }
        }
        continue
      }
      if (isSpace(code)) continue
      if (this.#open === undefined && this.#depth === this.#list && code !== COMMA && !isClosing(code)) {
        // A value begins: a list at the top is gone into, everything else is cut out whole.
        if (code === 91 && this.#depth === 0) {
          this.#depth = this.#list = 1
          continue
        }
        this.#open = ''
        this.#openLine = this.#line
        start = i
      }
      if (code === QUOTE) {
        this.#inString = true
        stringStart = i + 1
        if (this.#depth === 1) this.#name = ''
      } else if (code === COLON && this.#depth === 1) this.#isNamed = true
      else if (isOpening(code)) {
        this.#depth++
        if (code === 91 && this.#depth === 2 && this.#list <= 0 && this.#isNamed && lists.has(this.#name)) {
          // What the object says beside its list is no record.
          this.#list = 2
          this.#open = undefined
        }
        this.#isNamed = false
      } else if (isClosing(code)) {
        if (this.#depth > 0) this.#depth--
        if (this.#open !== undefined && this.#depth === this.#list) {
          found.push(this.#take(chunk.slice(start, i + 1)))
        } else if (this.#depth < this.#list) {
          if (this.#open !== undefined) found.push(this.#take(chunk.slice(start, i)))
          // After the list the rest of its object is passed over.
          this.#list = this.#depth === 0 ? 0 : -1
        } else if (this.#list === -1 && this.#depth === 0) this.#list = 0
      } else if (code === COMMA && this.#open !== undefined && this.#depth === this.#list)
        found.push(this.#take(chunk.slice(start, i)))
    }
    if (this.#inString && this.#depth === 1 && this.#list <= 0) this.#name += chunk.slice(stringStart)
    if (this.#open !== undefined) {
      if (!this.#isTooLong) this.#open += chunk.slice(start)
      if (this.#open.length > MOST_CHARACTERS) {
        this.#isTooLong = true
        this.#open = ''
      }
    }
    return found
  }

  end(): Reading[] {
    if (!this.#open?.trim()) return this.#depth > 0 ? [notJson({ line: this.#line })] : []
    if (this.#depth === this.#list && !this.#inString) return [this.#take('')]
    const lines = this.#open.trimEnd().split('\n').length
    return [notJson({ record: this.#records + 1, line: this.#openLine + lines - 1 })]
  }

  #take(text: string): Reading {
    const whole = (this.#open ?? '') + text
    const place = { record: ++this.#records, line: this.#openLine }
    const reading = this.#isTooLong ? { problem: 'is too long for a record', place } : parsed(whole, place)
    this.#open = undefined
    this.#isTooLong = false
    return reading
  }
}
