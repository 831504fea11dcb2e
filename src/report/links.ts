// Links to papers, and searches for those without one.
import { type Paper, paperName } from '../paper.ts'
import { linkOf } from './report-data.ts'

/** The paper's `http` or `https` address, or else that of its arXiv id or DOI; undefined without any of them. */
export function paperLink(paper: Paper): string | undefined {
  const doi = paperDoi(paper)
  return (
    linkOf(paper) ??
    (doi === undefined ? undefined : `https://doi.org/${encodeURI(doi).replace(/[?#]/gu, encodeURIComponent)}`)
  )
}

/** The DOI of a paper, bare and in lower case, from its field `doi`, its id or its address. */
export function paperDoi({ id, url, extra }: Paper): string | undefined {
  for (const value of [extra?.doi, id, url])
    if (typeof value === 'string') {
      const doi = doiOf(value)
      if (doi !== undefined) return doi
    }
  return undefined
}

/** Parses `10.1000/x`, `doi:10.1000/x` or a DOI's address into a bare DOI in lower case; undefined for other texts. */
export function doiOf(text: string): string | undefined {
  return /^(?:(?:https?:\/\/)?(?:dx\.)?doi\.org\/|doi:\s*)?(10\.\d{4,9}\/\S+)$/iu.exec(text.trim())?.[1]?.toLowerCase()
}

/** Length of an encoded query that every browser and every line of a mail can hold. */
const mostOfSearch = 600

/** A Google Scholar search for the paper's title. */
export function searchLink(paper: Pick<Paper, 'title' | 'abstract'>): string {
  const encoded = (text: string) => encodeURIComponent(`"${text}"`)
  let words = paperName(paper).toWellFormed().replace(/\s*…$/u, '').replaceAll('"', ' ')
  while (encoded(words).length > mostOfSearch) {
    const shorter = words.slice(0, Math.floor(words.length * 0.9)).replace(/[\ud800-\udbff]$/u, '')
    words = /\s/u.test(shorter) ? shorter.replace(/\s\S*$/u, '') : shorter
  }
  return `https://scholar.google.com/scholar?q=${encoded(words)}`
}
