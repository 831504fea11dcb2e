// RIS (Research Information Systems): a tag of two letters, two blanks, a hyphen, a blank, a value; `ER` ends a record.
import { filled, given, isoDate, plainDoi, turnedName } from './field-values.ts'
import { numberedLines, type Place, type Reading } from './reading.ts'

export function looksLikeRis(head: string): boolean {
  return /^\s*TY {2}- ?\S/u.test(head)
}

type Tags = Map<string, string[]>

export async function* readRis(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  let tags: Tags | undefined
  let place: Place = {}
  let number = 0
  let last: string[] | undefined
  for await (const { line, text, isTooLong } of numberedLines(chunks)) {
    const match = /^([A-Z][A-Z0-9]) {1,2}-(?: (.*)|)$/u.exec(text.trimEnd())
    const tag = match?.[1]
    const value = (match?.[2] ?? '').trim()
    if (isTooLong) yield { problem: 'is too long for a field', place: { line } }
    else if (tag === 'TY') {
      if (tags !== undefined) {
        yield { record: fields(tags), place }
        yield { problem: 'begins a record before the last one was ended with ER', place: { line }, kind: 'doubtful' }
      }
      tags = new Map([['TY', [value]]])
      place = { record: ++number, line }
      last = undefined
    } else if (tag === 'ER') {
      if (tags === undefined) yield { problem: 'ends a record that was never begun with TY', place: { line } }
      else yield { record: fields(tags), place }
      tags = last = undefined
    } else if (tag !== undefined) {
      if (tags === undefined) {
        if (value !== '') yield { problem: `has a field outside of a record: ${tag}`, place: { line } }
        continue
      }
      last = tags.get(tag) ?? []
      last.push(value)
      tags.set(tag, last)
    } else if (text.trim() !== '') {
      // A value goes on where it was wrapped.
      if (last === undefined)
        yield { problem: 'is no field of RIS and follows none', place: { line }, text: text.slice(0, 60) }
      else last[last.length - 1] = `${last.at(-1)} ${text.trim()}`.trim()
    }
  }
  if (tags === undefined) return
  yield { record: fields(tags), place }
  yield { problem: 'is not ended with ER: the file may be cut off', place, kind: 'doubtful' }
}

function fields(tags: Tags): unknown {
  const all = (...names: string[]) => names.flatMap((name) => tags.get(name) ?? []).filter((value) => value !== '')
  const first = (...names: string[]) => all(...names)[0]
  const doi =
    plainDoi(first('DO')) ??
    all('UR', 'M3')
      .map((url) => /doi\.org\/(10\..+)$/iu.exec(url)?.[1])
      .find((found) => found)
  return given({
    id: first('ID'),
    title: first('TI', 'T1', 'CT', 'BT'),
    abstract: all('AB').join('\n\n') || first('N2'),
    authors: all('AU', 'A1').map(turnedName),
    categories: all('KW'),
    published: isoDate(first('DA', 'PY', 'Y1')),
    url: first('UR', 'L2', 'LK') ?? (doi && `https://doi.org/${doi}`),
    doi,
    journal: first('T2', 'JO', 'JF', 'JA'),
    publisher: first('PB'),
    language: first('LA'),
    type: filled(first('TY')),
    note: first('N1'),
  })
}
