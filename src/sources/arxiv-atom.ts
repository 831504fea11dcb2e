// The Atom feed of arXiv's interface (info.arxiv.org/help/api), other Atom feeds of papers, and RSS.
import { given, isoDate, oneLine } from './field-values.ts'
import type { Reading } from './reading.ts'
import { child, childrenOf, childText, type XmlElement, xmlElements } from './xml.ts'

const records = new Set(['entry', 'item'])

export async function* readAtom(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  let number = 0
  let end = { isCut: false, line: 1 }
  const pieces = xmlElements(chunks, records, (last) => {
    end = last
  })
  for await (const { element, isCut } of pieces) {
    const place = { record: ++number, line: element.line }
    const error = /\/api\/errors/u.test(childText(element, 'id') ?? '')
    if (error)
      yield { problem: `is an error of the server: ${childText(element, 'summary') ?? 'no reason is given'}`, place }
    else if (isCut) yield { problem: 'breaks off before its end: the file is cut off there', place }
    else yield { record: element.name === 'item' ? rssFields(element) : atomFields(element), place }
  }
  if (end.isCut)
    yield {
      problem: 'is the end of the feed before it is closed: the file may be cut off',
      place: { line: end.line },
      kind: 'doubtful',
    }
}

function atomFields(entry: XmlElement): unknown {
  const links = childrenOf(entry, 'link').map(({ attributes }) => attributes)
  const url =
    links.find(({ rel, href }) => (rel === undefined || rel === 'alternate') && href)?.href ?? childText(entry, 'id')
  return given({
    title: oneLine(childText(entry, 'title')),
    abstract: oneLine(childText(entry, 'summary') ?? childText(entry, 'content')),
    authors: childrenOf(entry, 'author').flatMap((author) => oneLine(childText(author, 'name')) ?? []),
    categories: [...new Set(childrenOf(entry, 'category').flatMap(({ attributes }) => attributes.term || []))],
    published: childText(entry, 'published') ?? childText(entry, 'updated'),
    url,
    updated: childText(entry, 'updated'),
    comment: oneLine(childText(entry, 'comment')),
    journal: oneLine(childText(entry, 'journal_ref')),
    doi: childText(entry, 'doi'),
    primaryCategory: child(entry, 'primary_category')?.attributes.term,
  })
}

function rssFields(item: XmlElement): unknown {
  return given({
    title: oneLine(childText(item, 'title')),
    abstract: childText(item, 'description')?.replace(/^arXiv:\S+\s+Announce Type:\s*\S+\s*(?:Abstract:\s*)?/u, ''),
    authors: childrenOf(item, 'creator')
      .flatMap(({ text }) => text.split(/,\s+/u).map((name) => name.trim()))
      .filter((name) => name !== ''),
    categories: childrenOf(item, 'category').map(({ text }) => text.trim()),
    published: isoDate(childText(item, 'pubDate') ?? childText(item, 'date')),
    url: childText(item, 'link'),
  })
}
