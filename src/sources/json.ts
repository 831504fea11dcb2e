// JSON and JSON lines, in pieces. Each value is cut out by its brackets and parsed on its own, so that a file of any size
// is read in bounded memory and a bad record does not affect the others.
import { isRecord, type JsonRecord } from './field-values.ts'
import type { Place, Reading } from './reading.ts'
import { mostCharacters, numberedLines } from './reading.ts'
import { looksLikeRecord, recordFields } from './record-fields.ts'

/** Names of lists of records, and of the objects that may contain such a list. */
const lists = new Set(
  'papers records results works items data documents dailyPapers recommendedPapers entries articles publications docs hits hit notes collection result rows entry'.split(
    ' ',
  ),
)
const containers = new Set('message response resultList hits result results data feed search-results body'.split(' '))
/** Names of lists that describe one paper: their items are not results. */
const ofOnePaper =
  /^(?:references?|citations?|authors?|authorships|creators|contributors|related.*|locations|versions|links?|mesh.*|concepts|topics|keywords|tags|attachments|reviews|comments|figures|similar.*|recommendations)$/iu

/** Offset at which JSON or JSON lines start; -1 if there are none. */
export function jsonAt(head: string): number {
  const isJson = /^\s*(?:\{\s*["}\n\r]|\{\s*$|\[\s*(?:[{[\]]|null\b|$))/u
  if (isJson.test(head.slice(0, 2000))) return 0
  // After a note, an anti-hijacking prefix, or as the value of a variable.
  const opening =
    /^[ \t]*(?:(?:(?:var|let|const)\s+)?[\w$.]{1,60}\s?(?:=\s?|\())?(?=\{[ \t]{0,20}(?:"|$)|\[[ \t]{0,20}(?:[{[]|null\b|$))/gmu
  for (const match of head.slice(0, 20_000).matchAll(opening)) {
    const start = match.index + match[0].length
    if (isJson.test(head.slice(start, start + 200)) && /"\s{0,20}:|null/u.test(head.slice(start, start + 4000)))
      return start
  }
  return -1
}

/** True if each line is a record, even if an early one is cut. */
export function looksLikeJsonLines(head: string): boolean {
  const lines = head.split('\n').filter((line) => line.trim() !== '')
  if (lines.length < 2 || !head.trimStart().startsWith('{')) return false
  if (lines.slice(0, 2).every((line) => /^\s*\{.*\}\s*$/u.test(line))) return true
  const beginnings = lines.filter((line) => /^\{\s*["}]/u.test(line) && !/,\s*$/u.test(line))
  return beginnings.length > lines.length / 2
}

/** Reads one record per line. */
export async function* readJsonLines(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  let values = 0
  for await (const { line, text, isTooLong } of numberedLines(chunks)) {
    if (text.trim() === '') continue
    values++
    if (isTooLong) yield { problem: 'is too long for a record', place: { line } }
    else yield* parsed(text, { line }, values)
  }
}

/**
 * Reads records in arrays, in nested objects, under their ids as names, or one after the other. Files larger than
 * `mostCharacters` are read in pieces if the list of records has one of the usual names.
 */
export async function* readJson(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  const cutter = new RecordCutter()
  for await (const chunk of chunks) for (const cut of cutter.write(chunk)) yield* readings(cut)
  for (const cut of cutter.end()) yield* readings(cut)
}

/** A value cut out of the text, or a problem. */
type Cut = { readonly text: string; readonly place: Place } | Reading

function* readings(cut: Cut): Generator<Reading> {
  if ('text' in cut && !('problem' in cut)) yield* parsed(cut.text, cut.place, cut.place.record ?? 1)
  else yield cut
}

/** The readings of a value, the `count`th of its file. */
function* parsed(text: string, place: Place, count: number): Generator<Reading> {
  let value: unknown
  try {
    value = parsedJson(text)
  } catch (error) {
    yield notJson({ ...place, line: (place.line ?? 1) + lineWithin(text, error) })
    return
  }
  let isAny = false
  let number = 0
  for (const item of recordsIn(value, 0)) {
    isAny = true
    number++
    // A sentence has no id and may occur twice: its position becomes the id.
    const isSentence = typeof item === 'object' && item !== null && sentences.has(item)
    yield isSentence
      ? {
          record: { id: `${count}.${number}`, ...item },
          place,
          from: 'labelled sentences',
          isKey: true,
        }
      : reading(item, place)
  }
  if (!isAny && !(Array.isArray(value) && value.length === 0) && !isEmptyAnswer(value)) yield reading(value, place)
}

function reading(value: unknown, place: Place): Reading {
  if (value === null) return { problem: 'is null: the source had no paper for it', place, kind: 'passed-over' }
  const { error } = isRecord(value) ? value : {}
  if (typeof error === 'string' && !looksLikeRecord(value))
    return { problem: `is a server error: ${error.slice(0, 200)}`, place }
  const { record, from, isKey } = recordFields(value)
  return { record, place, ...(from !== undefined && { from }), ...(isKey && { isKey }) }
}

/** Parses JSON, also with Python's `NaN` and `Infinity`, which become null. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!/\b(?:NaN|Infinity)\b/u.test(text)) throw error
    return JSON.parse(
      text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/gsu, (found) => (found.startsWith('"') ? found : 'null')),
    )
  }
}

const deepest = 6

/** The records in a value: the value itself, the items of its lists, or its values if their names are ids. */
function* recordsIn(value: unknown, depth: number): Generator<unknown> {
  if (Array.isArray(value) && (depth > 0 || value.some((item) => typeof item === 'object'))) {
    for (const item of value)
      yield* depth < deepest && Array.isArray(item) ? recordsIn(item, depth + 1) : single(item, depth)
    return
  }
  yield* single(value, depth)
}

function* single(value: unknown, depth: number): Generator<unknown> {
  if (!isRecord(value)) {
    yield value
    return
  }
  const rows = labelledSentences(value) ?? tableRows(value)
  if (rows !== undefined) {
    yield* rows
    return
  }
  // A record may contain other papers, and an object with a list of papers may have its own title.
  const inner = depth >= deepest || (saysMoreThanATitle(value) && looksLikeRecord(value)) ? [] : inside(value, depth)
  if (inner.length === 0) yield value
  else yield* inner
}

/** Records in the lists and objects of an object, or under their ids as names. */
function inside(value: JsonRecord, depth: number): readonly unknown[] {
  const found: unknown[] = []
  for (const [name, part] of Object.entries(value)) {
    if (ofOnePaper.test(name)) continue
    // A pool of candidates comes with the paper that it is for.
    if (/^(?:query|seed|anchor|target|source_paper)$/iu.test(name) && looksLikeRecord(part)) found.push(part)
    else if (Array.isArray(part) && part.some((item) => looksLikeRecord(item)))
      found.push(...recordsIn(part, depth + 1))
    else if (isRecord(part) && !looksLikeRecord(part)) found.push(...inside(part, depth + 1))
    else if (isRecord(part) && depth > 0 && looksLikeRecord(part) && Object.keys(value).length === 1) found.push(part)
  }
  if (found.length > 0) return found
  // { "2503.90001": { "title": … }, … }
  const entries = Object.entries(value).filter(([, part]) => isRecord(part) && looksLikeRecord(part))
  if (entries.length > 0 && !looksLikeRecord(value))
    return entries.map(([name, part]) => {
      const record = part as JsonRecord
      const hasId = ['id', 'uid', 'paperId', 'DOI', 'doi', 'pmid'].some((id) => record[id] != null)
      return hasId || /^(?:message|data|result|paper|article|response|work)$/iu.test(name)
        ? record
        : { id: name, ...record }
    })
  return []
}

const ofAPaper = 'abstract summary abstract_inverted_index authors author doi DOI externalIds paperId paper'.split(' ')
const saysMoreThanATitle = (value: JsonRecord) => ofAPaper.some((name) => value[name] != null)

/** Labelled sentences of a clustering data set: `{ "sentences": […], "labels": […] }`. */
function labelledSentences({ sentences: texts, labels }: JsonRecord): readonly JsonRecord[] | undefined {
  if (typeof texts === 'string' && (typeof labels === 'string' || typeof labels === 'number'))
    return [sentence(texts, labels)]
  if (!Array.isArray(texts) || !Array.isArray(labels) || texts.length !== labels.length) return undefined
  return texts.map((text, i) => sentence(text, labels[i]))
}

/** The rows of a data frame's JSON: `{ columns, data }`, or a name with cells by row number for each column. */
function tableRows(value: JsonRecord): readonly JsonRecord[] | undefined {
  const { columns, data, title, abstract } = value
  if (Array.isArray(columns) && Array.isArray(data) && data.every((row) => Array.isArray(row)))
    return data.map((row) => Object.fromEntries(columns.map((name, i) => [String(name), row[i]])))
  const [first] = [title, abstract].filter(isRecord)
  if (first === undefined || Object.keys(first).some((name) => !/^\d+$/u.test(name))) return undefined
  return Object.keys(first).map((row) =>
    Object.fromEntries(
      Object.entries(value).flatMap(([name, cells]) => (isRecord(cells) && row in cells ? [[name, cells[row]]] : [])),
    ),
  )
}

/** Records made from sentences. */
const sentences = new WeakSet<object>()

function sentence(text: unknown, label: unknown): JsonRecord {
  const isTitle = typeof text === 'string' && text.length <= 300 && !text.includes('\n')
  const record = { ...(isTitle ? { title: text } : { abstract: text }), label }
  sentences.add(record)
  return record
}

const isEmptyAnswer = (value: unknown) =>
  isRecord(value) &&
  Object.values(value).some((part) => Array.isArray(part) && part.length === 0) &&
  !looksLikeRecord(value)

function notJson(place: Place): Reading {
  return {
    problem: 'is not valid JSON: the file may be cut off or damaged there; correct that line or save the file again',
    place,
  }
}

/** Line offset of a JSON error in a text; the last line if the parser names no position. */
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

const quote = 34
const comma = 44
const colon = 58
const backslash = 92
const isOpening = (code: number) => code === 123 || code === 91
const isClosing = (code: number) => code === 125 || code === 93
const isSpace = (code: number) => code === 32 || code === 10 || code === 13 || code === 9
const semicolon = 59
const closingParenthesis = 41

/** Cuts records out of JSON text by brackets and quotes, without building values. */
class RecordCutter {
  /** Number of open brackets. */
  #depth = 0
  /**
   * Depth inside the list whose items are records: 0 at the top, where each value is a record or contains some; -1 in an
   * object after such a list, where only another list can contain records.
   */
  #list = 0
  #inString = false
  #isEscaped = false
  /** Text of the open value from earlier chunks; undefined between values. */
  #open: string | undefined
  #openLine = 1
  #line = 1
  #records = 0
  #isTooLong = false
  /** The last string in a container, and whether a colon followed it: then it names the next value. */
  #name = ''
  #isNamed = false
  /** The names of the open containers, from the top. */
  #path: string[] = []
  /** A list with one of the usual names has started; its first item decides whether it contains records. */
  #mayBegin = false
  /** Whether the top object has had a field of a paper: then it is a record itself. */
  #isRecord = false

  write(chunk: string): Cut[] {
    const found: Cut[] = []
    let start = 0
    let stringStart = 0
    for (let i = 0; i < chunk.length; i++) {
      const code = chunk.charCodeAt(i)
      if (code === 10) this.#line++
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (code === backslash) this.#isEscaped = true
        else if (code === quote) {
          this.#inString = false
          if (this.#isOutside() && this.#name.length < 100) this.#name += chunk.slice(stringStart, i)
          this.#isNamed = false
        }
        continue
      }
      if (isSpace(code)) continue
      if (this.#mayBegin) {
        this.#mayBegin = false
        if (code === 123 || (code === 110 && this.#list <= 0)) {
          // The object's other fields are not records.
          this.#list = this.#depth
          this.#open = undefined
        }
      }
      // The end of an assignment or a call around the value.
      if (this.#depth === 0 && (code === semicolon || code === closingParenthesis)) continue
      if (this.#open === undefined && this.#depth === this.#list && code !== comma && !isClosing(code)) {
        // A value starts: a top-level list is entered, everything else is cut out whole.
        if (code === 91 && this.#depth === 0) {
          this.#depth = this.#list = 1
          continue
        }
        this.#open = ''
        this.#openLine = this.#line
        this.#isRecord = false
        start = i
      }
      if (code === quote) {
        this.#inString = true
        stringStart = i + 1
        if (this.#isOutside()) this.#name = ''
      } else if (code === colon && this.#isOutside()) {
        this.#isNamed = true
        this.#isRecord ||= this.#depth === 1 && /^(?:abstract|summary|abstractNote|DOI|doi|authors)$/u.test(this.#name)
      } else if (isOpening(code)) {
        const isInside = this.#isOutside() && this.#isNamed
        this.#depth++
        if (isInside && code === 123 && containers.has(this.#name) && this.#path.length < 3) this.#path.push(this.#name)
        this.#mayBegin = isInside && code === 91 && lists.has(this.#name) && !this.#isRecord
        this.#isNamed = false
      } else if (isClosing(code)) {
        if (this.#depth > 0) this.#depth--
        if (this.#path.length > 0 && this.#depth <= this.#path.length && this.#list <= 0) this.#path.pop()
        if (this.#open !== undefined && this.#depth === this.#list) {
          found.push(this.#take(chunk.slice(start, i + 1)))
        } else if (this.#depth < this.#list) {
          if (this.#open !== undefined) found.push(this.#take(chunk.slice(start, i)))
          // The object may contain another list.
          this.#list = this.#depth === 0 ? 0 : -1
        } else if (this.#list === -1 && this.#depth === 0) this.#list = 0
      } else if (code === comma && this.#open !== undefined && this.#depth === this.#list)
        found.push(this.#take(chunk.slice(start, i)))
    }
    if (this.#inString && this.#isOutside() && this.#name.length < 100) this.#name += chunk.slice(stringStart)
    if (this.#open !== undefined) {
      if (!this.#isTooLong) this.#open += chunk.slice(start)
      if (this.#open.length > mostCharacters) {
        this.#isTooLong = true
        this.#open = ''
      }
    }
    return found
  }

  end(): Cut[] {
    if (!this.#open?.trim()) return this.#depth > 0 ? [notJson({ line: this.#line })] : []
    if (this.#depth === this.#list && !this.#inString) return [this.#take('')]
    const lines = this.#open.trimEnd().split('\n').length
    return [notJson({ record: this.#records + 1, line: this.#openLine + lines - 1 })]
  }

  /** Whether the current object may contain the list of records: at the top, or in nested containers. */
  #isOutside(): boolean {
    return this.#list <= 0 && this.#depth === this.#path.length + 1
  }

  #take(text: string): Cut {
    const whole = (this.#open ?? '') + text
    const place = { record: ++this.#records, line: this.#openLine }
    const isTooLong = this.#isTooLong
    this.#open = undefined
    this.#isTooLong = false
    return isTooLong ? { problem: 'is too long for a record', place } : { text: whole, place }
  }
}
