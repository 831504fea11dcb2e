// XML in pieces: the elements of a few names, each as a small tree, as soon as it is closed.
import { Parser } from 'htmlparser2'

/** An element with what is in it. Names have no prefix: `dc:title` is `title`. */
export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
  /** All text in it, that of its children included. */
  readonly text: string
  /** Line on which it begins, from 1. */
  readonly line: number
}

export interface XmlPiece {
  readonly element: XmlElement
  /** True where the text ended before the element was closed. */
  readonly isCut: boolean
}

interface OpenElement {
  name: string
  attributes: Record<string, string>
  children: OpenElement[]
  text: string
  line: number
}

const MOST_DEPTH = 200
const local = (name: string) => name.slice(name.indexOf(':') + 1)

/**
 * Reads the elements called one of `names` (an element inside another such is part of that one). `onEnd` is told whether
 * every element was closed, and the names of the elements at the outside.
 */
export async function* xmlElements(
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
        depth++
        const isInside = open.length > 0
        if ((!isInside && !names.has(local(name))) || open.length >= MOST_DEPTH) return
        const element: OpenElement = {
          name: local(name),
          attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [local(key), value])),
          children: [],
          text: '',
          line: lines.at(parser.startIndex),
        }
        open.at(-1)?.children.push(element)
        open.push(element)
      },
      ontext: (text) => {
        const innermost = open.at(-1)
        if (innermost !== undefined) innermost.text += text
      },
      onclosetag: (name, isImplied) => {
        depth--
        if (isOver && isImplied) isCut = true
        const innermost = open.at(-1)
        if (innermost === undefined || depth >= MOST_DEPTH || innermost.name !== local(name)) return
        open.pop()
        const outer = open.at(-1)
        if (outer === undefined) ready.push({ element: innermost, isCut: isOver && isImplied })
        else outer.text += innermost.text
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

/** Lines of places in a text that comes in chunks, asked for in rising order. */
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

/** The first child of a name. */
export function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((other) => other.name === name)
}

/** The children of a name. */
export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((other) => other.name === name)
}

/** The text of the first child of a name, on one line; undefined where there is none. */
export function childText(element: XmlElement, name: string): string | undefined {
  const text = child(element, name)?.text.trim()
  return text === '' ? undefined : text
}
