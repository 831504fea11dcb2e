// Feeds: Atom, from arXiv's interface (info.arxiv.org/help/api) and others, and RSS of any version.
import { isoDateIn } from '../text/iso-date.ts'
import { given, nameList, oneLine, plainDoi } from './field-values.ts'
import type { Reading } from './reading.ts'
import { child, childrenOf, childText, otherFields, type XmlElement, xmlReadings } from './xml.ts'

const records = new Set(['entry', 'item'])

export function readAtom(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  return xmlReadings(chunks, {
    names: records,
    whole: 'feed',
    read: (element, next) => {
      const place = next()
      if (/\/api\/errors/u.test(childText(element, 'id') ?? ''))
        return { problem: `is a server error: ${childText(element, 'summary') ?? 'no reason given'}`, place }
      if (element.name === 'entry') return { record: atomFields(element), place, from: 'an Atom feed' }
      return { record: rssFields(element), place, from: isPubmed(element) ? 'PubMed RSS' : 'an RSS feed' }
    },
  })
}

const ofEntry = new Set(
  'title summary content author category published updated link id comment journal_ref doi primary_category'.split(' '),
)

function atomFields(entry: XmlElement): unknown {
  const links = childrenOf(entry, 'link').map(({ attributes }) => attributes)
  const url =
    links.find(({ rel, href }) => (rel === undefined || rel === 'alternate') && href)?.href ?? childText(entry, 'id')
  const id = childText(entry, 'id')
  return given({
    title: oneLine(childText(entry, 'title')),
    abstract: oneLine(childText(entry, 'summary') ?? childText(entry, 'content')),
    authors: childrenOf(entry, 'author').flatMap(
      (author) => oneLine(childText(author, 'name') ?? (author.children.length === 0 ? author.text : undefined)) || [],
    ),
    categories: [...new Set(childrenOf(entry, 'category').flatMap(({ attributes }) => attributes.term || []))],
    published: childText(entry, 'published') ?? childText(entry, 'updated'),
    url,
    updated: childText(entry, 'updated'),
    comment: oneLine(childText(entry, 'comment')),
    journal: oneLine(childText(entry, 'journal_ref')),
    doi: childText(entry, 'doi'),
    primaryCategory: child(entry, 'primary_category')?.attributes.term,
    extra: { ...otherFields(entry, ofEntry), ...(id !== undefined && id !== url && { entry: id }) },
  })
}

const isPubmed = (item: XmlElement) =>
  /^pubmed:/iu.test(childText(item, 'guid') ?? '') ||
  childrenOf(item, 'identifier').some(({ text }) => /^pmid:/iu.test(text))

const ofItem = new Set(
  'title description encoded creator author category subject pubDate date link guid identifier'.split(' '),
)

function rssFields(item: XmlElement): unknown {
  const identifiers = [childText(item, 'guid') ?? '', ...childrenOf(item, 'identifier').map(({ text }) => text.trim())]
  const numbered = (pattern: RegExp) => identifiers.map((text) => pattern.exec(text)?.[1]).find((found) => found)
  const pmid = numbered(/^(?:pubmed|pmid):\s*(\d+)$/iu)
  const description = childText(item, 'description')
  const encoded = childText(item, 'encoded')
  const announced = /^arXiv:(\S+)\s+Announce Type:\s*(\S+)\s*(?:Abstract:\s*)?/u.exec(description ?? '')
  const link = childText(item, 'link') ?? item.attributes.about
  return given({
    id: pmid && `PMID:${pmid}`,
    title: oneLine(childText(item, 'title')),
    abstract: pmid ? pubmedAbstract(encoded) : (description?.slice(announced?.[0].length ?? 0) ?? encoded),
    authors: [...childrenOf(item, 'creator'), ...childrenOf(item, 'author')]
      .flatMap(({ text }) =>
        /,\s*(?:\p{Lu}\.\s?)+,/u.test(text) ? nameList(text) : text.split(/,\s+/u).map((name) => name.trim()),
      )
      .filter((name) => name !== ''),
    categories: [...childrenOf(item, 'category'), ...childrenOf(item, 'subject')].map(({ text }) => text.trim()),
    published: isoDateIn(
      childText(item, 'pubDate') ??
        childText(item, 'date') ??
        (pmid && /\b\d{4} [A-Z][a-z]{2}(?: \d{1,2})?\b/u.exec(description ?? '')?.[0]),
    ),
    url: link,
    version: announced === null ? undefined : /v(\d+)$/u.exec(announced[1] ?? '')?.[1],
    doi: plainDoi(
      numbered(/^doi:\s*(10\.\S+)$/iu) ?? (pmid && /\bdoi:\s*(10\.[^\s]+?)\.?(?:\s|$)/iu.exec(description ?? '')?.[1]),
    ),
    pmid,
    announced: announced?.[2],
    extra: {
      ...otherFields(item, ofItem),
      ...(pmid && description && { description: oneLine(description) }),
    },
  })
}

/** The unchanged paragraphs of a PubMed feed between the heading of the abstract and the article's identifiers. */
function pubmedAbstract(html: string | undefined): string | undefined {
  if (html === undefined || !/>\s*ABSTRACT\s*</u.test(html)) return undefined
  const paragraphs = html.split('</p>').map((part) => part.slice(part.lastIndexOf('<p')).replace(/^<p[^<>]*>/u, ''))
  const start = paragraphs.findIndex((text) => /^(?:<[^<>]+>|\s)*ABSTRACT(?:<[^<>]+>|\s)*$/u.test(text))
  const length = paragraphs.slice(start + 1).findIndex((text) => /^\s*(?:PMID|PMCID|DOI)\s*:/u.test(text))
  const found = paragraphs.slice(start + 1, length < 0 ? undefined : start + 1 + length)
  return found.filter((text) => !/^\s*(?:<[^<>]*>\s*)*$/u.test(text)).join('\n') || undefined
}
