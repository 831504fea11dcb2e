import { readFile } from 'node:fs/promises'
import { Option } from 'commander'
import { PaperkinError, type PaperkinIssue, show } from '../errors.ts'
import type { PaperLibrary } from '../library/paper-library.ts'
import { count } from '../report/wording.ts'
import type { NamedTopic, Topics } from '../topics/find-topics.ts'

/** `--names <file>`: user-defined topics. */
export const namesOption = () =>
  new Option('--names <file>', 'topics of your own, one per line: Name: term, term [id of an example, id]')

const form = 'write a line such as `Robot manipulation: grasping, dexterous hands [2401.00001]`, or # before a comment'

/** A named topic and its line number. */
interface NamedLine extends NamedTopic {
  readonly terms: readonly string[]
  readonly papers: readonly string[]
  readonly line: number
}

/**
 * Reads named topics from a file; their examples must be in the library.
 * @throws PaperkinError `unreadable-source` with an issue for each bad line
 */
export async function readNames(
  path: string,
  library: PaperLibrary,
  signal: AbortSignal,
): Promise<readonly NamedTopic[]> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (cause) {
    throw new PaperkinError(
      'unreadable-source',
      `Expected topic names in ${path}, as UTF-8 text; it could not be read.`,
      {
        cause,
      },
    )
  }
  const { topics, issues } = parseNames(text)
  const examples = topics.flatMap(({ name, papers, line }) => papers.map((id) => ({ id, name, line })))
  const found = await library.readPapers(
    examples.map(({ id }) => id),
    { signal },
  )
  for (const [i, { id, name, line }] of examples.entries())
    if (found[i] === undefined)
      issues.push(
        badLine(line, `names ${show(id)} as an example of ${show(name)}, but no paper has that id: remove it`),
      )
  const [first] = issues.sort((a, b) => (a.path?.[0] as number) - (b.path?.[0] as number))
  if (first !== undefined) {
    const others = issues.length > 1 ? ` (and ${count(issues.length - 1, 'more bad line')})` : ''
    throw new PaperkinError('unreadable-source', `${path}, ${lowered(first.message)}${others}`, { issues })
  }
  if (topics.length === 0)
    throw new PaperkinError('unreadable-source', `Expected topic names in ${path}, found none: ${form}.`)
  return topics.map(({ name, terms, papers }) => ({ name, terms, papers }))
}

const lowered = (sentence: string) => sentence.replace(/^L/u, 'l')

const badLine = (line: number, what: string): PaperkinIssue => ({ message: `Line ${line} ${what}.`, path: [line] })

/** Parses named topics and collects an issue for each bad line. */
function parseNames(text: string): { readonly topics: readonly NamedLine[]; readonly issues: PaperkinIssue[] } {
  const topics: NamedLine[] = []
  const issues: PaperkinIssue[] = []
  const lineOf = new Map<string, number>()
  const ownerOf = new Map<string, NamedLine>()
  for (const [i, raw] of text.split(/\r\n|\n|\r/u).entries()) {
    const line = i + 1
    const bad = (what: string) => issues.push(badLine(line, what))
    // The # of C# does not start a comment.
    const content = raw.replace(/(?:^|\s)#.*$/u, '').trim()
    if (content === '') continue
    const [, before = '', inside] = /^([^[\]]*)(?:\[([^[\]]*)\])?$/u.exec(content) ?? []
    if (before === '') {
      bad(`needs a name first and at most one pair of brackets, at its end: ${form}`)
      continue
    }
    const colon = before.indexOf(':')
    const name = (colon < 0 ? before : before.slice(0, colon)).replace(/\s+/gu, ' ').trim()
    const terms = colon < 0 ? [] : parts(before.slice(colon + 1))
    const papers = inside === undefined ? [] : parts(inside)
    if (!/[\p{L}\p{N}]/u.test(name)) bad(`has no name before its colon: ${form}`)
    else if (terms.some((term) => !/[\p{L}\p{N}]/u.test(term)))
      bad('has an empty term between its commas: remove the comma, or write a term')
    else if (papers.some((id) => id === '')) bad('has an empty id in its brackets: remove the comma, or write an id')
    else if (lineOf.has(name.toLowerCase()))
      bad(`repeats the name ${show(name)} of line ${lineOf.get(name.toLowerCase())}: merge the two lines`)
    else {
      const topic = { name, terms, papers, line }
      const shared = papers.find((id) => ownerOf.has(id))
      if (shared !== undefined)
        bad(`names ${show(shared)}, which is already an example in line ${ownerOf.get(shared)?.line}: keep one of them`)
      topics.push(topic)
      lineOf.set(name.toLowerCase(), line)
      for (const id of papers) ownerOf.set(id, topic)
    }
  }
  return { topics, issues }
}

/** The items of a comma-separated list; none for a blank one. */
function parts(list: string): string[] {
  return list.trim() === '' ? [] : list.split(',').map((part) => part.replace(/\s+/gu, ' ').trim())
}

/** A line that lists the names that matched no paper; undefined if all matched. */
export function unmatchedLine({ unmatched }: Topics): string | undefined {
  return unmatched.length === 0 ? undefined : `No papers match ${unmatched.join(', ')}`
}
