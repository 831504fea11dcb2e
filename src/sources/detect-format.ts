import { looksLikeBibtex } from './bibtex.ts'
import { type Columns, delimiterOf } from './delimited.ts'
import { looksLikeJson, looksLikeJsonLines } from './json.ts'
import { looksLikeRis } from './ris.ts'
import { looksLikeHtml } from './saved-page.ts'

/** What a source may be. `page` is the text of a copied digest page, and what is none of the others. */
export const sourceFormats = ['page', 'html', 'json', 'jsonl', 'csv', 'bibtex', 'ris', 'atom', 'oai-pmh'] as const
export type SourceFormat = (typeof sourceFormats)[number]

/** Tells a format by the beginning of a text, never by a file's name. */
export function detectFormat(head: string, options: { readonly columns?: Columns | undefined } = {}): SourceFormat {
  if (/^\s*</u.test(head)) {
    const root = /<(?![?!])(?:[\w-]+:)?([\w-]+)/u.exec(head)?.[1]?.toLowerCase()
    if (root === 'oai-pmh' || root === 'listrecords' || root === 'getrecord' || root === 'record' || root === 'records')
      return 'oai-pmh'
    if (root === 'feed' || root === 'entry' || root === 'rss' || root === 'rdf') return 'atom'
    if (looksLikeHtml(head)) return 'html'
  }
  if (looksLikeJson(head)) return looksLikeJsonLines(head) ? 'jsonl' : 'json'
  if (looksLikeRis(head)) return 'ris'
  if (looksLikeBibtex(head)) return 'bibtex'
  if (delimiterOf(head, options.columns) !== undefined) return 'csv'
  return 'page'
}
