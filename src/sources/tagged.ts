// Formats of tagged lines: RIS, PubMed's NBIB, EndNote's Refer, Web of Science. They differ only in how a tag is written,
// which tags start and end a record, and what the tags mean.
import { isoDateIn } from '../text/iso-date.ts'
import { filled, given, plainDoi, splitList, turnedName } from './field-values.ts'
import { numberedLines, type Place, type Reading } from './reading.ts'

type Tags = ReadonlyMap<string, readonly string[]>

interface Grammar {
  readonly name: string
  /** The tag and value of a line, or undefined if the line continues the last value. */
  readonly field: (line: string, style: string | undefined) => readonly [tag: string, value: string] | undefined
  /** A tag that every record has once; it starts a new record. */
  readonly first: string
  /** Whether a record may have fields before its `first` tag. */
  readonly isFirstLate?: true
  /** The tag that ends a record; without it a blank line does. */
  readonly last?: string
  /** Tags of the file, outside of records. */
  readonly outside?: ReadonlySet<string>
  /** Tags whose continuation lines are separate values. */
  readonly lists?: ReadonlySet<string>
  /** Tags whose values are never longer than a line. */
  readonly short?: ReadonlySet<string>
  readonly fields: (tags: Tags, rest: Set<string>) => Record<string, unknown>
}

/** The RIS format (Research Information Systems): `TI  - A title`, from `TY` to `ER`. */
export const readRis = reader({
  name: 'RIS',
  field: (line, style) => {
    const match = /^\s{0,3}([A-Z][A-Z0-9])( {1,2}|\t)-(?:[ \t](.*)|)$/u.exec(line)
    // If tags are followed by two spaces, a line with one space is text.
    return match === null || (style === '  ' && match[2] === ' ') ? undefined : [match[1] as string, match[3] ?? '']
  },
  first: 'TY',
  isFirstLate: true,
  last: 'ER',
  short: new Set(['ID', 'TY', 'PY', 'Y1', 'DA', 'Y2', 'DO', 'VL', 'IS', 'SP', 'EP', 'SN']),
  fields: (tags, rest) => {
    const { all, first } = access(tags, rest)
    const doi =
      plainDoi(first('DO')) ??
      ['UR', 'M3', 'L3', 'N1']
        .flatMap((tag) => tags.get(tag) ?? [])
        .map((text) => /doi(?:\.org\/|:\s*)(10\.\S+)/iu.exec(text)?.[1])
        .find((found) => found !== undefined)
    return {
      id: first('ID'),
      title: first('TI', 'T1', 'CT', 'BT'),
      abstract: all('AB').join('\n\n') || first('N2'),
      authors: [...new Set([...all('AU'), ...all('A1')].map(turnedName))],
      categories: all('KW'),
      published: fullest(tags, rest, ['DA', 'PY', 'Y1']),
      url: first('UR', 'L2', 'LK') ?? (doi && `https://doi.org/${doi}`),
      doi: doi ?? first('DO'),
      journal: first('T2', 'JO', 'JF', 'JA'),
      publisher: first('PB'),
      language: first('LA'),
      type: filled(first('TY')),
      note: all('N1').join('\n\n'),
    }
  },
})

/** PubMed's own format (MEDLINE, "NBIB"): tags of up to four letters, `PMID` first, continuation lines indented. */
export const readNbib = reader({
  name: 'PubMed NBIB',
  field: (line) => {
    const match = /^([A-Z][A-Z0-9]{1,3}) {0,2}-(?: (.*)|)$/u.exec(line)
    return match === null ? undefined : [match[1] as string, match[2] ?? '']
  },
  first: 'PMID',
  fields: (tags, rest) => {
    const { all, first } = access(tags, rest)
    const pmid = first('PMID')
    const doi = [...(tags.get('AID') ?? []), ...(tags.get('LID') ?? [])]
      .map((text) => /^(\S+) \[doi\]$/iu.exec(text)?.[1])
      .find((found) => found !== undefined)
    const names = tags.has('FAU') ? all('FAU') : all('AU')
    return {
      id: pmid && `PMID:${pmid}`,
      title: first('TI', 'BTI', 'TT'),
      abstract: all('AB').join('\n\n') || first('OAB'),
      authors: [...names.map(turnedName), ...all('CN')],
      categories: [...new Set([...all('OT'), ...all('MH')])],
      published: first('DP', 'DEP', 'CRDT'),
      url: pmid ? `https://pubmed.ncbi.nlm.nih.gov/${pmid}/` : doi && `https://doi.org/${doi}`,
      doi,
      pmid,
      journal: first('JT', 'TA'),
      language: first('LA'),
      type: all('PT').join('; '),
    }
  },
})

/** EndNote's Refer format: `%T A title`; a blank line or the next `%0` ends a record. */
export const readRefer = reader({
  name: 'EndNote Refer',
  field: (line) => {
    const match = /^%([A-Z0-9@!?+*<>~#$()[\]&^]) ?(.*)$/u.exec(line)
    return match === null ? undefined : [match[1] as string, match[2] ?? '']
  },
  first: '0',
  fields: (tags, rest) => {
    const { all, first } = access(tags, rest)
    const doi = plainDoi([...(tags.get('R') ?? [])].find((text) => /10\.\d{4,}/u.test(text)))
    return {
      id: first('F'),
      title: first('T'),
      abstract: all('X').join('\n\n'),
      authors: all('A').map(turnedName),
      categories: all('K').flatMap((text) => splitList(text)),
      published: fullest(tags, rest, ['8', 'D']),
      url: first('U') ?? (doi && `https://doi.org/${doi}`),
      doi,
      journal: first('J', 'B'),
      publisher: first('I'),
      language: first('G'),
      type: first('0'),
    }
  },
})

/** Web of Science's tagged format: two letters and a space, continuation lines indented by three, `PT` to `ER`. */
export const readWebOfScience = reader({
  name: 'Web of Science',
  field: (line) => {
    const match = /^([A-Z][A-Z0-9])(?: (.*)|)$/u.exec(line)
    return match === null ? undefined : [match[1] as string, match[2] ?? '']
  },
  first: 'PT',
  last: 'ER',
  outside: new Set(['FN', 'VR', 'EF']),
  lists: new Set(['AU', 'AF', 'BA', 'BF', 'BE', 'GP', 'CA', 'C1', 'C3', 'CR', 'RI', 'OI']),
  fields: (tags, rest) => {
    const { all, first } = access(tags, rest)
    const doi = plainDoi(first('DI', 'D2'))
    const [day, year] = [first('PD'), first('PY')]
    return {
      id: first('UT'),
      title: first('TI'),
      abstract: all('AB').join('\n\n'),
      authors: [...(tags.has('AF') ? all('AF') : all('AU')).map(turnedName), ...all('CA')],
      categories: [...all('DE'), ...all('WC')].flatMap((text) => splitList(text)),
      published: year && day ? `${day} ${year}` : year,
      url: doi && `https://doi.org/${doi}`,
      doi,
      journal: first('SO'),
      publisher: first('PU'),
      language: first('LA'),
      type: first('DT'),
    }
  },
})

/** Reads tags of a record and removes them from `rest`. */
function access(tags: Tags, rest: Set<string>) {
  const said = (tag: string) => (tags.get(tag) ?? []).filter((value) => value !== '')
  return {
    all: (tag: string) => {
      rest.delete(tag)
      return said(tag)
    },
    /** The first value of the first tag that has one; the other tags stay in `rest` if their values differ. */
    first: (...names: readonly string[]) => {
      const tag = names.find((name) => said(name).length > 0)
      if (tag === undefined) return undefined
      const [value, ...more] = said(tag)
      if (more.every((other) => other === value)) rest.delete(tag)
      for (const name of names) if (said(name).every((other) => other === value)) rest.delete(name)
      return value
    },
  }
}

/** The most precise value of tags with dates; the others stay in `rest` only if they contradict it. */
function fullest(tags: Tags, rest: Set<string>, names: readonly string[]): string | undefined {
  const dates = names.flatMap((name) => (tags.get(name) ?? []).map((value) => ({ name, value, iso: isoDateIn(value) })))
  const best = dates.reduce<(typeof dates)[number] | undefined>(
    (best, date) => ((date.iso?.length ?? 0) > (best?.iso?.length ?? 0) ? date : best),
    undefined,
  )
  if (best?.iso === undefined) return dates.find(({ value }) => value !== '')?.value
  for (const name of names)
    if (dates.every((date) => date.name !== name || date === best || best.iso?.startsWith(date.iso ?? '-')))
      rest.delete(name)
  return best.value
}

function reader(grammar: Grammar): (chunks: AsyncIterable<string>) => AsyncGenerator<Reading> {
  return (chunks) => readTagged(chunks, grammar)
}

async function* readTagged(chunks: AsyncIterable<string>, grammar: Grammar): AsyncGenerator<Reading> {
  const { name, first, last, outside, lists, short } = grammar
  // Lines of each value, joined at the end of the record.
  let tags: Map<string, string[][]> | undefined
  let place: Place = {}
  let number = 0
  let open: string[] | undefined
  let openTag = ''
  let style: string | undefined
  /** Whether records of this file have fields before their `first` tag, as seen in the first record. */
  let isLate: boolean | undefined
  /** The width at which the file's lines are cut, even within words; 0 if they are not. */
  let width = 0
  const text = (lines: readonly string[]) => {
    const [line = ''] = lines
    const isCut =
      lines.length > 1 && line.length >= 40 && lines.slice(0, -1).every(({ length }) => length === line.length)
    if (isCut && lines.length > 3) width = line.length
    if (isCut && line.length === width) return lines.join('').trim()
    return lines
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join(' ')
  }
  const take = (): Reading => {
    const joined = new Map([...(tags ?? [])].map(([tag, values]) => [tag, values.map(text)] as const))
    const rest = new Set(joined.keys())
    const fields = grammar.fields(joined, rest)
    const extra = Object.fromEntries(
      [...rest].flatMap((tag) => {
        const values = (joined.get(tag) ?? []).filter((value) => value !== '')
        return values.length === 0 ? [] : [[tag, values.length === 1 ? values[0] : values]]
      }),
    )
    const record = given({ ...fields, ...(Object.keys(extra).length > 0 && { extra }) })
    tags = open = style = undefined
    return { record, place, isKey: !/^(?:PMID|WOS):/u.test(String(record.id)) }
  }
  let hasFirst = false
  /** The record, and whether it may be the rest of another: where only blank lines end records, and others have `first`. */
  function* taken(): Generator<Reading> {
    const isWhole = tags?.has(first) === true
    const ended = place
    yield take()
    if (last === undefined && hasFirst && !isWhole)
      yield {
        problem: `has no ${first.length === 1 ? `%${first}` : first}: a blank line may have cut it off the record before`,
        place: ended,
        kind: 'doubtful',
      }
    hasFirst ||= isWhole
  }
  for await (const { line, text: raw, isTooLong } of numberedLines(chunks)) {
    if (isTooLong) {
      yield { problem: 'is too long for a field', place: { line } }
      continue
    }
    const trimmed = raw.trimEnd()
    if (trimmed.trim() === '') {
      // A blank line ends a record if no tag does, or if the record lacks its `first` tag.
      if (tags !== undefined && (last === undefined || (grammar.isFirstLate && !tags.has(first)))) {
        yield* taken()
      }
      continue
    }
    const [tag, value] = grammar.field(trimmed, style) ?? []
    if (tag === undefined || value === undefined) {
      // Some programs number records.
      if (open === undefined && /^\d+\.?$/u.test(trimmed)) continue
      if (open === undefined || short?.has(openTag))
        yield { problem: `is not a field of ${name}`, place: { line }, kind: 'passed-over', text: trimmed.slice(0, 60) }
      else if (lists?.has(openTag)) tags?.get(openTag)?.push([trimmed])
      else open.push(raw)
      continue
    }
    if (outside?.has(tag)) {
      open = undefined
      continue
    }
    if (tag === last) {
      if (tags === undefined) yield { problem: `ends a record without fields`, place: { line }, kind: 'doubtful' }
      else {
        const isBegun = tags.has(first)
        const ended = place
        yield take()
        if (!isBegun)
          yield {
            problem: `has no ${first}: the file may start in the middle of the record`,
            place: ended,
            kind: 'doubtful',
          }
      }
      continue
    }
    if (tag === first) isLate ??= tags !== undefined
    if (tags !== undefined && tag === first && (tags.has(first) || !isLate || !grammar.isFirstLate)) {
      const isBegun = tags.has(first)
      yield* taken()
      if (last !== undefined && isBegun)
        yield {
          problem: `starts a record before the last one ended with ${last}`,
          place: { line },
          kind: 'doubtful',
        }
    }
    if (tags === undefined) {
      tags = new Map()
      place = { record: ++number, line }
    }
    if (style === undefined || tag === first) style = /^\s*[A-Z0-9%]{2,4}( +)-/u.exec(trimmed)?.[1]
    open = [
      name === 'RIS'
        ? raw.slice(raw.length - raw.trimStart().length + trimmed.trimStart().length - value.length)
        : value,
    ]
    openTag = tag
    const values = tags.get(tag) ?? []
    values.push(open)
    tags.set(tag, values)
  }
  if (tags === undefined) return
  const ended = place
  yield* taken()
  if (last !== undefined)
    yield { problem: `does not end with ${last}: the file may be cut off`, place: ended, kind: 'doubtful' }
}

/**
 * Offset of the first tagged line, which may come before the line that identifies the format; -1 if that is missing.
 */
function tagsAt(head: string, certain: RegExp, tag: RegExp): number {
  const sure = certain.exec(head)
  if (sure === null) return -1
  const begins = tag.exec(head)
  return begins === null ? sure.index : Math.min(sure.index, begins.index)
}

export const risAt = (head: string): number =>
  tagsAt(
    head,
    /^[ \t]{0,3}(?:TY(?: {1,2}|\t)-[ \t]{1,3}[A-Z]{2,}|ER {2}-[ \t]*$)/mu,
    /^[ \t]{0,3}[A-Z][A-Z0-9] {2}- {1,3}\S/mu,
  )
export const nbibAt = (head: string): number =>
  tagsAt(head, /^PMID- {0,2}\d/mu, /^(?:[A-Z]{4}- |[A-Z]{3} - |[A-Z]{2} {2}- )\S/mu)
export const referAt = (head: string): number =>
  tagsAt(
    head,
    /^%0 [A-Z][a-z]|^%T \S[^\n]*\n(?:[^\n]*\n){0,40}%[ADJX] \S|^%[ADJX] \S[^\n]*\n(?:[^\n]*\n){0,40}%T \S/mu,
    /^%[A-Z0-9] \S/mu,
  )
export const webOfScienceAt = (head: string): number =>
  tagsAt(
    head,
    /^FN (?:Clarivate|Thomson|ISI|Web of)|^PT [A-Z]\n(?:[A-Z][A-Z0-9] |ER$)|^UT (?:WOS|ISI):|^TI [^\n]+\n(?: {3}[^\n]+\n)*SO [A-Z]/mu,
    /^(?:FN|VR|PT|AU|AF|TI|SO|DE|AB|C1) \S/mu,
  )
