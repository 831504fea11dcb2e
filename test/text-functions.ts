// Every function that reads texts of others, outside of the readers of files.

import { shortened, width, wrapped } from '../src/cli/fitted-text.ts'
import { table } from '../src/cli/table.ts'
import { printable, printableLine } from '../src/cli/terminal.ts'
import { countTerms } from '../src/lexical/count-terms.ts'
import { phraseMatcher, quotedPhrases } from '../src/library/asking/quoted-phrases.ts'
import { sentences } from '../src/library/asking/why.ts'
import { findPapers } from '../src/library/collection/find-papers.ts'
import { PaperLibrary } from '../src/library/paper-library.ts'
import { derivedId, paperName, plainId, toPaper } from '../src/paper.ts'
import { exactIsoDate } from '../src/text/iso-date.ts'
import { stemSpeller } from '../src/text/spelling.ts'
import { tokens, withoutMarkup } from '../src/text/tokens.ts'
import { Words } from '../src/topics/words.ts'
import { letters } from './library/letters.ts'

const paperOf = (text: string) => ({ id: 'x', title: 'A title', abstract: text })
const kept = (text: string) => {
  const paper = toPaper(paperOf(`${text}.`))
  return new Map([['x', { id: 'x', row: 0, textCrc: 0, cached: paper }]])
}

export const textFunctions: Readonly<Record<string, (text: string) => unknown>> = {
  toPaper: (text) =>
    toPaper({
      id: `${text}.`.toWellFormed(),
      title: `${text}.`,
      abstract: text,
      authors: [text],
      published: text,
      url: text,
      extra: { text },
    }),
  derivedId,
  plainId,
  paperName: (text) => paperName({ title: '', abstract: text }),
  exactIsoDate,
  withoutMarkup,
  stemSpeller: (text) => stemSpeller({ title: text, abstract: text })(text),
  tokens,
  countTerms: (text) => countTerms({ title: text, abstract: text }, () => {}),
  Words: (text) => new Words().read({ title: text, abstract: text }),
  quotedPhrases,
  phraseMatcher: (text) => {
    const [phrase] = quotedPhrases('"a b"')
    return phrase && phraseMatcher(phrase)(toPaper(paperOf(`${text}.`)))
  },
  sentences,
  findPapers: (text) => [...findPapers(kept(text), text, 5)],
  width,
  shortened: (text) => shortened(text, Math.floor(text.length / 3)),
  wrapped: (text) => wrapped(text, 80),
  table: (text) => table([{ isFlexible: true }], [[text]], 80),
  printable,
  printableLine,
  library: async (text) => {
    const library = await PaperLibrary.open({ embedder: letters() })
    await library.add([paperOf(`${text}.`), { id: 'y', title: 'Other', abstract: `${text} other.` }])
    await library.search(text, { why: true })
    await library.related('x', { why: true })
    await library.duplicates()
    await library.close()
  },
}
