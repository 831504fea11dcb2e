// OAI-PMH 2.0 (openarchives.org) with arXiv's own records (arXiv, arXivRaw) or Dublin Core.
import { isoDateIn } from '../text/iso-date.ts'
import { given, nameList, oneLine, splitList } from './field-values.ts'
import type { Place, Reading } from './reading.ts'
import { child, childrenOf, childText, otherFields, type XmlElement, xmlReadings } from './xml.ts'

const wanted = new Set(['record', 'error', 'resumptionToken'])

export function readOaiPmh(chunks: AsyncIterable<string>): AsyncGenerator<Reading> {
  return xmlReadings(chunks, {
    names: wanted,
    whole: 'list',
    read: (element, next) => {
      if (element.name === 'error')
        return {
          problem: `is a server error (${element.attributes.code ?? 'no code'}): ${element.text.trim()}`,
          place: { line: element.line },
        }
      if (element.name === 'record') return readRecord(element, next())
      // The file holds only one part of a long list.
      const size = Number(element.attributes.completeListSize)
      if (element.text.trim() === '') return undefined
      return {
        problem: `says that the list continues${size > 0 ? `, to ${size} records` : ''}: this file is only a part of it`,
        place: { line: element.line },
        kind: 'doubtful',
      }
    },
  })
}

function readRecord(record: XmlElement, place: Place): Reading {
  const header = child(record, 'header')
  const identifier = header && childText(header, 'identifier')
  if (header?.attributes.status === 'deleted')
    return { problem: `was deleted by its archive (${identifier ?? 'no identifier'})`, place, kind: 'passed-over' }
  const metadata = child(record, 'metadata')?.children[0]
  if (metadata === undefined) return { problem: 'has no metadata', place }
  const id = /^oai:arxiv\.org:(.+)$/iu.exec(identifier ?? '')?.[1]
  return { record: metadata.name === 'dc' ? dublinCore(metadata, id) : arxivFields(metadata, id), place }
}

const ofArxiv = new Set(
  'id title abstract authors categories created updated version comments journal-ref doi license'.split(' '),
)

function arxivFields(metadata: XmlElement, identifier: string | undefined): unknown {
  const id = childText(metadata, 'id') ?? identifier
  const authors = child(metadata, 'authors')
  const versions = childrenOf(metadata, 'version')
  const created = childText(metadata, 'created') ?? (versions[0] && isoDateIn(childText(versions[0], 'date')))
  return given({
    id,
    title: oneLine(childText(metadata, 'title')),
    abstract: oneLine(childText(metadata, 'abstract')),
    authors:
      authors === undefined
        ? undefined
        : authors.children.length > 0
          ? authors.children.flatMap((author) => personName(author) ?? [])
          : nameList(authors.text.replace(/\s*\([^()]*\)/gu, ' ')),
    categories: splitList((childText(metadata, 'categories') ?? '').replace(/\s+/gu, ';')),
    published: created,
    url: id === undefined ? undefined : `https://arxiv.org/abs/${id}`,
    version: versions.at(-1)?.attributes.version ?? (versions.length || undefined),
    updated: childText(metadata, 'updated'),
    comment: oneLine(childText(metadata, 'comments')),
    journal: oneLine(childText(metadata, 'journal-ref')),
    doi: childText(metadata, 'doi'),
    license: childText(metadata, 'license'),
    extra: otherFields(metadata, ofArxiv),
  })
}

function personName(author: XmlElement): string | undefined {
  const parts = ['forenames', 'keyname', 'suffix'].flatMap((name) => oneLine(childText(author, name)) ?? [])
  return parts.length === 0 ? oneLine(author.text) : parts.join(' ')
}

function dublinCore(metadata: XmlElement, id: string | undefined): unknown {
  const texts = (name: string) => childrenOf(metadata, name).flatMap(({ text }) => oneLine(text) || [])
  const identifiers = texts('identifier')
  // The abstract comes first, then comments.
  const [abstract, ...comments] = texts('description')
  const [title, ...titles] = texts('title')
  const doi = identifiers
    .map((text) => /^(?:doi:\s*|https?:\/\/(?:dx\.)?doi\.org\/)?(10\.\d{4,}\/\S+)$/iu.exec(text)?.[1])
    .find((found) => found !== undefined)
  return given({
    id,
    title,
    abstract,
    authors: texts('creator').map((name) => nameList(name)[0] ?? name),
    categories: texts('subject'),
    published: texts('date')[0],
    url: identifiers.find((text) => /^https?:/iu.test(text)) ?? (doi && `https://doi.org/${doi}`),
    comment: comments.map((text) => text.replace(/^Comment:\s*/u, '')).join(' '),
    doi,
    type: texts('type')[0],
    titles,
    dates: texts('date').slice(1),
    extra: otherFields(metadata, new Set('title description creator subject date identifier type'.split(' '))),
  })
}
