// Writes recommended papers as a feed, a mail or Markdown.
import { basename, extname } from 'node:path'
import { PaperkinError, show } from '../errors.ts'
import { writeOutput } from '../runtime/atomic-file.ts'
import { atomFeed } from './atom.ts'
import { mailPage } from './mail.ts'
import { recommendedMarkdown } from './markdown.ts'
import type { RecommendedPapers } from './recommended.ts'

type FeedFormat = 'atom' | 'mail' | 'markdown'

const endings: Readonly<Record<string, FeedFormat>> = {
  '.xml': 'atom',
  '.atom': 'atom',
  '.html': 'mail',
  '.htm': 'mail',
  '.md': 'markdown',
  '.markdown': 'markdown',
}

/**
 * The format for the extension of a file name.
 * @throws PaperkinError `invalid-argument` for an unknown extension
 */
export function feedFormat(path: string): FeedFormat {
  const format = endings[extname(path).toLowerCase()]
  if (format !== undefined) return format
  throw new PaperkinError(
    'invalid-argument',
    `Expected a file that ends in ${Object.keys(endings).join(', ')}, got ${show(path)}: its ending says what to write.`,
  )
}

/**
 * Writes recommended papers in the format of the file's extension.
 * @throws PaperkinError `invalid-argument` for an unknown extension, and for a file that cannot be written
 */
export async function recommendedFile(path: string, recommended: RecommendedPapers): Promise<void> {
  const format = feedFormat(path)
  const text =
    format === 'atom'
      ? atomFeed(recommended, { feed: basename(path) })
      : format === 'mail'
        ? mailPage(recommended)
        : recommendedMarkdown(recommended)
  await writeOutput(path, [text]).catch((cause: Error) => {
    throw new PaperkinError(
      'invalid-argument',
      `Expected a file that can be written, got ${show(path)}: ${cause.message}`,
      { cause },
    )
  })
}
