// Streams XML: yields each element with one of the given names as a small tree, as soon as it is closed.
import { Parser } from 'htmlparser2'
import { PaperkinError } from '../errors.ts'
import type { Place, Reading } from './reading.ts'

/** An element with its content. Names have no prefix: `dc:title` is `title`. */
export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
  /** All of its text, including that of its children. */
  readonly text: string
  /** Line on which it starts, from 1. */
  readonly line: number
}

interface XmlPiece {
  readonly element: XmlElement
  /** True if the text ended before the element was closed. */
  readonly isCut: boolean
}

/** An element that joins its text on demand, so that nested elements do not each store it. */
class OpenElement implements XmlElement {
  readonly children: OpenElement[] = []
  readonly parts: (string | OpenElement)[] = []
  constructor(
    readonly name: string,
    readonly attributes: Readonly<Record<string, string>>,
    readonly line: number,
  ) {}
  get text(): string {
    return this.parts.map((part) => (typeof part === 'string' ? part : part.text)).join('')
  }
}

const mostDepth = 200
// The parser slows down with the depth of an element.
export const mostNested = 5000

/** The error for nesting so deep that the file must be damaged or hostile. */
export const tooDeep = () =>
  new PaperkinError(
    'unreadable-source',
    `Expected elements nested at most ${mostNested} deep: the file may be damaged; save it again.`,
  )
const local = (name: string) => name.slice(name.indexOf(':') + 1)

/**
 * Yields the elements with one of the `names`; such an element inside another is part of the outer one. `onEnd` gets
 * whether the text ended with open elements, and the last line.
 */
async function* xmlElements(
  chunks: AsyncIterable<string>,
  names: ReadonlySet<string>,
  onEnd: (end: { readonly isCut: boolean; readonly line: number }) => void = () => {},
): AsyncGenerator<XmlPiece> {
  const ready: XmlPiece[] = []
  const open: OpenElement[] = []
  const lines = lineCounter()
  let isCut = false
  let isOver = false
  let depth = 0
  const parser: Parser = new Parser(
    {
      onopentag: (name, attributes) => {
        if (++depth > mostNested) throw tooDeep()
        const isInside = open.length > 0
        if ((!isInside && !names.has(local(name))) || open.length >= mostDepth) return
        const named = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [local(key), value]))
        const element = new OpenElement(local(name), named, lines.at(parser.startIndex))
        open.at(-1)?.children.push(element)
        open.at(-1)?.parts.push(element)
        open.push(element)
      },
      ontext: (text) => {
        open.at(-1)?.parts.push(text)
      },
      onclosetag: (name, isImplied) => {
        depth--
        if (isOver && isImplied) isCut = true
        const innermost = open.at(-1)
        if (innermost === undefined || depth >= mostDepth || innermost.name !== local(name)) return
        open.pop()
        if (open.length === 0) ready.push({ element: innermost, isCut: isOver && isImplied })
      },
    },
    { xmlMode: true, decodeEntities: true },
  )
  for await (const chunk of chunks) {
    lines.add(chunk)
    parser.write(chunk)
    yield* ready.splice(0)
  }
  isOver = true
  parser.end()
  yield* ready.splice(0)
  onEnd({ isCut, line: lines.last() })
}

/** Reads the elements with one of the `names` as records; truncation is reported as a problem. */
export async function* xmlReadings(
  chunks: AsyncIterable<string>,
  {
    names,
    whole,
    read,
  }: {
    readonly names: ReadonlySet<string>
    /** What contains the elements, for messages: `feed`, `list`. */
    readonly whole: string
    /** Reads an element; undefined if it is not a record. `next` numbers records. */
    readonly read: (element: XmlElement, next: () => Place) => Reading | undefined
  },
): AsyncGenerator<Reading> {
  let number = 0
  let end = { isCut: false, line: 1 }
  const pieces = xmlElements(chunks, names, (last) => {
    end = last
  })
  for await (const { element, isCut } of pieces) {
    const next = () => ({ record: ++number, line: element.line })
    if (isCut) {
      yield { problem: 'ends too early: the file is cut off there', place: next() }
      continue
    }
    const reading = read(element, next)
    if (reading !== undefined) yield reading
  }
  if (end.isCut)
    yield {
      problem: `ends the file before the ${whole} is closed: the file may be cut off`,
      place: { line: end.line },
      kind: 'doubtful',
    }
}

/** Line numbers of offsets in a text that arrives in chunks; offsets must be queried in rising order. */
function lineCounter() {
  const kept: { start: number; text: string }[] = []
  let length = 0
  let place = 0
  let line = 1
  const at = (index: number) => {
    for (const { start, text } of kept) {
      for (let i = text.indexOf('\n', place - start); i >= 0 && start + i < index; i = text.indexOf('\n', i + 1)) {
        line++
        place = start + i + 1
      }
    }
    while (kept.length > 1 && kept[0] !== undefined && kept[0].start + kept[0].text.length <= place) kept.shift()
    return line
  }
  return {
    add: (text: string) => {
      if (kept.length > 0) at(length)
      kept.splice(0, kept.length - 1)
      kept.push({ start: length, text })
      length += text.length
    },
    at,
    last: () => at(length),
  }
}

/** The first child with a name. */
export function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((other) => other.name === name)
}

/** The children with a name. */
export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((other) => other.name === name)
}

/** The element at the end of a path of names. */
export function descend(element: XmlElement, ...path: readonly string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>((at, name) => at && child(at, name), element)
}

/** All descendants with a name. */
export function elementsOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.flatMap((inner) => [...(inner.name === name ? [inner] : []), ...elementsOf(inner, name)])
}

/** The text of an element on one line, with spaces between its elements. */
function spacedText(element: XmlElement): string {
  const text = element.children.length === 0 ? element.text : element.children.map(spacedText).join(' ')
  return text.replace(/\s+/gu, ' ').trim()
}

/** The texts of the children whose names are not in `used`, by name. */
export function otherFields(
  element: XmlElement | undefined,
  used: ReadonlySet<string>,
): Record<string, string | string[]> {
  const found = new Map<string, string[]>()
  for (const inner of element?.children ?? []) {
    const text = used.has(inner.name) ? '' : spacedText(inner)
    if (text === '') continue
    const texts = found.get(inner.name)
    if (texts === undefined) found.set(inner.name, [text])
    else texts.push(text)
  }
  return Object.fromEntries([...found].map(([name, texts]) => [name, texts.length === 1 ? (texts[0] ?? '') : texts]))
}

/** The trimmed text of the first child with a name; undefined if missing or empty. */
export function childText(element: XmlElement, name: string): string | undefined {
  const text = child(element, name)?.text.trim()
  return text === '' ? undefined : text
}
